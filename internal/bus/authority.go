package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// The kinds of question about people.
const (
	kindLookup   = "lookup"
	kindIdentity = "identity"
	kindRights   = "rights"
	kindItems    = "items"
)

const (
	heartbeat       = time.Second
	authorityJobs   = 256
	authorityBudget = 5 * time.Second
	authorityTries  = 3
)

type lookup struct {
	Kind session.Kind `json:"kind"`
	Hash session.Hash `json:"hash"`
}

type subject struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

const maxIdentity = 2 << 10 // bytes of either

type since struct {
	Revision int64 `json:"revision"`
}

// Reviser is an authority that shares its truth with others. It tells the newest
// revision, whoever made it: it is asked before each word to the edges, and while
// it cannot tell none is sent, so that leases on rights that nobody can vouch for
// run out.
type Reviser interface {
	Revision(ctx context.Context) (int64, error)
}

// AuthorityServer answers questions about people and tells every edge, each
// second, how new the truth is.
type AuthorityServer struct {
	responder *responder
	conn      *Conn
	shared    Reviser // nil: all changes are announced here
	quit      context.CancelFunc
	stopped   chan struct{}

	mu     sync.Mutex
	newest int64
}

// ServeAuthority serves a. It asks a once for the revision to begin with.
func ServeAuthority(c *Conn, a session.Authority) (*AuthorityServer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), authorityBudget)
	defer cancel()
	rights, err := a.Rights(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("read the revision of rights: %w", err)
	}
	handlers := map[string]handler{
		kindLookup:   lookupHandler(a),
		kindIdentity: identityHandler(a),
		kindRights:   rightsHandler(a),
	}
	if catalogue, ok := a.(session.Catalogue); ok {
		handlers[kindItems] = itemsHandler(catalogue)
	}
	r, err := respond(c, authority, handlers, ServerConfig{Jobs: authorityJobs}.bounds())
	if err != nil {
		return nil, err
	}
	s := &AuthorityServer{responder: r, conn: c, newest: rights.Revision, stopped: make(chan struct{})}
	s.shared, _ = a.(Reviser)
	running, quit := context.WithCancel(context.Background())
	s.quit = quit
	go s.beat(running)
	return s, nil
}

// Announce tells every edge at once that rights have changed up to revision. Call
// it after the change is committed and before it is acknowledged.
func (s *AuthorityServer) Announce(revision int64) {
	s.mu.Lock()
	s.newest = max(s.newest, revision) // commits may be announced out of order
	s.mu.Unlock()
	s.publish()
}

// Close answers what was asked, within a bound, and ends.
func (s *AuthorityServer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), authorityBudget)
	defer cancel()
	if err := s.responder.drain(ctx); err != nil {
		s.conn.log.Warn("questions about people were cut off", "error", err)
	}
	s.quit()
	<-s.stopped
}

