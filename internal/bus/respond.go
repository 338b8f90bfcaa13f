package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	queueGroup  = "tessera"
	inboxLength = 1024 // messages between the connection and the dispatcher, which never waits for work
	stopGrace   = 2 * time.Second
)

var (
	errCallerLeft = errors.New("the caller has left")
	errStopping   = errors.New("shutting down")
)

// bounds are a responder's limits, all positive.
type bounds struct {
	jobs    int           // handlers at a time; beyond it the answer is Busy
	streams int           // large bodies being sent at a time; likewise
	opening time.Duration // wait for a stream to be opened
	stall   time.Duration // wait for credit on an open stream
}

// responder answers the requests of one service.
type responder struct {
	conn     *Conn
	name     string // in subjects: random, so that no two share streams
	service  service
	handlers map[string]handler
	bounds   bounds
	log      *slog.Logger

	base    context.Context // of all handlers; ends when a drain runs out of time
	abandon context.CancelCauseFunc
	slots   chan struct{} // one per running handler

	// Jobs and cancels come through one channel, so that no cancel overtakes its job.
	// A mark, a message without a subject, follows the last job of a connection.
	inbox chan *nats.Msg
	quit  chan struct{}
	owned sync.WaitGroup // dispatcher and mover

	leaving chan struct{} // holds one: the server is about to end
	unwatch func()

	// turn is held while the subscription to jobs is begun or ended.
	turn      sync.Mutex
	draining  bool
	jobSub    *nats.Subscription
	unsubbed  <-chan struct{} // closed when jobSub brings nothing more
	otherSubs []*nats.Subscription

	mu      sync.Mutex
	idle    chan struct{}                      // closed when jobs becomes empty; nil while nobody asks
	jobs    map[string]context.CancelCauseFunc // by job id, from acceptance to the last byte
	senders map[string]*sender
	marks   map[*nats.Msg]chan struct{} // closed when the dispatcher comes to the mark
}

func respond(c *Conn, s service, handlers map[string]handler, b bounds) (*responder, error) {
	r := &responder{
		conn: c, name: newToken(), service: s, handlers: handlers, bounds: b, log: c.log.With("service", string(s)),
		slots: make(chan struct{}, b.jobs), inbox: make(chan *nats.Msg, inboxLength),
		quit: make(chan struct{}), leaving: make(chan struct{}, 1),
		jobs: make(map[string]context.CancelCauseFunc), senders: make(map[string]*sender), marks: make(map[*nats.Msg]chan struct{}),
	}
	r.base, r.abandon = context.WithCancelCause(context.Background())
	r.unwatch = c.tiles.onLeave(func() {
		select {
		case r.leaving <- struct{}{}:
		default:
		}
	})
	r.owned.Go(r.dispatch)
	r.owned.Go(r.followServers)
	if err := r.subscribe(); err != nil {
		r.close()
		return nil, fmt.Errorf("serve %ss on the bus: %w", s, err)
	}
	return r, nil
}

// subscribe asks for jobs last, when everything they need is there.
func (r *responder) subscribe() error {
	flow, err := r.conn.bulk.nc.Subscribe(flowSubject(r.conn.user, r.name, "*"), r.control)
	if err != nil {
		return err
	}
	r.otherSubs = append(r.otherSubs, flow)
	if err := r.conn.confirm(r.conn.bulk); err != nil {
		return err
	}
	cancels, err := r.conn.tiles.nc.ChanSubscribe(r.service.cancelSubject(), r.inbox)
	if err != nil {
		return err
	}
	r.otherSubs = append(r.otherSubs, cancels)
	return r.takeJobs()
}

func (r *responder) takeJobs() (err error) {
	r.jobSub, err = r.conn.tiles.nc.ChanQueueSubscribe(r.service.subject("*"), queueGroup, r.inbox)
	if err != nil {
		return err
	}
	unsubbed := make(chan struct{})
	r.unsubbed = unsubbed
	// A lost connection may report the end a second time.
	ended := sync.OnceFunc(func() { close(unsubbed) })
	r.jobSub.SetClosedHandler(func(string) { ended() })
	return r.conn.confirm(r.conn.tiles)
}

func (r *responder) dispatch() {
	for {
		select {
		case m := <-r.inbox:
			switch m.Subject {
			case "":
				r.passed(m)
			case r.service.cancelSubject():
				r.cancel(string(m.Data))
			default:
				r.accept(m)
			}
		case <-r.quit:
			return
		}
	}
}

// drain takes no new jobs, finishes those it has, and ends. When ctx ends first
// the jobs are cancelled and the error says so. It may be called once.
func (r *responder) drain(ctx context.Context) error {
	r.turn.Lock()
	r.draining = true
	err := r.takeNoMore(ctx)
	r.turn.Unlock()
	if err == nil {
		err = r.wait(ctx)
	}
	if err != nil {
		r.abandon(errStopping)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
		defer cancel()
		if r.wait(grace) != nil {
			err = errors.Join(err, errors.New("jobs are running that do not heed their context"))
		}
	}
	r.close()
	return err
}

// takeNoMore returns when every job this responder was given has been begun.
func (r *responder) takeNoMore(ctx context.Context) error {
	lost := make(chan struct{})
	unwatch, err := r.conn.tiles.watch(func(error) { close(lost) })
	if err == nil {
		defer unwatch()
		err = r.jobSub.Drain()
	}
	if err != nil {
		_ = r.jobSub.Unsubscribe() // or a new connection would ask for jobs again
		return fmt.Errorf("take no more %ss: %w", r.service, err)
	}
	select {
	case <-r.unsubbed:
	case <-lost: // the server cannot confirm, and brings nothing either
		_ = r.jobSub.Unsubscribe()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return r.emptyInbox(ctx)
}

func (r *responder) emptyInbox(ctx context.Context) error {
	mark, passed := new(nats.Msg), make(chan struct{})
	r.mu.Lock()
	r.marks[mark] = passed
	r.mu.Unlock()
	select {
	case r.inbox <- mark:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-passed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *responder) passed(mark *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.marks[mark])
	delete(r.marks, mark)
}

// wait returns nil at a moment when no job is running.
func (r *responder) wait(ctx context.Context) error {
	select {
	case <-r.whenIdle():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *responder) whenIdle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.tellIdle()
	return idle
}

// tellIdle wakes who waits for the last job. Callers hold mu.
func (r *responder) tellIdle() {
	if len(r.jobs) == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// close ends subscriptions and dispatcher.
func (r *responder) close() {
	r.unwatch()
	for _, s := range r.otherSubs {
		_ = s.Unsubscribe() // fails only where there is nothing left to end
	}
	r.abandon(errStopping)
	close(r.quit)
	r.owned.Wait()
}
