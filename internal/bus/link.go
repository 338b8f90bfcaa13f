package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	// healWait is how long after its loss a connection is waited for. Another server
	// of a cluster takes over within milliseconds; a longer outage is said at once.
	healWait = time.Second
	healPoll = 5 * time.Millisecond
)

// link is one NATS connection.
type link struct {
	nc *nats.Conn

	// sending is held for writing while the connection is given up on purpose, so
	// that nothing is sent into its end.
	sending sync.RWMutex

	mu       sync.Mutex
	down     bool
	since    time.Time             // of the last loss
	watchers map[*watcher]struct{} // of the connection of the moment
	leavers  map[*leaver]struct{}
}

type (
	watcher struct{ lost func(error) }
	leaver  struct{ move func() }
)

func newLink() *link {
	return &link{watchers: make(map[*watcher]struct{}), leavers: make(map[*leaver]struct{})}
}

// watch calls lost, which must not wait, when the connection of the moment is lost,
// or gives an error if it is lost already. Whatever waits for a message waits in
// vain from then on: NATS delivers nothing twice. stop ends the watch.
func (l *link) watch(lost func(error)) (stop func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, tile.Fail(tile.Unavailable, "", errLost)
	}
	w := &watcher{lost}
	l.watchers[w] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watchers, w)
	}, nil
}

// onLeave calls move, which must not wait, each time the server at the other end
// says that it is going to end.
func (l *link) onLeave(move func()) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := &leaver{move}
	l.leavers[v] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.leavers, v)
	}
}

func (l *link) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for v := range l.leavers {
		v.move()
	}
}

// move goes to another server once this one has everything that was sent.
func (l *link) move() error {
	l.sending.Lock()
	defer l.sending.Unlock()
	if err := l.nc.FlushTimeout(connectTimeout); err != nil {
		return err
	}
	return l.nc.ForceReconnect()
}

func (l *link) lost() {
	l.mu.Lock()
	l.down, l.since = true, time.Now()
	lost := l.watchers
	l.watchers = make(map[*watcher]struct{})
	l.mu.Unlock()
	for w := range lost {
		w.lost(tile.Fail(tile.Unavailable, "", errLost))
	}
}

func (l *link) restored() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// state tells whether messages can be sent, and until when it is worth waiting if
// they cannot. The connection knows of its loss a moment before it tells us.
func (l *link) state() (up bool, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.down {
		return l.nc.IsConnected(), time.Now().Add(healWait)
	}
	return false, l.since.Add(healWait)
}

// settle waits a moment where another server has just taken over, which may not know
// yet who is connected to the others. It tells whether it is worth asking again.
func (l *link) settle(ctx context.Context) bool {
	l.mu.Lock()
	recent := !l.since.IsZero() && time.Since(l.since) < healWait
	l.mu.Unlock()
	if !recent {
		return false
	}
	select {
	case <-time.After(healPoll):
		return true
	case <-ctx.Done():
		return false
	}
}

// heal waits for a connection lost a moment ago. It fails at once when there has
// been none for healWait.
func (l *link) heal(ctx context.Context) error {
	up, until := l.state()
	tick := time.NewTicker(healPoll)
	defer tick.Stop()
	for !up {
		if time.Now().After(until) || l.nc.IsClosed() {
			return errLost
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		up, _ = l.state()
	}
	return nil
}

// publish sends m now or fails.
func (l *link) publish(m *nats.Msg) error {
	l.sending.RLock()
	defer l.sending.RUnlock()
	return l.nc.PublishMsg(m)
}

// send is publish that outlives a change of server.
func (l *link) send(ctx context.Context, m *nats.Msg) error {
	err := l.publish(m)
	if !isLoss(err) {
		return err
	}
	if healed := l.heal(ctx); healed != nil {
		return errors.Join(err, healed)
	}
	return l.publish(m)
}

// isLoss tells errors that say there is no connection.
func isLoss(err error) bool {
	for _, loss := range []error{errLost, nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting, nats.ErrDisconnected, nats.ErrConnectionClosed} {
		if errors.Is(err, loss) {
			return true
		}
	}
	return false
}

func (l *link) close() {
	l.nc.Close()
	l.lost()
}
