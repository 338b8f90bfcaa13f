package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// What one request may bring. A body is read whole before a coordinator is troubled with
// it: one that trickles in must hold none of the places that everybody's requests need
// there.
const (
	maxBody   = 1 << 20          // bytes
	maxRules  = 16 << 20         // of a list of rules
	chunkSize = 64 << 10         // the first of them is free: forms find room whatever else is here
	bodyTime  = 10 * time.Second // for a body to arrive,
	bodyRate  = 256 << 10        // and a second more for each so many bytes of it
	hangUpIn  = time.Second      // after a refusal, for who still sends to read it

	rulesPath = "/auth/admin/api/v1/rules"
)

// refusal is why a body is not taken.
type refusal struct {
	status   int
	sentence string
}

var (
	tooLarge = &refusal{http.StatusRequestEntityTooLarge, "That is too much to send at once."}
	crowded  = &refusal{http.StatusServiceUnavailable, "Too many are sending something at the moment. Try again in a few seconds."}
	tooSlow  = &refusal{http.StatusRequestTimeout, "What you sent did not arrive in time. Try again."}
	broken   = &refusal{http.StatusInternalServerError, "Something went wrong on our side."}
)

// body is what a request brings. Its bytes are on the ledger, but for the first chunk of
// them, from before they arrive until it is released.
type body struct {
	ledger *ledger
	client string
	chunks net.Buffers
	size   int64 // so far
	booked int64
}

// most is what a request may bring: only lists of rules are long.
func most(q *http.Request) int64 {
	if q.URL.Path == rulesPath {
		return maxRules
	}
	return maxBody
}

// receive reads a request's body whole. What was announced takes no room: that is for
// bytes that come.
func (b *body) receive(w http.ResponseWriter, q *http.Request, patience time.Duration) *refusal {
	limit := most(q)
	if q.ContentLength > limit {
		return tooLarge
	}
	if !b.ledger.take(b.client, load{ones: 1}) {
		return crowded
	}
	defer b.ledger.give(b.client, load{ones: 1})
	control, began := http.NewResponseController(w), time.Now()
	from := http.MaxBytesReader(w, q.Body, limit)
	for {
		if err := control.SetReadDeadline(began.Add(b.allowed(patience))); err != nil {
			return broken
		}
		if !b.book(q.ContentLength) {
			return crowded
		}
		if done, why := b.fill(from); why != nil {
			return why
		} else if done {
			break
		}
	}
	_ = control.SetReadDeadline(time.Time{}) // the server sets its own for the next request
	return nil
}

// allowed is how long a body may take of which so much has come.
func (b *body) allowed(patience time.Duration) time.Duration {
	return patience + time.Duration(b.size)*time.Second/bodyRate
}

// book makes room for the next chunk. One byte more than was announced is where the end
// of the body is read.
func (b *body) book(announced int64) bool {
	next := int64(chunkSize)
	if announced >= 0 {
		next = min(next, announced-b.size+1)
	}
	if len(b.chunks) > 0 {
		if !b.ledger.take(b.client, load{bytes: next}) {
			return false
		}
		b.booked += next
	}
	b.chunks = append(b.chunks, make([]byte, 0, max(next, 1)))
	return true
}

// fill reads until the last chunk is full, or the body has ended.
func (b *body) fill(from io.Reader) (done bool, why *refusal) {
	chunk := &b.chunks[len(b.chunks)-1]
	for len(*chunk) < cap(*chunk) {
		n, err := from.Read((*chunk)[len(*chunk):cap(*chunk)])
		*chunk = (*chunk)[:len(*chunk)+n]
		b.size += int64(n)
		var large *http.MaxBytesError
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case errors.As(err, &large):
			return false, tooLarge
		case err != nil:
			return false, tooSlow
		}
	}
	return false, nil
}

// release takes the body off the ledger.
func (b *body) release() { b.ledger.give(b.client, load{bytes: b.booked}) }

// held is where a request's context has its body.
type held struct{}

// carried is the request with its body where it can be read more than once.
func (b *body) carried(q *http.Request) *http.Request {
	q = q.WithContext(context.WithValue(q.Context(), held{}, b))
	q.Body, q.ContentLength, q.TransferEncoding = http.NoBody, b.size, nil
	return q
}

// reader reads the body from its beginning.
func (b *body) reader() io.ReadCloser {
	chunks := slices.Clone(b.chunks) // reading uses them up
	return io.NopCloser(&chunks)
}

// hangUp keeps who is refused from sending on: over HTTP/1 the connection ends with the
// answer, after a moment in which the answer can be read.
func hangUp(w http.ResponseWriter, q *http.Request) {
	if q.Body == nil || q.Body == http.NoBody {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(hangUpIn))
	if q.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}
