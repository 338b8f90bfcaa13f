package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// nudgeEvery is how long a stream may be silent before its reader speaks up again.
const nudgeEvery = time.Second

// receivers hands the frames that come over a bulk connection to the bodies they
// belong to. It never waits for a reader, so none holds up another.
type receivers struct {
	link *link
	base string // subject of a stream is base.<id>

	mu   sync.Mutex
	open map[string]*body
}

// receive takes streams over l at subjects below base.
func receive(l *link, base string) (*receivers, error) {
	r := &receivers{link: l, base: base, open: make(map[string]*body)}
	sub, err := l.nc.Subscribe(r.base+".*", r.deliver)
	if err != nil {
		return nil, fmt.Errorf("subscribe to streams: %w", err)
	}
	if err := sub.SetPendingLimits(receiverMessages, receiverMessages*(chunkSize+frameHeader)); err != nil {
		return nil, fmt.Errorf("bound the streams: %w", err)
	}
	return r, nil
}

func (r *receivers) deliver(m *nats.Msg) {
	r.mu.Lock()
	b := r.open[lastToken(m.Subject)]
	r.mu.Unlock()
	if b == nil {
		return // its reader has left; the sender was told
	}
	if len(m.Data) == 0 && m.Header.Get(headerStatus) == statusNoResponders {
		b.orphan.Do(func() { close(b.orphaned) })
		return
	}
	select {
	case b.frames <- m.Data:
	default:
		b.cancel(tile.Fail(tile.Internal, "", errors.New("stream: sender overran its credit")))
	}
}

// add makes the body of an announced stream and opens it. ctx ends the stream. The
// error is Busy when too many are open.
func (r *receivers) add(ctx context.Context, h head, stall time.Duration) (*body, error) {
	id := newToken()
	b := &body{
		link: r.link, flow: h.stream, inbox: r.base + "." + id, size: h.size, stall: stall,
		frames:   make(chan []byte, window+1), // all that credit allows, and the end
		orphaned: make(chan struct{}),
		sum:      xxhash.New(),
		detach:   func() { r.remove(id) },
	}
	ctx, b.cancel = context.WithCancelCause(ctx)
	b.ctx = ctx
	unwatch, err := r.link.watch(b.cancel)
	if err != nil {
		b.cancel(err)
		return nil, err
	}
	context.AfterFunc(ctx, func() {
		unwatch()
		b.end(frameStop)
	})
	if err = r.insert(id, b); err == nil {
		err = b.grant()
	}
	if err != nil {
		b.cancel(err)
		return nil, err
	}
	return b, nil
}

func (r *receivers) insert(id string, b *body) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.open) >= maxStreams {
		return tile.Fail(tile.Busy, "", errors.New("too many large answers on the way"))
	}
	r.open[id] = b
	return nil
}

func (r *receivers) remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, id)
}

// body is the reading end of one stream.
type body struct {
	link   *link
	flow   string // where grants go
	inbox  string // where frames come
	size   int64
	stall  time.Duration
	frames chan []byte
	ctx    context.Context // ends with the request, the connection, or Close
	cancel context.CancelCauseFunc
	detach func()
	once   sync.Once

	// orphaned is closed when a grant found nobody. All that was sent is in frames
	// by then: a sender that has finished leaves in peace.
	orphaned chan struct{}
	orphan   sync.Once

	// The reader's own.
	sum     *xxhash.Digest
	next    uint32 // sequence number that must come now
	granted uint32
	got     int64
	current []byte
	err     error
}

// end frees the stream once; kind frameStop also tells the sender, which otherwise
// has ended by itself.
func (b *body) end(kind frameKind) {
	b.once.Do(func() {
		b.detach()
		if kind == frameStop {
			// Best effort: a sender that does not hear it runs out of credit.
			_ = b.link.nc.PublishRequest(b.flow, b.inbox, encodeFrame(frameStop, 0, nil))
		}
	})
}

