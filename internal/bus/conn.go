package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
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

var (
	errLost = errors.New("connection to NATS lost")
	errName = errors.New("name on the bus")
)

// Conn is a process's place on the bus: one NATS connection for requests and
// replies, another for streams, because a large body holds up whatever shares its
// connection (30 ms and more for a tile, measured). An edge has a third one for
// questions about people: a connection has one inbox for all its replies, and who
// answers jobs must not reach the one where rights are heard. A coordinator has a third
// one for lists, so that workers do not reach the one where JetStream answers.
type Conn struct {
	identity
	links       []*link // all of them
	tiles, bulk *link
	people      *link                  // of an edge
	lists       *link                  // of a coordinator
	streams     map[service]*receivers // over bulk, each with an inbox for its service alone
	log         *slog.Logger
	slow        atomic.Int64

	turnless    atomic.Bool // the server denies a worker its turns
	sayTurnless sync.Once

	mu        sync.Mutex
	listening map[*nats.Subscription]struct{}
	dropped   int64 // by those that have stopped
}

// identity is who a connection is, to people and to the server.
type identity struct {
	name string // whose connection it is, for people
	role Role
	user string // as whom it authenticates: one word, and part of the subjects that are its own
	auth nats.Option
}

func connect(id identity, url string, log *slog.Logger, options ...nats.Option) (*Conn, error) {
	if !isWord(id.name) {
		return nil, fmt.Errorf("%w %q: use letters, digits, - and _", errName, id.name)
	}
	c := &Conn{identity: id, log: log, listening: make(map[*nats.Subscription]struct{})}
	if err := c.openAll(url, options); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) openAll(url string, options []nats.Option) (err error) {
	asks := service("")
	if c.role == RoleEdge {
		asks = jobs
	}
	if c.tiles, err = c.open("tiles", asks, url, options); err != nil {
		return err
	}
	if c.bulk, err = c.open("bulk", asks, url, options); err != nil {
		return err
	}
	switch c.role {
	case RoleEdge:
		return c.openEdge(url, options)
	case RoleCoordinator:
		c.lists, err = c.open("lists", jobs, url, options)
	}
	return err
}

func (c *Conn) openEdge(url string, options []nats.Option) (err error) {
	if c.people, err = c.open("people", authority, url, options); err != nil {
		return err
	}
	c.streams = make(map[service]*receivers)
	for _, s := range []service{jobs, authority} {
		if c.streams[s], err = receive(c.bulk, c.newInbox(s)); err != nil {
			return err
		}
	}
	return c.confirm(c.bulk)
}

// newInbox gives a subject below which c alone hears, and where only those who serve
// s can write, or, where s is empty, none of us: JetStream alone answers there.
func (id identity) newInbox(s service) string {
	own := inboxRoot + string(id.role) + "." + id.user + "."
	if s != "" {
		own += string(s) + "."
	}
	return own + newToken()
}

// mayAsk tells whether a question is one that this role may ask; the server holds the
// same rule.
func (id identity) mayAsk(s service, kind string) bool {
	return id.role == RoleEdge || id.role == RoleCoordinator && s == jobs && kind == kindList
}

func (c *Conn) open(use string, s service, url string, extra []nats.Option) (*link, error) {
	l := newLink()
	log := c.log.With("connection", c.name+"/"+use)
	options := append([]nats.Option{
		nats.Name(c.name + "/" + use),
		c.auth,
		nats.CustomInboxPrefix(c.newInbox(s)),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.IgnoreAuthErrorAbort(), // rights may be mended without restarting everybody
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
			c.turnless.Store(false) // this server may know better
			log.Info("bus connection restored")
		}),
		nats.LameDuckModeHandler(func(*nats.Conn) {
			log.Info("the NATS server is leaving")
			l.leave()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) { c.asyncError(log, s, err) }),
	}, extra...)
	var err error
	if l.nc, err = nats.Connect(url, options...); err != nil {
		return nil, fmt.Errorf("connect to NATS: %w; %s", err, advice(err))
	}
	c.links = append(c.links, l)
	return l, nil
}

func advice(err error) string {
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return "the server does not know these credentials: give it the configuration they were made with, or name others with --nats-creds"
	case errors.As(err, &untrusted):
		return "name the certificate that vouches for the server with --nats-tls-ca, and connect by a name in the server's own"
	}
	return "is the server of --nats running and reachable?"
}

// confirm returns once the server has taken all subscriptions of l, or refused one:
// it refuses in passing, and nothing would ever come.
func (c *Conn) confirm(l *link) error {
	if err := l.nc.FlushTimeout(connectTimeout); err != nil {
		return err
	}
	// The last error may be an old one, about something published.
	if err := l.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) && !aboutTurns(err) && strings.Contains(err.Error(), "Subscription") {
		return fmt.Errorf("%w: %w; name the credentials of a process in the role %s with --nats-creds", errDenied, err, c.role)
	}
	return nil
}

func (c *Conn) asyncError(log *slog.Logger, s *nats.Subscription, err error) {
	if c.deniedTurns(err) {
		return
	}
	subject := ""
	if s != nil {
		subject = s.Subject
	}
	if errors.Is(err, nats.ErrSlowConsumer) {
		c.slow.Add(1)
	}
	log.Warn("bus error", "subject", subject, "error", err)
}

// Check tells whether all connections are up.
func (c *Conn) Check(context.Context) error {
	for _, l := range c.links {
		if up, _ := l.state(); !up {
			return errLost
		}
	}
	return nil
}

// Close ends all connections and everything that waits on them.
func (c *Conn) Close() {
	for _, l := range c.links {
		l.close()
	}
}
