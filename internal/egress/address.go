package egress

import (
	"fmt"
	"net/netip"
	"strings"
)

// special are the networks that are not the public Internet's, beside those that
// netip.Addr has methods for (IANA's registries of special-purpose addresses).
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96",                 // IPv4-compatible
	"64:ff9b::/96",          // NAT64: an IPv4 address in disguise
	"64:ff9b:1::/48",        // NAT64 of a local network
	"100::/64", "2001::/23", // Teredo, ORCHID and their like
	"2001:db8::/32", "2002::/16", // 6to4: an IPv4 address in disguise
	"3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// IsPublic tells whether an address is one of the public Internet that stands for itself.
// An IPv4 address written as IPv6 is judged as what it is.
func IsPublic(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range special {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

// Allow is what may be called although it is not public: names of hosts, and networks.
// The zero value is nothing.
type Allow struct {
	hosts    map[string]bool
	networks []netip.Prefix
}

// ParseAllow reads host names, addresses and networks such as login.example.edu, 10.1.2.3
// and 10.0.0.0/8.
func ParseAllow(items []string) (Allow, error) {
	a := Allow{hosts: map[string]bool{}}
	for _, item := range items {
		if p, err := netip.ParsePrefix(item); err == nil {
			a.networks = append(a.networks, p.Masked())
			continue
		}
		if addr, err := netip.ParseAddr(item); err == nil {
			addr = addr.Unmap().WithZone("")
			a.networks = append(a.networks, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		host := strings.ToLower(item)
		if host == "" || len(host) > 253 || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
			return Allow{}, fmt.Errorf("%q: write a host name, an address or a network, such as login.example.edu or 10.0.0.0/8", item)
		}
		a.hosts[strings.TrimSuffix(host, ".")] = true
	}
	return a, nil
}

func (a Allow) host(name string) bool {
	return a.hosts[strings.TrimSuffix(strings.ToLower(name), ".")]
}

func (a Allow) addr(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range a.networks {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
