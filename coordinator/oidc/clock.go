package oidc

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	skewAlarm = 2 * time.Second  // R56
	leeway    = 30 * time.Second // that clocks may differ by and people still sign in
	alarmEach = time.Hour
)

// clockWatch compares a provider's clock, which it sends with every answer, with ours.
type clockWatch struct {
	next   http.RoundTripper
	issuer string
	now    func() time.Time
	log    *slog.Logger

	mu       sync.Mutex
	told     time.Time
	ahead    time.Duration // of us, at the last answer
	compared time.Time     // when that was
}

// RoundTrip implements http.RoundTripper.
func (c *clockWatch) RoundTrip(r *http.Request) (*http.Response, error) {
	next := c.next
	if next == nil {
		next = http.DefaultTransport
	}
	sent := c.now()
	answer, err := next.RoundTrip(r)
	if err == nil {
		c.compare(answer.Header.Get("Date"), sent, c.now())
	}
	return answer, err
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (c *clockWatch) CloseIdleConnections() {
	if n, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		n.CloseIdleConnections()
	}
}

// compare allows for the way there and back, and for the second that Date is cut to.
func (c *clockWatch) compare(date string, sent, received time.Time) {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return
	}
	var off time.Duration
	switch {
	case theirs.Add(time.Second).Before(sent):
		off = theirs.Add(time.Second).Sub(sent)
	case theirs.After(received):
		off = theirs.Sub(received)
	}
	if !c.note(off, received) {
		return
	}
	c.log.Warn("this machine's clock and the provider's differ: set both by NTP; beyond 30 s nobody can sign in by it",
		"issuer", c.issuer, "provider_is_ahead_by", off.Round(time.Second).String())
}

// note keeps by how much the clocks differ, and says whether that is to be told.
func (c *clockWatch) note(off time.Duration, now time.Time) (tell bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.compared = off, now
	if off.Abs() <= skewAlarm || !c.told.IsZero() && now.Sub(c.told) < alarmEach {
		return false
	}
	c.told = now
	return true
}
