package decoder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// cancelGrace is how long a task goes on after its waiter has left. Most are nearly
// done by then; a new child costs about as much as this.
const cancelGrace = 100 * time.Millisecond

// work has the child do a job. The child is killed, and so no longer usable, when it
// does not answer in time or answers nonsense.
func (p *Pool) work(c *child, j *job) result {
	if err := j.ctx.Err(); err != nil {
		return result{err: err}
	}
	began := time.Now()
	release := c.limit(j.ctx, began.Add(p.cfg.Timeout))
	reply, body, err := c.ask(p.cfg, j)
	release()
	if err != nil {
		c.kill()
		return result{err: p.explain(j.ctx, c, err, time.Since(began))}
	}
	if reply.Code != "" {
		return result{err: tile.Fail(reply.Code, reply.Message, errors.New(reply.Cause))}
	}
	r := result{output: Output{Type: reply.Type, Size: reply.Size, Sizes: reply.Sizes, Body: body, Decode: reply.Decode, Encode: reply.Encode, Blocks: reply.Blocks}}
	p.decoded.Add(uint64(max(0, reply.Blocks.Decoded)))
	p.kept.Add(uint64(max(0, reply.Blocks.Kept)))
	if reply.Facts != nil {
		r.facts = *reply.Facts
	}
	return r
}

// limit ends reads from and writes to the child at the deadline, or earlier when the
// waiter leaves. release takes it back.
func (c *child) limit(ctx context.Context, deadline time.Time) (release func()) {
	_ = c.conn.SetDeadline(deadline)
	ran := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ran)
		end := time.Now()
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			end = end.Add(cancelGrace)
		}
		if end.Before(deadline) {
			_ = c.conn.SetDeadline(end)
		}
	})
	return func() {
		if !stop() {
			<-ran
		}
	}
}

// ask sends the request and reads the answer with its body.
func (c *child) ask(cfg Config, j *job) (protocol.Reply, io.ReadCloser, error) {
	c.tasks++
	if err := c.allowCPU(cfg.Timeout * time.Duration(max(1, j.req.Threads))); err != nil {
		return protocol.Reply{}, nil, err
	}
	if err := c.send(j); err != nil {
		return protocol.Reply{}, nil, err
	}
	reply, err := protocol.ReadReply(c.reader)
	if err != nil {
		return reply, nil, err
	}
	c.cpu = reply.CPU
	body, err := readBody(c.reader, reply.Size, cfg)
	return reply, body, err
}

// explain tells why there is no answer: the child died, or took too long.
func (p *Pool) explain(ctx context.Context, c *child, err error, took time.Duration) error {
	var local *tile.Error
	switch {
	case p.abort.Err() != nil:
		return errClosed
	case errors.As(err, &local):
		return local
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return tile.Fail(tile.Broken, "The image cannot be decoded.", fmt.Errorf("%w: %s (%w)", ErrLost, c.state(), err))
	case took < p.cfg.Timeout/2:
		// Whoever asked had little time left: that is not the image's fault.
		return context.Cause(ctx)
	}
	return tile.Fail(tile.Timeout, "The image took too long to decode.", fmt.Errorf("%w: killed after %v", ErrLost, took.Round(time.Millisecond)))
}
