package hook

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/tessera-iiif/tessera/internal/egress"
)

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
	if egress.IsPublic(addr) {
		return nil
	}
	return fmt.Errorf("%s is no public address; if the decision hook is there, name its network with --decision-hook-egress", addr)
}
