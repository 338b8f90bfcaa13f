package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// payloadMargin is what an inline reply leaves of the payload limit, for headers.
const payloadMargin = 64 << 10

// answer is what a handler gives. The responder closes body.
type answer struct {
	head head // kind, size and what describes the body; the rest is filled in
	body io.ReadCloser
}

// handler does one kind of job. ctx carries deadline and request id and ends when
// the caller leaves; it stays alive until the body has been sent.
type handler func(ctx context.Context, data []byte) (answer, error)

func bytesAnswer(h head, b []byte) answer {
	h.size = int64(len(b))
	return answer{head: h, body: io.NopCloser(bytes.NewReader(b))}
}

func jsonAnswer(v any) (answer, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return answer{}, fmt.Errorf("encode answer: %w", err)
	}
	return bytesAnswer(head{kind: "application/json"}, b), nil
}

// accept begins a job or refuses it at once; it never waits.
func (r *responder) accept(m *nats.Msg) {
	if !r.service.isInbox(m.Reply) {
		r.log.Warn("request without a reply subject of ours", "subject", m.Subject)
		return
	}
	q, err := parseRequest(m)
	h := r.handlers[q.kind]
	switch {
	case err != nil:
		r.refuse(m.Reply, tile.Fail(tile.Invalid, err.Error(), nil))
	case h == nil:
		r.refuse(m.Reply, tile.Fail(tile.Unsupported, "this kind of job is not known here", nil))
	case q.budget <= 0:
		r.refuse(m.Reply, tile.Fail(tile.Timeout, "", nil))
	default:
		r.begin(q, h)
	}
}

func (r *responder) begin(q request, h handler) {
	select {
	case r.slots <- struct{}{}:
	default:
		r.refuse(q.reply, tile.Fail(tile.Busy, "", nil))
		return
	}
	ctx, cancel := context.WithCancelCause(WithRequestID(r.base, q.requestID))
	r.mu.Lock()
	r.jobs[q.job] = cancel
	r.mu.Unlock()
	go func() {
		defer r.end(q.job, cancel)
		r.run(ctx, q, h)
	}()
}

func (r *responder) end(job string, cancel context.CancelCauseFunc) {
	cancel(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, job)
	r.tellIdle()
}

func (r *responder) cancel(job string) {
	r.mu.Lock()
	cancel := r.jobs[job]
	r.mu.Unlock()
	if cancel != nil {
		cancel(errCallerLeft)
	}
}

func (r *responder) run(ctx context.Context, q request, h handler) {
	err := r.do(ctx, q, h)
	if err == nil {
		return
	}
	r.report(ctx, q, err)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errCallerLeft):
	case errors.Is(cause, errStopping):
		r.fail(ctx, q.reply, tile.Fail(tile.Unavailable, "", cause))
	default:
		r.fail(ctx, q.reply, public(err))
	}
}

// fail tells a caller why its job came to nothing: code and message, never the cause.
func (r *responder) fail(ctx context.Context, reply string, err *tile.Error) {
	if sendErr := r.reply(context.WithoutCancel(ctx), reply, head{err: err}, nil); sendErr != nil {
		r.log.Debug("answer not sent", "error", sendErr)
	}
}

