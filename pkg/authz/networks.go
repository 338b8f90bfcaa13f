package authz

import (
	"errors"
	"fmt"
	"net/netip"
)

// networks is where a rule lets readers in.
type networks []netip.Prefix

func (n networks) contain(addr netip.Addr) bool {
	if len(n) == 0 || !addr.IsValid() {
		return false
	}
	addr = addr.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseNetwork reads a network in CIDR form or a single address. A network with bits
// set behind its length is refused: it is a slip more often than not, and of which end
// cannot be told.
func parseNetwork(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errors.New("it is neither a network such as 192.0.2.0/24 or 2001:db8::/32 nor an address")
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("it names a single address; write the network %s, or the address without /%d", p.Masked(), p.Bits())
	}
	if p.Bits() == 0 {
		return netip.Prefix{}, errors.New("it is every address there is; set access to open if that is what you want")
	}
	if p.Addr().Is4In6() {
		return netip.Prefix{}, errors.New("it is an IPv4 network in the form of IPv6; write it as 192.0.2.0/24")
	}
	return p, nil
}
