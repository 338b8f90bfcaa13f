package hook

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// notPublic are networks that a name on the public internet has no business in, besides
// those that netip knows of.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

// guard looks at each address that is to be connected to, after names were resolved: a
// name may be pointed somewhere else at any time.
func (c *Client) guard(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	addr := ap.Addr().Unmap().WithZone("")
	if len(c.cfg.Egress) > 0 {
		if slices.ContainsFunc(c.cfg.Egress, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return nil
		}
		return fmt.Errorf("%s is in none of the networks of --decision-hook-egress", addr)
	}
	if isPublic(addr) {
		return nil
	}
	return fmt.Errorf("%s is no public address; if the decision hook is there, name its network with --decision-hook-egress", addr)
}

func isPublic(addr netip.Addr) bool {
	return addr.IsGlobalUnicast() && !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() &&
		!slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(addr) })
}