// do holds a slot until the answer is ready to be sent. A panic
// becomes an error: it must end one job, not the worker.
func (r *responder) do(ctx context.Context, q request, h handler) (err error) {
	release := sync.OnceFunc(func() { <-r.slots })
	defer release()
	defer func() {
		if p := recover(); p != nil {
			err = tile.Fail(tile.Internal, "", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	work, stop := context.WithTimeout(ctx, q.budget)
	defer stop()
	a, err := h(work, q.data)
	if err != nil {
		return err
	}
	defer a.body.Close() //nolint:errcheck // read-only, and its errors come with Read
	switch {
	case a.head.size < 0 || a.head.size > maxSize:
		return fmt.Errorf("answer of %d bytes", a.head.size)
	case a.head.size > r.inlineLimit():
		release() // sending has a bound of its own
		return r.stream(ctx, q, a)
	}
	body, err := readBody(a)
	if err != nil {
		return err
	}
	release() // before the answer: a caller who has it may ask again at once
	a.head.checksum = xxhash.Sum64(body)
	return r.reply(ctx, q.reply, a.head, body)
}

func readBody(a answer) ([]byte, error) {
	body := make([]byte, a.head.size)
	if _, err := io.ReadFull(a.body, body); err != nil {
		return nil, fmt.Errorf("body of %d bytes ended early: %w", len(body), err)
	}
	return body, atEnd(a.body)
}

// report logs what the caller is not told.
func (r *responder) report(ctx context.Context, q request, err error) {
	level := slog.LevelDebug
	switch tile.CodeOf(err) {
	case tile.Internal:
		level = slog.LevelError
	case tile.Broken, tile.Unavailable:
		level = slog.LevelWarn
	default: // what callers ask for is their affair
	}
	if cause := context.Cause(ctx); cause != nil {
		level, err = slog.LevelDebug, cause
	}
	r.log.Log(ctx, level, "job failed", "kind", q.kind, "code", tile.CodeOf(err), "error", err)
}

// refuse is fail for the dispatcher, which never waits.
func (r *responder) refuse(reply string, err *tile.Error) {
	if sendErr := r.conn.tiles.publish(message(reply, head{err: err}, nil)); sendErr != nil {
		r.log.Debug("answer not sent", "error", sendErr)
	}
}

// reply outlives the loss of the connection: the caller hears through any server.
func (r *responder) reply(ctx context.Context, to string, h head, body []byte) error {
	return r.conn.tiles.send(ctx, message(to, h, body))
}

func message(to string, h head, body []byte) *nats.Msg {
	m := nats.NewMsg(to)
	m.Header, m.Data = h.header(), body
	return m
}

func (r *responder) inlineLimit() int64 {
	limit := r.conn.tiles.nc.MaxPayload()
	return max(limit-payloadMargin, limit/2)
}

// stream announces a large body and sends it as the receiver grants.
func (r *responder) stream(ctx context.Context, q request, a answer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &sender{
		service: r.service, nc: r.conn.bulk.nc, chunk: int(min(chunkSize, r.conn.bulk.nc.MaxPayload()-frameHeader)),
		first: r.bounds.opening, stall: r.bounds.stall, stop: stop, wake: make(chan struct{}, 1),
	}
	id := newToken()
	if err := r.addSender(id, s); err != nil {
		return err
	}
	defer r.removeSender(id)
	a.head.stream = flowSubject(r.conn.user, r.name, id)
	if err := r.reply(ctx, q.reply, a.head, nil); err != nil {
		return err
	}
	began := time.Now()
	if err := s.send(ctx, a.body, a.head.size); err != nil {
		r.log.Log(ctx, streamLevel(err), "stream ended early",
			"size", a.head.size, "after", time.Since(began), "error", err)
	}
	return nil // the request was answered: what goes wrong later goes to the stream
}

// streamLevel: receivers may leave, bodies must not break.
func streamLevel(err error) slog.Level {
	for _, harmless := range []error{errStopped, errCallerLeft, errNoCredit, errStopping} {
		if errors.Is(err, harmless) {
			return slog.LevelDebug
		}
	}
	return slog.LevelWarn
}

func (r *responder) addSender(id string, s *sender) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.senders) >= r.bounds.streams {
		return tile.Fail(tile.Busy, "", errors.New("too many large answers on the way"))
	}
	r.senders[id] = s
	return nil
}

func (r *responder) removeSender(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.senders, id)
}

func (r *responder) control(m *nats.Msg) {
	r.mu.Lock()
	s := r.senders[lastToken(m.Subject)]
	r.mu.Unlock()
	if s != nil {
		s.control(m)
	}
}
