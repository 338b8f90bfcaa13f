package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

var (
	errStopped  = errors.New("the receiver has left")
	errNoCredit = errors.New("the receiver granted nothing in time")
)

// sender is the writing end of one stream.
type sender struct {
	service service // whose inboxes it may write to
	nc      *nats.Conn
	chunk   int           // bytes per data frame
	first   time.Duration // wait for the grant that opens the stream
	stall   time.Duration // wait for any later grant
	stop    context.CancelCauseFunc
	wake    chan struct{} // holds one: a grant has come

	mu      sync.Mutex
	to      string // where frames go; known with the first grant
	sent    uint32
	granted uint32
}

// control takes a frame from the receiver. Garbage is ignored: the stream then
// ends for want of credit.
func (s *sender) control(m *nats.Msg) {
	f, err := parseFrame(m.Data)
	if err != nil || !s.service.isInbox(m.Reply) {
		return
	}
	switch f.kind {
	case frameStop:
		s.stop(errStopped)
	case frameGrant:
		s.grant(f.seq, m.Reply)
	default: // frames that only a sender sends
	}
}

// grant never allows more than a window, whatever the receiver says.
func (s *sender) grant(allowed uint32, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.granted = max(s.granted, min(allowed, s.sent+window))
	if s.to == "" {
		s.to = to
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// send writes size bytes of body as frames. An error of the body is passed on to
// the receiver; ctx ends the stream.
func (s *sender) send(ctx context.Context, body io.Reader, size int64) error {
	sum, err := s.sendChunks(ctx, body, size)
	if err != nil {
		s.abort(err)
		return err
	}
	return s.publish(encodeFrame(frameEnd, s.sent, endPayload(size, sum)))
}

func (s *sender) sendChunks(ctx context.Context, body io.Reader, size int64) (uint64, error) {
	buf := make([]byte, frameHeader+s.chunk)
	sum := xxhash.New()
	for left := size; left > 0; {
		if err := s.await(ctx); err != nil {
			return 0, err
		}
		frame := buf[:frameHeader+min(left, int64(s.chunk))]
		n, err := io.ReadFull(body, frame[frameHeader:])
		if err != nil {
			return 0, fmt.Errorf("body ended %d bytes early: %w", left-int64(n), err)
		}
		_, _ = sum.Write(frame[frameHeader:]) // never fails
		if err := s.publish(seal(frame, frameData, s.sent)); err != nil {
			return 0, err
		}
		s.advance()
		left -= int64(n)
	}
	return sum.Sum64(), atEnd(body)
}

// await waits for credit to send one more chunk.
func (s *sender) await(ctx context.Context) error {
	wait := s.stall
	if s.sent == 0 {
		wait = s.first
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for !s.mayGo() {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return errNoCredit
		}
	}
	return context.Cause(ctx)
}

func (s *sender) mayGo() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent < s.granted
}

func (s *sender) advance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
}

func (s *sender) publish(frame []byte) error {
	if err := s.nc.Publish(s.to, frame); err != nil {
		return fmt.Errorf("send chunk: %w", err)
	}
	return nil
}

// abort tells a receiver that still reads why nothing more comes.
func (s *sender) abort(err error) {
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	if to == "" || errors.Is(err, errStopped) || errors.Is(err, errCallerLeft) {
		return
	}
	// Best effort: a receiver that does not hear it waits for its own bound.
	_ = s.nc.Publish(to, encodeFrame(frameError, s.sent, errorPayload(public(err))))
}

// atEnd makes sure that the body had no more to give than was announced.
func atEnd(body io.Reader) error {
	var one [1]byte
	switch n, err := io.ReadFull(body, one[:]); {
	case n > 0:
		return errors.New("body is longer than announced")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("end of body: %w", err)
	}
}

// public is what a stranger may know of an error.
func public(err error) *tile.Error {
	var e *tile.Error
	if errors.As(err, &e) {
		return e
	}
	return tile.Fail(tile.CodeOf(err), "", err)
}
