package egress

import (
	"errors"
	"io"
	"net/http"
)

// ErrTooLarge is the error of reading an answer that is larger than is taken.
var ErrTooLarge = errors.New("the answer is too large")

// bounded lets requests out that may go, and cuts answers off.
type bounded struct {
	guard guard
	next  http.RoundTripper
	max   int64
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := b.guard.secure(r); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &cut{ReadCloser: response.Body, left: b.max}
	return response, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (b *bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// cut fails, rather than ends, where the bound is passed: half an answer must not be
// taken for a whole one.
type cut struct {
	io.ReadCloser
	left int64
}

func (c *cut) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
