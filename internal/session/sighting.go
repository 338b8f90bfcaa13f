package session

import (
	"net/netip"
	"time"
)

// Sighting is an image that an edge showed to somebody because she may see it, or
// refused her.
type Sighting struct {
	At      time.Time  `json:"at"`
	Granted bool       `json:"granted"`
	User    string     `json:"user,omitempty"` // id; "" for who has not signed in
	Image   string     `json:"image"`          // identifier
	Rule    string     `json:"rule,omitempty"` // that decided; "" for the default
	Addr    netip.Addr `json:"addr"`
	Request string     `json:"request"`
}
