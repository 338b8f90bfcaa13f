package edge

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// site is a public base: what every id, redirect and cookie name of one answer is
// made with.
type site struct {
	url    string // scheme://host, without trailing slash
	scheme string
	host   string
}

func newSite(scheme, host string) site {
	return site{url: scheme + "://" + host, scheme: scheme, host: host}
}

// network is who we are and whom we believe.
type network struct {
	sites   []site
	proxies []netip.Prefix
}

func parseSites(urls []string) ([]site, error) {
	sites := make([]site, 0, len(urls))
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") ||
			strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return nil, fmt.Errorf("public URL %q: write scheme and host alone, for example https://iiif.example.org", raw)
		}
		sites = append(sites, newSite(u.Scheme, strings.ToLower(u.Host)))
	}
	return sites, nil
}

// origin is where a request came from and what it was sent to.
type origin struct {
	site   site
	client netip.Addr // invalid when it cannot be told
	proxy  bool       // the sender is a trusted proxy
}

// locate finds the origin of a request. No forwarding header counts unless the sender
// is a trusted proxy, and no Host is echoed unless it is ours or a name of this machine.
func (n *network) locate(r *http.Request) (origin, error) {
	o := origin{client: peer(r)}
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if n.trusted(o.client) {
		f := readForwarding(r.Header)
		o.client, o.proxy = f.client(o.client, n.trusted), true
		scheme, host = cmp.Or(f.proto, scheme), cmp.Or(f.host, host)
	}
	var err error
	o.site, err = n.choose(scheme, strings.ToLower(host))
	return o, err
}

func (n *network) choose(scheme, host string) (site, error) {
	if len(n.sites) == 0 {
		if !isLoopback(host) {
			return site{}, refuse(http.StatusBadRequest,
				"This server does not know its public name. Whoever runs it can tell it: start it with --public-url https://your.host.name, or open it at http://localhost.")
		}
		return newSite(scheme, host), nil
	}
	sameHost := func(s site) bool { return s.host == host }
	if i := slices.IndexFunc(n.sites, func(s site) bool { return sameHost(s) && s.scheme == scheme }); i >= 0 {
		return n.sites[i], nil
	}
	if i := slices.IndexFunc(n.sites, sameHost); i >= 0 {
		return n.sites[i], nil
	}
	return n.sites[0], nil
}

// ours tells whether a URL names this server, under whatever name it may have had when
// the URL was written down: one of the public ones or this machine's own.
func (n *network) ours(u *url.URL) bool {
	host := strings.ToLower(u.Host)
	return isLoopback(host) || slices.ContainsFunc(n.sites, func(s site) bool { return s.host == host })
}

func (n *network) trusted(addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(n.proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// isLoopback tells whether a Host header names this machine from within. Everything
// it accepts is safe to echo.
func isLoopback(host string) bool {
	name, ok := withoutPort(host)
	if !ok {
		return false
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
	}
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && addr.IsLoopback() && addr.Zone() == ""
}

// withoutPort cuts the port off a host; ok is false when what follows is none.
func withoutPort(host string) (name string, ok bool) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, true
	}
	port := host[i+1:]
	return host[:i], port != "" && len(port) <= 5 && strings.Trim(port, "0123456789") == ""
}