func (s *AuthorityServer) beat(ctx context.Context) {
	defer close(s.stopped)
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	silent := false
	for {
		err := s.catchUp(ctx)
		if err == nil {
			s.publish()
		}
		if (err != nil) != silent && ctx.Err() == nil {
			silent = err != nil
			s.logTurn(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// catchUp takes over what others have changed.
func (s *AuthorityServer) catchUp(ctx context.Context) error {
	if s.shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	s.mu.Lock()
	before := s.newest
	s.mu.Unlock()
	revision, err := s.shared.Revision(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Less than what was true before it was asked: the database was put back.
	if s.newest == before || revision > s.newest {
		s.newest = revision
	}
	return nil
}

// logTurn logs where things turn bad or good again, not every second of it.
func (s *AuthorityServer) logTurn(err error) {
	if err != nil {
		s.conn.log.Error("the revision of rights cannot be read; edges hear nothing and end restricted content with their leases", "error", err)
		return
	}
	s.conn.log.Info("the revision of rights can be read again")
}

// publish holds mu, so that an older revision never follows a newer one.
func (s *AuthorityServer) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &nats.Msg{Subject: revisionSubject, Data: strconv.AppendInt(nil, s.newest, 10)}
	if err := s.conn.tiles.send(context.Background(), m); err != nil {
		s.conn.log.Warn("revision not announced; edges learn of it when NATS is back", "revision", s.newest, "error", err)
	}
}

func lookupHandler(a session.Authority) handler {
	return func(ctx context.Context, data []byte) (answer, error) {
		q, err := decode[lookup](data)
		if err != nil {
			return answer{}, err
		}
		if !q.Kind.Valid() {
			return answer{}, tile.Fail(tile.Invalid, "unknown kind of credential", nil)
		}
		c, err := a.Lookup(ctx, q.Kind, q.Hash)
		return credentialAnswer(c, err)
	}
}

func identityHandler(a session.Authority) handler {
	return func(ctx context.Context, data []byte) (answer, error) {
		q, err := decode[subject](data)
		if err != nil {
			return answer{}, err
		}
		if q.Issuer == "" || q.Subject == "" || len(q.Issuer) > maxIdentity || len(q.Subject) > maxIdentity {
			return answer{}, tile.Fail(tile.Invalid, "no identity", nil)
		}
		c, err := a.Identity(ctx, q.Issuer, q.Subject)
		return credentialAnswer(c, err)
	}
}

func credentialAnswer(c session.Credential, err error) (answer, error) {
	if errors.Is(err, session.ErrUnknown) {
		return answer{}, tile.Fail(tile.NotFound, "", err)
	}
	if err != nil {
		return answer{}, err
	}
	return jsonAnswer(c)
}

func rightsHandler(a session.Authority) handler {
	return func(ctx context.Context, data []byte) (answer, error) {
		q, err := decode[since](data)
		if err != nil {
			return answer{}, err
		}
		rights, err := a.Rights(ctx, q.Revision)
		if err != nil {
			return answer{}, err
		}
		return jsonAnswer(rights)
	}
}

func itemsHandler(a session.Catalogue) handler {
	return func(ctx context.Context, data []byte) (answer, error) {
		q, err := decode[session.ItemMark](data)
		if err != nil {
			return answer{}, err
		}
		page, err := a.Items(ctx, q)
		if err != nil {
			return answer{}, err
		}
		return jsonAnswer(page)
	}
}

// AuthorityClient asks the coordinators. It is safe for concurrent use.
type AuthorityClient struct {
	questions requester
	revisions chan int64
}

var (
	_ session.Authority = (*AuthorityClient)(nil)
	_ session.Catalogue = (*AuthorityClient)(nil)
)

// NewAuthority makes a client that lives as long as c.
func NewAuthority(c *Conn) *AuthorityClient {
	a := &AuthorityClient{
		questions: newRequester(c, authority, ClientConfig{Budget: authorityBudget}),
		revisions: make(chan int64, 1),
	}
	if _, err := c.tiles.nc.Subscribe(revisionSubject, a.heard); err != nil {
		c.log.Error("cannot listen for changed rights", "error", err)
		close(a.revisions)
	}
	return a
}

// Revisions brings the newest revision of the authority about once a second, and
// at once when it changes. A revision not taken is replaced by the next. The
// channel is closed only when the connection cannot be listened on at all.
func (a *AuthorityClient) Revisions() <-chan int64 { return a.revisions }

// heard runs on one goroutine, the subscription's.
func (a *AuthorityClient) heard(m *nats.Msg) {
	revision, err := strconv.ParseInt(string(m.Data), 10, 64)
	if err != nil {
		return // not a heartbeat: the lease runs on
	}
	select {
	case waiting := <-a.revisions:
		revision = max(revision, waiting) // another coordinator may say later what was true earlier
	default:
	}
	a.revisions <- revision
}

// ask asks again where a coordinator fails: another one may still reach the
// database that this one has lost.
func (a *AuthorityClient) ask(ctx context.Context, kind string, question, answer any) (err error) {
	for range authorityTries {
		err = a.questions.askJSON(ctx, kind, question, answer)
		if tile.CodeOf(err) != tile.Internal {
			return err
		}
	}
	return err
}

// Lookup implements session.Authority.
func (a *AuthorityClient) Lookup(ctx context.Context, kind session.Kind, hash session.Hash) (session.Credential, error) {
	return a.credential(ctx, kindLookup, lookup{kind, hash})
}

// Identity implements session.Authority.
func (a *AuthorityClient) Identity(ctx context.Context, issuer, sub string) (session.Credential, error) {
	return a.credential(ctx, kindIdentity, subject{issuer, sub})
}

func (a *AuthorityClient) credential(ctx context.Context, kind string, question any) (session.Credential, error) {
	var c session.Credential
	err := a.ask(ctx, kind, question, &c)
	if tile.CodeOf(err) == tile.NotFound {
		return session.Credential{}, session.ErrUnknown
	}
	return c, err
}

// Rights implements session.Authority.
func (a *AuthorityClient) Rights(ctx context.Context, revision int64) (session.Rights, error) {
	var r session.Rights
	err := a.ask(ctx, kindRights, since{revision}, &r)
	return r, err
}

// Items implements session.Catalogue.
func (a *AuthorityClient) Items(ctx context.Context, after session.ItemMark) (session.ItemPage, error) {
	var p session.ItemPage
	err := a.ask(ctx, kindItems, after, &p)
	return p, err
}
