package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// maxDocument bounds what is read into memory of an answer that is not pixels.
const maxDocument = 64 << 20

// requester asks one service.
type requester struct {
	conn    *Conn
	link    *link // whose inbox those of service alone may answer to
	service service
	budget  time.Duration // for a caller without a deadline
	stall   time.Duration // longest silence of an open stream
}

// ask sends v in JSON and waits for the answer: its head and body, to be closed.
// ctx governs the body too. Errors are *tile.Error or ctx's own.
func (q *requester) ask(ctx context.Context, kind string, v any) (head, io.ReadCloser, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return head{}, nil, tile.Fail(tile.Internal, "", fmt.Errorf("encode job: %w", err))
	}
	m, err := q.exchange(ctx, kind, payload)
	if err != nil {
		return head{}, nil, err
	}
	h, err := parseHead(m.Header)
	switch {
	case err != nil:
		return head{}, nil, tile.Fail(tile.Internal, "", err)
	case h.err != nil:
		return head{}, nil, h.err
	case h.stream != "" && q.conn.streams[q.service] == nil:
		return head{}, nil, tile.Fail(tile.Internal, "", errors.New("an answer too large for whoever is not an edge"))
	case h.stream != "":
		body, err := q.conn.streams[q.service].add(ctx, h, q.stall)
		if err != nil {
			return head{}, nil, err
		}
		return h, body, nil
	case int64(len(m.Data)) != h.size || xxhash.Sum64(m.Data) != h.checksum:
		return head{}, nil, tile.Fail(tile.Internal, "", errors.New("inline body does not match its size and checksum"))
	}
	return h, io.NopCloser(bytes.NewReader(m.Data)), nil
}

// askJSON asks for a document and decodes it into answer.
func (q *requester) askJSON(ctx context.Context, kind string, v, answer any) error {
	_, data, err := q.askBytes(ctx, kind, v)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return tile.Fail(tile.Internal, "", fmt.Errorf("decode answer: %w", err))
	}
	return nil
}

func (q *requester) askBytes(ctx context.Context, kind string, v any) (head, []byte, error) {
	h, body, err := q.ask(ctx, kind, v)
	if err != nil {
		return head{}, nil, err
	}
	defer body.Close() //nolint:errcheck // its errors come with Read
	if h.size > maxDocument {
		return head{}, nil, tile.Fail(tile.Internal, "", fmt.Errorf("document of %d bytes", h.size))
	}
	data := make([]byte, h.size)
	if _, err := io.ReadFull(body, data); err != nil {
		return head{}, nil, err
	}
	return h, data, nil
}

// exchange sends a request and waits for the first reply, within ctx or the default
// budget. A request whose connection is lost is asked once more over the next: all
// questions only read, so no harm is done if it was heard the first time.
func (q *requester) exchange(ctx context.Context, kind string, payload []byte) (*nats.Msg, error) {
	if !q.conn.mayAsk(q.service, kind) {
		return nil, tile.Fail(tile.Internal, "", fmt.Errorf("a %s asked for %s on the bus, which only edges may", q.conn.role, kind))
	}
	budget := q.budget
	if deadline, ok := ctx.Deadline(); ok {
		budget = time.Until(deadline)
	}
	until := time.Now().Add(budget)
	m, err := q.try(ctx, kind, payload, budget)
	if isLoss(err) && q.link.heal(ctx) == nil {
		m, err = q.try(ctx, kind, payload, time.Until(until))
	}
	for errors.Is(err, nats.ErrNoResponders) && q.link.settle(ctx) {
		m, err = q.try(ctx, kind, payload, time.Until(until))
	}
	return m, err
}

// try sends a request once. A request whose caller has gone is cancelled.
func (q *requester) try(ctx context.Context, kind string, payload []byte, budget time.Duration) (*nats.Msg, error) {
	wait, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	wait, cancel := context.WithTimeoutCause(wait, budget, tile.Fail(tile.Timeout, "", fmt.Errorf("no answer within %s", budget)))
	defer cancel()
	unwatch, err := q.link.watch(giveUp)
	if err != nil {
		return nil, err
	}
	defer unwatch()

	job := newToken()
	m, err := q.link.nc.RequestMsgWithContext(wait, newRequest(q.service.subject(kind), job, RequestID(ctx), budget, payload))
	switch {
	case err == nil:
		return m, nil
	case wait.Err() == nil:
		return nil, requestError(err)
	}
	// Best effort: who does not hear it stops when the budget is spent.
	_ = q.link.nc.Publish(q.service.cancelSubject(), []byte(job))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, context.Cause(wait)
}

func requestError(err error) *tile.Error {
	if errors.Is(err, nats.ErrMaxPayload) {
		return tile.Fail(tile.Invalid, "the request is too large", err)
	}
	// Nobody serves it, or it cannot be sent now.
	return tile.Fail(tile.Unavailable, "", err)
}
