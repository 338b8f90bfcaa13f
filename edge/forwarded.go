package edge

import (
	"cmp"
	"net/http"
	"net/netip"
	"strings"
)

// forwardingHeaders are what proxies say about a request; they are taken off before
// anybody behind the edge could believe them.
var forwardingHeaders = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
	"X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Prefix", "X-Forwarded-Ssl", "X-Forwarded-Scheme",
	"X-Real-Ip", "X-Original-Uri", "X-Original-Url", "X-Rewrite-Url", "True-Client-Ip",
}

// forwarding is what a chain of proxies says, nearest proxy last.
type forwarding struct {
	nodes       []string // X-Forwarded-For
	standard    []string // the "for" of each element of Forwarded (RFC 7239)
	proto, host string   // as the nearest proxy has it; empty when it does not say
}

func readForwarding(h http.Header) forwarding {
	f := forwarding{nodes: splitList(h["X-Forwarded-For"], ',')}
	for _, element := range splitList(h["Forwarded"], ',') {
		f.addElement(element)
	}
	// More proxies write these two, so they win.
	f.proto = strings.ToLower(cmp.Or(lastOf(splitList(h["X-Forwarded-Proto"], ',')), f.proto))
	f.host = cmp.Or(lastOf(splitList(h["X-Forwarded-Host"], ',')), f.host)
	if f.proto != "http" && f.proto != "https" {
		f.proto = ""
	}
	return f
}

// addElement reads one element of Forwarded: what a nearer proxy says replaces what
// those before it said.
func (f *forwarding) addElement(element string) {
	var node string
	for _, pair := range splitList([]string{element}, ';') {
		name, value, _ := strings.Cut(pair, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "for":
			node = value
		case "proto":
			f.proto = value
		case "host":
			f.host = value
		}
	}
	f.standard = append(f.standard, node)
}

// client walks the chain from the nearest proxy to the first address that is not
// trusted: everything further left was written by strangers. A proxy that fills in one
// of the two headers passes the other as a client sent it, so where both are there they
// have to agree; else, and where a node hides itself, the address is unknown.
func (f forwarding) client(peer netip.Addr, trusted func(netip.Addr) bool) netip.Addr {
	if len(f.standard) == 0 {
		return walk(f.nodes, peer, trusted)
	}
	addr := walk(f.standard, peer, trusted)
	if len(f.nodes) > 0 && walk(f.nodes, peer, trusted) != addr {
		return netip.Addr{}
	}
	return addr
}

func walk(nodes []string, addr netip.Addr, trusted func(netip.Addr) bool) netip.Addr {
	for i := len(nodes) - 1; i >= 0 && trusted(addr); i-- {
		addr = parseNode(nodes[i])
	}
	return addr
}

// parseNode reads an address with or without port, "[2001:db8::1]:80" or "192.0.2.1".
func parseNode(node string) netip.Addr {
	if ap, err := netip.ParseAddrPort(node); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(node, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// splitList splits header lines at a separator that is not inside a quoted string.
func splitList(lines []string, separator byte) []string {
	var items []string
	for _, line := range lines {
		quoted, start := false, 0
		for i := range len(line) {
			switch {
			case line[i] == '"':
				quoted = !quoted
			case line[i] == separator && !quoted:
				items = append(items, strings.TrimSpace(line[start:i]))
				start = i + 1
			}
		}
		items = append(items, strings.TrimSpace(line[start:]))
	}
	return items
}

func lastOf(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return items[len(items)-1]
}
