package relay

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// What clients may send, and have waiting here while they do. A body is read whole before
// a coordinator is troubled with it: one that trickles in must hold none of the places
// that everybody's requests need there.
const (
	maxBody       = 1 << 20          // bytes
	maxRules      = 16 << 20         // of a list of rules
	maxBodies     = 256              // being read at a time
	maxClientOnes = 8                // of these, from one address
	maxBodyBytes  = 128 << 20        // of all of them, as promised or, where nothing is, at their largest
	maxClientSize = 32 << 20         // of those from one address
	bodyTime      = 10 * time.Second // for one of them to arrive

	rulesPath = "/auth/admin/api/v1/rules"
)

// bodies counts those being read.
type bodies struct {
	mu     sync.Mutex
	all    load
	client map[string]load
}

type load struct {
	ones  int
	bytes int64
}

func (l load) with(ones int, bytes int64) load { return load{l.ones + ones, l.bytes + bytes} }

func (l load) fits(ones int, bytes int64) bool { return l.ones <= ones && l.bytes <= bytes }

// enter takes a place for a body of so many bytes from a client; leave gives it back. ok
// is false where there is none.
func (b *bodies) enter(client string, size int64) (leave func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all, own := b.all.with(1, size), b.client[client].with(1, size)
	if !all.fits(maxBodies, maxBodyBytes) || !own.fits(maxClientOnes, maxClientSize) {
		return nil, false
	}
	if b.client == nil {
		b.client = make(map[string]load)
	}
	b.all, b.client[client] = all, own
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all, b.client[client] = b.all.with(-1, -size), b.client[client].with(-1, -size)
		if b.client[client].ones == 0 {
			delete(b.client, client)
		}
	}, true
}

// held is where a request's context has its body, which has arrived and can be sent more
// than once.
type held struct{}

// most is what a request may bring: only lists of rules are long.
func most(q *http.Request) int64 {
	if q.URL.Path == rulesPath {
		return maxRules
	}
	return maxBody
}

// sender is what one client can hardly have more of: an IPv4 address, or the 64 bits of an
// IPv6 network.
func sender(client string) string {
	addr, err := netip.ParseAddr(client)
	if err != nil || addr.Unmap().Is4() {
		return client
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().String()
}

// receive reads a request's body whole. status is not 0 where it is refused, with the
// sentence that says why.
func (r *Relay) receive(w http.ResponseWriter, q *http.Request) (body []byte, status int, sentence string) {
	size, limit := q.ContentLength, most(q)
	switch {
	case size > limit:
		return nil, http.StatusRequestEntityTooLarge, "That is too much to send at once."
	case size < 0:
		size = limit
	}
	leave, ok := r.bodies.enter(sender(clientOf(q)), size)
	if !ok {
		return nil, http.StatusServiceUnavailable, "Too many are sending something at the moment. Try again in a few seconds."
	}
	defer leave()
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(r.bodyTime)); err != nil {
		return nil, http.StatusInternalServerError, "Something went wrong on our side."
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, http.StatusRequestEntityTooLarge, "That is too much to send at once."
	case err != nil:
		return nil, http.StatusRequestTimeout, "What you sent did not arrive in time. Try again."
	}
	_ = control.SetReadDeadline(time.Time{}) // the server sets its own for the next request
	return body, 0, ""
}
