// Package coordinator is the role that knows people and rights: it answers edges
// as their authority, and browsers and API clients at /auth/.
package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/cluster"
	"github.com/tessera-iiif/tessera/internal/look"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Config of a Coordinator. Only DB is needed.
type Config struct {
	Name       string // of this process, for administrators
	DB         *db.DB
	PublicURLs []string // scheme://host; the first serves requests that come without an edge

	SessionIdle time.Duration // a session ends after so long without activity; default 8 h
	SessionMax  time.Duration // and so long after sign-in; default 7 days
	TokenLife   time.Duration // of IIIF access tokens; default 5 min
	AuditKeep   time.Duration // how long the record of changes is kept; default 0, for ever
	Passwords   password.Config

	SameSite string // of the session cookie over https: "lax" (default) or "none"
	Service  string // name of the auth service in URLs; default "members"

	// ViewerOrigins may use the token service without a sign-in that they asked for,
	// besides viewers of our own site.
	ViewerOrigins []string

	// TokenIssuers are the OpenID issuers whose access tokens edges take from API clients,
	// and who of their people may come in the first time.
	TokenIssuers map[string]people.SignUp

	SignInBy ProvidersConfig // besides passwords

	Look  *look.Look      // of the pages; nil: ours
	Texts *catalogue.Book // of the pages and services; nil: ours

	Members func() []cluster.Member                                       // what the parts of the cluster tell of themselves; nil: nothing
	Images  func(ctx context.Context, q tile.Query) (tile.Listing, error) // lists images; nil: nobody can
	Purge   func(ctx context.Context, p cluster.Purge) error              // tells edges and workers what to forget; nil: nobody can

	SlashSubstitute string // stands for "/" in identifiers, as at edges; empty: off

	Fallback authz.Access         // for images that no rule names; default "login"
	Announce func(revision int64) // called after each commit that edges must hear about
	Now      func() time.Time
	Log      *slog.Logger
}

