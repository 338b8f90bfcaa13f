package decoder

import (
	"context"
	"os"
	"sync/atomic"

	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// job is a request on its way through a slot.
type job struct {
	ctx    context.Context
	req    protocol.Request
	file   *os.File
	stream []byte
	done   chan result // takes one, never blocks
	over   atomic.Bool // either finished or abandoned
}

type result struct {
	output Output
	facts  Facts
	err    error
}

func newJob(ctx context.Context, req protocol.Request, file *os.File, stream []byte) *job {
	req.Stream = int64(len(stream))
	return &job{ctx: ctx, req: req, file: file, stream: stream, done: make(chan result, 1)}
}

func (t Task) request(budget int64) protocol.Request {
	return protocol.Request{
		Op: protocol.Render, Format: t.Format, Region: t.Region, Reduce: t.Reduce,
		Width: t.Width, Height: t.Height, Mirror: t.Mirror, Degrees: t.Degrees,
		Quality: t.Quality, Output: t.Output, JPEG: t.JPEGQuality, Budget: budget, Cuts: t.Cuts, Lenient: t.Lenient, Threads: t.Threads,
	}
}

// finish hands the result to the waiter, or throws it away when there is none left.
func (j *job) finish(r result) {
	if j.over.CompareAndSwap(false, true) {
		j.done <- r
	} else if r.output.Body != nil {
		_ = r.output.Body.Close()
	}
}

// abandon tells that the waiter leaves; false when a result is already there for it.
func (j *job) abandon() bool { return j.over.CompareAndSwap(false, true) }
