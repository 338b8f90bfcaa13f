package s3

import (
	"io"
	"net/http"
	"sync/atomic"
)

// Stats counts since the start.
type Stats struct {
	Requests int64 // sent, retries among them
	Failures int64 // of these without an answer that says anything
	Retries  int64
	Refused  int64 // not sent, because the store was being left alone
	Received int64 // bytes of bodies
	Sent     int64 // bytes of bodies
	Hits     int64 // blocks of objects that were at hand
	Misses   int64 // blocks of objects that had to be asked for
	Joined   int64 // runs of blocks that another read was bringing already
}

type counts struct {
	requests, failures, retries, refused, received, sent, hits, misses, joined atomic.Int64
}

func (c *counts) stats() Stats {
	return Stats{
		Requests: c.requests.Load(), Failures: c.failures.Load(), Retries: c.retries.Load(), Refused: c.refused.Load(),
		Received: c.received.Load(), Sent: c.sent.Load(), Hits: c.hits.Load(), Misses: c.misses.Load(), Joined: c.joined.Load(),
	}
}

// meter counts what goes over the wire.
type meter struct {
	next   *http.Transport
	counts *counts
}

func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	m.counts.requests.Add(1)
	m.counts.sent.Add(max(req.ContentLength, 0))
	res, err := m.next.RoundTrip(req)
	if err == nil {
		res.Body = &metered{res.Body, m.counts}
	}
	return res, err
}

type metered struct {
	io.ReadCloser
	counts *counts
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.counts.received.Add(int64(n))
	return n, err
}
