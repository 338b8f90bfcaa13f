package oidctoken

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const skewAlarm = 2 * time.Second // R56

// clockWatch tells of clocks that differ.
type clockWatch struct {
	issuer string
	log    *slog.Logger
	told   hourly
}

// ahead tells of an issuer that is at least so far ahead of us.
func (c *clockWatch) ahead(by time.Duration, now time.Time) {
	if by.Abs() <= skewAlarm || !c.told.mayTell(now) {
		return
	}
	c.log.Warn("this machine's clock and the issuer's differ: set both by NTP; beyond 30 s its tokens do not count",
		"issuer", c.issuer, "issuer_is_ahead_by", by.Round(time.Second).String())
}

// compare reads the time of an answer, allowing for the way there and back and for the
// second that Date is cut to.
func (c *clockWatch) compare(header http.Header, sent, received time.Time) {
	theirs, err := http.ParseTime(header.Get("Date"))
	switch {
	case err != nil:
	case theirs.After(received):
		c.ahead(theirs.Sub(received), received)
	case theirs.Add(time.Second).Before(sent):
		c.ahead(theirs.Add(time.Second).Sub(sent), received)
	}
}

// hourly is when something was last told that every token could have told of.
type hourly struct {
	mu   sync.Mutex
	last time.Time
}

// mayTell is true once an hour.
func (h *hourly) mayTell(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.last.IsZero() && now.Sub(h.last) < time.Hour {
		return false
	}
	h.last = now
	return true
}