func (c Config) withDefaults() Config {
	c.SessionIdle = cmp.Or(c.SessionIdle, 8*time.Hour)
	c.SessionMax = cmp.Or(c.SessionMax, 7*24*time.Hour)
	c.TokenLife = cmp.Or(c.TokenLife, 5*time.Minute)
	c.SameSite = cmp.Or(c.SameSite, "lax")
	c.Service = cmp.Or(c.Service, "members")
	c.Fallback = cmp.Or(c.Fallback, authz.Login)
	if c.Announce == nil {
		c.Announce = func(int64) {}
	}
	if c.Look == nil {
		c.Look = look.New(look.Config{})
	}
	if c.Texts == nil {
		c.Texts = catalogue.Bundled()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Coordinator implements session.Authority and serves /auth/.
type Coordinator struct {
	name      string
	people    *people.Service
	providers *providers
	pages     *web.Pages
	book      *catalogue.Book
	service   string
	fallback  authz.Access
	sameSite  http.SameSite
	public    origin // zero if there is none
	sites     []origin
	viewers   map[origin]bool
	members   func() []cluster.Member
	images    func(context.Context, tile.Query) (tile.Listing, error)
	purge     func(context.Context, cluster.Purge) error
	log       *slog.Logger
	handler   http.Handler

	stop    context.CancelFunc
	running sync.WaitGroup
}

var _ session.Authority = (*Coordinator)(nil)

// New makes a coordinator. It does no I/O; errors name the setting to change.
func New(config Config) (*Coordinator, error) {
	if config.DB == nil {
		return nil, errors.New("coordinator: a database is needed")
	}
	config = config.withDefaults()
	c := &Coordinator{
		people: people.New(people.Config{
			DB: config.DB, Passwords: password.NewHasher(config.Passwords),
			SessionIdle: config.SessionIdle, SessionMax: config.SessionMax, TokenLife: config.TokenLife, AuditKeep: config.AuditKeep,
			TokenIssuers: config.TokenIssuers, Fallback: config.Fallback, SlashSubstitute: config.SlashSubstitute, Announce: config.Announce, Now: config.Now, Log: config.Log,
		}),
		name: config.Name, service: config.Service, fallback: config.Fallback, viewers: map[origin]bool{}, log: config.Log,
		members: config.Members, images: config.Images, purge: config.Purge,
		pages: web.New(config.Look, config.Texts), book: config.Texts,
	}
	if err := c.parse(config); err != nil {
		return nil, err
	}
	var err error
	if c.providers, err = newProviders(config.SignInBy, config.Now, config.Log); err != nil {
		return nil, err
	}
	c.handler = c.routes(api.New(api.Config{
		People: c.people, Session: c.adminSession, FromHere: c.isFromHere, Members: c.members, Forget: c.forget, Fallback: c.fallback, LinkURL: c.linkURL, Log: config.Log,
		Unmatched: c.unmatched, Providers: c.providerReport, CheckProvider: c.checkProvider,
	}))
	return c, nil
}

func (c *Coordinator) parse(config Config) error {
	switch config.SameSite {
	case "lax":
		c.sameSite = http.SameSiteLaxMode
	case "none":
		c.sameSite = http.SameSiteNoneMode
	default:
		return fmt.Errorf("SameSite of the session cookie %q: use lax or none", config.SameSite)
	}
	for _, text := range config.PublicURLs {
		site, err := parseOrigin(text)
		if err != nil {
			return fmt.Errorf("public URL %q: write scheme and host alone, such as https://iiif.example.org", text)
		}
		c.sites = append(c.sites, site)
	}
	if len(c.sites) > 0 {
		c.public = c.sites[0]
	}
	for _, text := range config.ViewerOrigins {
		viewer, err := parseOrigin(text)
		if err != nil {
			return fmt.Errorf("viewer origin %q: write scheme and host alone, such as https://viewer.example.org", text)
		}
		c.viewers[viewer] = true
	}
	return nil
}

// Start tells edges the revision there is, ends what was signed in by providers that are
// no more, and begins to clean up behind people.
func (c *Coordinator) Start(ctx context.Context) error {
	if err := c.people.KeepProviders(ctx, c.providers.clients()); err != nil {
		return fmt.Errorf("coordinator: %w", err)
	}
	if err := c.people.AnnounceCurrent(ctx); err != nil {
		return fmt.Errorf("coordinator: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.running.Go(func() { c.people.Run(running) })
	c.running.Go(func() { c.keepAsking(running) })
	return nil
}

// Close ends what Start began and waits for it. The database stays open: it is
// its opener's.
func (c *Coordinator) Close() {
	if c.stop != nil {
		c.stop()
	}
	c.running.Wait()
	c.people.Passwords.Close()
	c.providers.set.Close()
}

// Bootstrap creates the first administrator if there are no users at all; an empty
// password is made up and returned, to be shown once.
func (c *Coordinator) Bootstrap(ctx context.Context, email, text string) (madeUp string, err error) {
	return c.people.Bootstrap(ctx, email, text)
}

// Lookup implements session.Authority.
func (c *Coordinator) Lookup(ctx context.Context, kind session.Kind, hash session.Hash) (session.Credential, error) {
	return c.people.Lookup(ctx, kind, hash)
}

// Identity implements session.Authority.
func (c *Coordinator) Identity(ctx context.Context, issuer, subject string) (session.Credential, error) {
	return c.people.Identity(ctx, issuer, subject)
}

// Rights implements session.Authority.
func (c *Coordinator) Rights(ctx context.Context, since int64) (session.Rights, error) {
	return c.people.Rights(ctx, since)
}

// Items implements session.Catalogue.
func (c *Coordinator) Items(ctx context.Context, after session.ItemMark) (session.ItemPage, error) {
	return c.people.Items(ctx, after)
}

// Revision is the newest revision of rights, whichever coordinator made it. That it
// can be told means that the database answers.
func (c *Coordinator) Revision(ctx context.Context) (int64, error) { return c.people.Revision(ctx) }

// requestTime bounds what a request may wait for the database and for its turn to
// have a password checked.
const requestTime = 20 * time.Second

// ServeHTTP serves /auth/ but for the probe, which is the edge's.
func (c *Coordinator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTime)
	defer cancel()
	ctx = audit.WithOrigin(ctx, audit.Origin{Addr: clientAddr(r), RequestID: r.Header.Get("X-Request-Id")})
	c.handler.ServeHTTP(w, r.WithContext(catalogue.With(ctx, c.book.For(r))))
}
