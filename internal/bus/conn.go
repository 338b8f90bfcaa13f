package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	connectTimeout   = 2 * time.Second
	reconnectWait    = 200 * time.Millisecond
	reconnectJitter  = 800 * time.Millisecond
	pingInterval     = 5 * time.Second
	maxPingsOut      = 2
	flusherTimeout   = 5 * time.Second
	receiverMessages = maxStreams * (window + 2)
)

var errLost = errors.New("connection to NATS lost")

// Conn is a process's place on the bus: one NATS connection for requests and
// replies, another for streams, because a large body holds up whatever shares its
// connection (30 ms and more for a tile, measured).
type Conn struct {
	tiles, bulk *link
	streams     *receivers
	log         *slog.Logger
	slow        atomic.Int64
}

// Dial connects to a NATS server or cluster. url may list several, separated by
// commas. name says whose connection it is: letters, digits, "-" and "_".
func Dial(url, name string, log *slog.Logger) (*Conn, error) {
	return connect(name, url, log)
}

func connect(name, url string, log *slog.Logger, options ...nats.Option) (*Conn, error) {
	if !isWord(name) {
		return nil, fmt.Errorf("name on the bus %q: use letters, digits, - and _", name)
	}
	c := &Conn{log: log}
	var err error
	if c.tiles, err = c.open(name, "tiles", url, options); err != nil {
		return nil, err
	}
	if c.bulk, err = c.open(name, "bulk", url, options); err != nil {
		c.tiles.close()
		return nil, err
	}
	if c.streams, err = receive(c.bulk); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) open(name, use, url string, extra []nats.Option) (*link, error) {
	l := newLink()
	log := c.log.With("connection", name+"/"+use)
	options := append([]nats.Option{
		nats.Name(name + "/" + use),
		nats.CustomInboxPrefix(inboxRoot + name + "." + newToken()),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		// What cannot be sent now must fail now: after the heal it would be stale.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(maxPingsOut), nats.FlusherTimeout(flusherTimeout),
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			l.lost()
			log.Warn("bus connection lost", "error", err)
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			l.restored()
			log.Info("bus connection restored")
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) { c.asyncError(log, s, err) }),
	}, extra...)
	var err error
	if l.nc, err = nats.Connect(url, options...); err != nil {
		return nil, fmt.Errorf("connect to NATS: %w; is the server of --nats running and reachable?", err)
	}
	return l, nil
}

func (c *Conn) asyncError(log *slog.Logger, s *nats.Subscription, err error) {
	subject := ""
	if s != nil {
		subject = s.Subject
	}
	if errors.Is(err, nats.ErrSlowConsumer) {
		c.slow.Add(1)
	}
	log.Warn("bus error", "subject", subject, "error", err)
}

// SlowConsumers counts how often this process was too slow to take what came, each
// time losing messages. Anything but 0 is a fault.
func (c *Conn) SlowConsumers() int64 { return c.slow.Load() }

// Check tells whether both connections are up.
func (c *Conn) Check(context.Context) error {
	if !c.tiles.nc.IsConnected() || !c.bulk.nc.IsConnected() {
		return errLost
	}
	return nil
}

// Close ends both connections and everything that waits on them.
func (c *Conn) Close() {
	c.tiles.close()
	c.bulk.close()
}

// link is one NATS connection.
type link struct {
	nc *nats.Conn

	mu       sync.Mutex
	down     bool
	watchers map[*watcher]struct{} // of the connection of the moment
}

type watcher struct{ lost func(error) }

func newLink() *link { return &link{watchers: make(map[*watcher]struct{})} }

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

func (l *link) lost() {
	l.mu.Lock()
	l.down = true
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

func (l *link) close() {
	l.nc.Close()
	l.lost()
}
