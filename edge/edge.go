// Package edge is the public HTTP face of Tessera: the IIIF Image APIs, manifests and
// the probe service. It decides who may see what before it spends anything, asks
// workers for pixels and documents, and keeps what they answer in memory.
package edge

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/flight"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// Keeper knows credentials and the rules in force; *session.Keeper is one.
type Keeper interface {
	// Find answers session.ErrUnknown for a secret that stands for nothing; any
	// other error means that nobody could be asked.
	Find(ctx context.Context, kind session.Kind, secret string) (session.Credential, error)
	// FindIdentity does so for a subject of an OpenID issuer.
	FindIdentity(ctx context.Context, issuer, subject string) (session.Credential, error)
	Policy() *authz.Policy
	Fresh() bool // rights are recent enough to hand out restricted content
	Ready() bool // there are any rights at all
}

// Bounds of what is remembered for the length of InfoTTL.
const (
	maxImages        = 20_000
	maxDocumentBytes = 64 << 20
)

// Config is what an edge is made of. Zero values of the bounds stand for defaults.
type Config struct {
	Renderer tile.Renderer
	Library  tile.Library
	Keeper   Keeper
	Tokens   Tokens // access tokens of OpenID providers; nil: they are nobody's

	Hook Hook // asked where a rule leaves a decision to another system; nil: such images are shown to nobody

	Coordinator http.Handler               // /auth/*, but for the probe and query_auth
	Pages       func(e *Edge) http.Handler // "/", /view, /assets/ and the files browsers ask for

	PublicURLs     []string       // scheme and host of the site; none: loopback hosts are echoed
	TrustedProxies []netip.Prefix // whose forwarding headers count
	ViewerOrigins  []string       // of viewers on other sites that may ask for our cookies

	Limits          iiifurl.Limits
	Formats         func() []string // output formats that workers offer, e.g. "jpg"; nil: no worker is known yet
	TileSize        int             // advertised tile side in pixels; 0: chosen per image
	JPEGQuality     int             // 1 to 100; 0: 85
	SlashSubstitute string          // stands for "/" in identifiers; empty: off

	ServiceName          string          // of the sign-in service; empty: "members"
	Institution          string          // named in the texts of every service; empty: none
	Texts                *catalogue.Book // of services and probes; nil: ours
	ManifestsAsImages    bool            // rules decide about manifests too; else they are open
	IIIFTokenOpensImages bool            // against the specifications, for clients of the older stack
	DebugHeaders         bool            // timings and worker names for everybody

	CacheBytes   int64         // of rendered images in memory; 0: 256 MiB
	OpenMaxAge   time.Duration // how long caches may keep open images; 0: a day
	Budget       time.Duration // from request to first byte; 0: 30 s
	WriteTimeout time.Duration // in which a client has to take 256 KiB; 0: 20 s
	InfoTTL      time.Duration // after which a worker is asked for an image's version again; 0: 2 s
	MaxInFlight  int           // requests at work; more are refused; 0: 512

	// Observe is told of every answer. kind, status and cache are of small sets.
	Observe func(kind string, status int, cache string, d time.Duration)
	// Seen is told of images that were shown by right, and refused; nil: nobody is.
	Seen func(session.Sighting)
	// Tag puts the request id into the context that workers are asked with.
	Tag func(ctx context.Context, requestID string) context.Context
	Now func() time.Time
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.JPEGQuality = cmp.Or(c.JPEGQuality, 85)
	c.ServiceName = cmp.Or(c.ServiceName, "members")
	c.CacheBytes = cmp.Or(c.CacheBytes, 256<<20)
	c.OpenMaxAge = cmp.Or(c.OpenMaxAge, 24*time.Hour)
	c.Budget = cmp.Or(c.Budget, 30*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 20*time.Second)
	c.InfoTTL = cmp.Or(c.InfoTTL, 2*time.Second)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, 512)
	if c.Observe == nil {
		c.Observe = func(string, int, string, time.Duration) {}
	}
	if c.Tag == nil {
		c.Tag = func(ctx context.Context, _ string) context.Context { return ctx }
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

// Edge is the public http.Handler. Safe for concurrent use.
type Edge struct {
	cfg       Config
	table     table
	network   network
	gate      gate
	images    *recent[string, tile.Image]
	documents *recent[documentKey, *document]
	rulings   rulings
	results   *otter.Cache[tile.Key, *picture]
	renders   flight.Group[tile.Key, rendering]
	pages     http.Handler
	decoySalt string
	openImage []string        // Cache-Control of images open to everybody
	viewers   map[string]bool // by origin

	said said
}

// New makes an edge. Errors name the setting to change.
func New(cfg Config) (*Edge, error) {
	if cfg.Renderer == nil || cfg.Library == nil || cfg.Keeper == nil || cfg.Coordinator == nil || cfg.Pages == nil || cfg.Formats == nil {
		return nil, errors.New("edge: renderer, library, keeper, coordinator, pages and formats are all needed")
	}
	cfg = cfg.withDefaults()
	sites, err := parseSites(cfg.PublicURLs)
	if err != nil {
		return nil, err
	}
	viewers, err := parseViewers(cfg.ViewerOrigins)
	if err != nil {
		return nil, err
	}
	e := &Edge{
		cfg:       cfg,
		viewers:   viewers,
		table:     newTable(),
		network:   network{sites: sites, proxies: cfg.TrustedProxies},
		gate:      gate{limit: int64(cfg.MaxInFlight)},
		results:   newResultCache(cfg.CacheBytes),
		decoySalt: rand.Text(),
		openImage: []string{publicFor(cfg.OpenMaxAge)},

		said: newSaid(cfg.Texts, cfg.Institution),
	}
	e.images = newRecent(cfg, maxImages, func(string, tile.Image) uint32 { return 1 }, cfg.Renderer.Info)
	e.pages = cfg.Pages(e)
	e.documents = newRecent(cfg, maxDocumentBytes, weightOf, e.prepare)
	return e, nil
}