// Read gives out the last chunk only after the end frame has vouched for the whole,
// so that even a reader who counts bytes and never asks for io.EOF cannot take a
// damaged body for a good one.
func (b *body) Read(p []byte) (int, error) {
	if len(b.current) == 0 && b.err == nil && len(p) > 0 {
		if b.current, b.err = b.chunk(); b.err != nil {
			b.cancel(b.err) // says stop to the sender unless the stream has ended well
		}
	}
	if len(b.current) == 0 {
		return 0, b.err
	}
	n := copy(p, b.current)
	b.current = b.current[n:]
	return n, nil
}

// Close frees the stream; what was not read is not sent any more.
func (b *body) Close() error {
	b.cancel(fs.ErrClosed)
	return nil
}

func (b *body) chunk() ([]byte, error) {
	if b.got == b.size {
		return nil, io.EOF
	}
	payload, err := b.take(frameData)
	if err != nil {
		return nil, err
	}
	b.next++
	b.got += int64(len(payload))
	if len(payload) == 0 || b.got > b.size {
		return nil, broken("chunk of %d bytes, %d of %d received", len(payload), b.got, b.size)
	}
	_, _ = b.sum.Write(payload) // never fails
	if b.got < b.size {
		err = b.grant()
	} else {
		err = b.verify()
	}
	if err != nil {
		return nil, err
	}
	return payload, nil
}

// grant lets the sender go on. Half a window is handed out at a time: fewer
// messages, and the sender never runs dry while the reader keeps up.
func (b *body) grant() error {
	allowed := b.next + window
	if b.granted != 0 && allowed-b.granted < window/2 {
		return nil
	}
	b.granted = allowed
	return b.sendGrant()
}

func (b *body) sendGrant() error {
	if err := b.link.nc.PublishRequest(b.flow, b.inbox, encodeFrame(frameGrant, b.granted, nil)); err != nil {
		return tile.Fail(tile.Unavailable, "", fmt.Errorf("stream: %w", err))
	}
	return nil
}

func (b *body) verify() error {
	payload, err := b.take(frameEnd)
	if err != nil {
		return err
	}
	size, sum, err := parseEnd(payload)
	if err != nil {
		return broken("%w", err)
	}
	if size != b.size || sum != b.sum.Sum64() {
		return broken("checksum of the whole does not match")
	}
	b.end(frameEnd)
	b.cancel(fs.ErrClosed)
	return nil
}

// take waits for the next frame, which must be of the kind and number expected.
func (b *body) take(want frameKind) ([]byte, error) {
	data, err := b.receive()
	if err != nil {
		return nil, err
	}
	f, err := parseFrame(data)
	switch {
	case err != nil:
		return nil, broken("%w", err)
	case f.seq != b.next:
		return nil, broken("frame %d where %d was due", f.seq, b.next)
	case f.kind == frameError:
		return nil, parseError(f.payload)
	case f.kind != want:
		return nil, broken("frame of kind %q where %q was due", f.kind, want)
	}
	return f.payload, nil
}

func (b *body) receive() ([]byte, error) {
	if b.ctx.Err() != nil {
		return nil, context.Cause(b.ctx)
	}
	select {
	case data := <-b.frames:
		return data, nil
	default:
		return b.wait()
	}
}

// wait repeats the last grant while nothing comes: that mends a lost one, and finds
// out when the sender is gone.
func (b *body) wait() ([]byte, error) {
	stall := time.NewTimer(b.stall)
	defer stall.Stop()
	nudge := time.NewTicker(nudgeEvery)
	defer nudge.Stop()
	for {
		select {
		case data := <-b.frames:
			return data, nil
		case <-b.orphaned:
			return b.last()
		case <-b.ctx.Done():
			return nil, context.Cause(b.ctx)
		case <-stall.C:
			return nil, tile.Fail(tile.Unavailable, "", fmt.Errorf("stream: nothing came for %s", b.stall))
		case <-nudge.C:
			if err := b.sendGrant(); err != nil {
				return nil, err
			}
		}
	}
}

// last gives what a sender sent before it was gone.
func (b *body) last() ([]byte, error) {
	select {
	case data := <-b.frames:
		return data, nil
	default:
		return nil, tile.Fail(tile.Unavailable, "", errors.New("stream: its sender is gone"))
	}
}

func broken(format string, args ...any) *tile.Error {
	return tile.Fail(tile.Internal, "", fmt.Errorf("stream: "+format, args...))
}
