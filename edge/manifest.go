package edge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// documentKey names a stored document as it is for everybody under one base while one
// set of rules is in force.
type documentKey struct {
	path   string
	base   string
	ruling int64 // number of the set
}

// document is a stored document made ready. It never changes.
type document struct {
	body       []byte
	compressed func() []byte // made when first asked for
	changes    time.Time     // when the services in it may be others; zero: not by the clock
}

func newDocument(body []byte) *document {
	return &document{body: body, compressed: sync.OnceValue(func() []byte { return compress(body) })}
}

// weightOf is a document's part of the memory for documents, with its names; nil stands
// for one that could not be had.
func weightOf(key documentKey, d *document) uint32 {
	const overhead = 512
	weight := len(key.path) + len(key.base) + overhead
	if d != nil {
		weight += 2 * len(d.body) // as it is, and compressed
	}
	return uint32(min(weight, 1<<31))
}

// manifest sends a stored IIIF document with the services of its images put in.
func (e *Edge) manifest(ctx context.Context, x *exchange, rest string) error {
	path, err := documentPath(rest)
	if err != nil {
		return err
	}
	v, err := e.judgeManifest(ctx, x, path)
	if err != nil {
		return err
	}
	doc, err := e.stored(ctx, x, path, v)
	if err != nil {
		return err
	}
	if err := v.refusal(); err != nil {
		return err
	}
	v.Changes = sooner(v.Changes, doc.changes)
	x.sendDocument(doc.form(x, e.controlOf(v, infoAge)))
	return nil
}

// documentPath is the path of a document, whose slashes may be raw or escaped.
func documentPath(rest string) (string, error) {
	return iiifurl.ParseIdentifier(strings.ReplaceAll(rest, "/", "%2F"))
}

// judgeManifest decides about a document. Documents are open unless the operator wants
// them guarded like images: viewers send no credentials for them.
func (e *Edge) judgeManifest(ctx context.Context, x *exchange, path string) (verdict, error) {
	if !e.cfg.ManifestsAsImages {
		return verdict{Decision: authz.Decision{Outcome: authz.Allow, Public: true}}, nil
	}
	return e.judge(ctx, e.visitor(ctx, x, forContent), strings.TrimSuffix(path, ".json"))
}

// stored finds a document that may be known of. Like images, one that is hidden is
// looked for under a name that nobody has.
func (e *Edge) stored(ctx context.Context, x *exchange, path string, v verdict) (*document, error) {
	if !e.cfg.Keeper.Ready() || v.blind() {
		return nil, errUnsure
	}
	hidden := v.Outcome == authz.NotFound
	if hidden {
		path = e.decoy(path)
	}
	doc, err := e.current(ctx, documentKey{path, x.site.url, e.ruling()})
	if hidden && !outage(err) {
		err = errMissing
	}
	return doc, err
}

// current finds a document whose services are those of this moment.
func (e *Edge) current(ctx context.Context, key documentKey) (*document, error) {
	doc, err := e.documents.get(ctx, key)
	if err != nil || doc.changes.IsZero() || e.cfg.Now().Before(doc.changes) {
		return doc, err
	}
	return e.documents.refresh(ctx, key)
}

// mayOpenManifest is nil when the document would be sent.
func (e *Edge) mayOpenManifest(ctx context.Context, x *exchange, rest string) error {
	path, err := documentPath(rest)
	if err != nil {
		return err
	}
	v, err := e.judgeManifest(ctx, x, path)
	if err != nil {
		return err
	}
	if _, err := e.stored(ctx, x, path, v); err != nil {
		return err
	}
	return v.refusal()
}

// prepare fetches a document and makes it right for one base and one set of rules: that
// of the key, or the one that has come after it.
func (e *Edge) prepare(ctx context.Context, key documentKey) (*document, error) {
	raw, err := e.cfg.Library.Manifest(ctx, key.path)
	if err != nil {
		return nil, err
	}
	policy, former := e.cfg.Keeper.Policy(), formerHome(raw.Body, key.path)
	var changes time.Time
	body, err := iiif.InjectAuth(raw.Body,
		func(service string, _ iiifurl.Version) *iiif.Auth {
			auth, until := e.authOfService(policy, key.base, service)
			changes = sooner(changes, until)
			return auth
		},
		func(id string) string { return e.network.rebase(id, key.base, former) })
	if err != nil {
		return nil, err
	}
	doc := newDocument(body)
	doc.changes = changes
	return doc, nil
}

// sooner is the earlier of two instants of which either may be zero for never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// authOfService finds the authorization service for an image service of ours that is not
// open to everybody, and until when that is so. Of a hidden image no more is told than of
// a name that nobody has.
func (e *Edge) authOfService(policy *authz.Policy, base, service string) (auth *iiif.Auth, changes time.Time) {
	id, ok := e.imageOfService(base, service)
	if !ok {
		return nil, time.Time{}
	}
	d := policy.Decide(authz.Principal{}, tile.RuleName(id), e.cfg.Now())
	if d.Outcome == authz.NotFound {
		d = policy.Decide(authz.Principal{}, e.decoy(""), e.cfg.Now())
	}
	if d.Public {
		return nil, d.Changes
	}
	return e.auth(base, id, d, e.sharedWords()), d.Changes
}

func (e *Edge) imageOfService(base, service string) (id string, ok bool) {
	path, ours := strings.CutPrefix(service, base)
	if !ours {
		return "", false
	}
	r := e.table.find(path)
	if r.kind != kindImage {
		return "", false
	}
	t, err := e.parseTarget(r.prefix, path[len(r.prefix):])
	return t.ID, err == nil && t.Kind == iiifurl.Base
}

// formerHome is the host that a document was written for, where its own id says that it
// belonged at this very path there: a name that we once had. "" where it does not.
func formerHome(document []byte, path string) string {
	var own struct {
		ID  string `json:"id"`
		Old string `json:"@id"` // Presentation API 2
	}
	_ = json.Unmarshal(document, &own) // InjectAuth tells what is wrong with it
	u, err := url.Parse(cmp.Or(own.ID, own.Old))
	if err != nil || strings.TrimSuffix(u.Path, ".json") != "/iiif/manifests/"+strings.TrimSuffix(path, ".json") {
		return ""
	}
	return strings.ToLower(u.Host)
}

// rebase puts the base of this answer in the place of any other that is ours, or was.
func (n *network) rebase(id, base, former string) string {
	scheme, rest, found := strings.Cut(id, "://")
	slash := strings.IndexByte(rest, '/')
	if !found || slash < 0 || !strings.HasPrefix(rest[slash:], "/iiif/") && !strings.HasPrefix(rest[slash:], "/auth/") {
		return id
	}
	host := rest[:slash]
	if strings.ToLower(host) != former && !n.ours(&url.URL{Scheme: scheme, Host: host}) {
		return id
	}
	return base + rest[slash:]
}

const presentationType3 = ldType + `;profile="http://iiif.io/api/presentation/3/context.json"`

// form is the document as this client wants it. Documents before Presentation API 3
// are plain JSON unless JSON-LD is asked for by name.
func (d *document) form(x *exchange, control []string) answerDocument {
	preferred, ld := jsonType, ldType
	if bytes.Contains(d.body, []byte("iiif.io/api/presentation/3/context.json")) {
		preferred = presentationType3
	}
	form := answerDocument{
		body: d.body, mediaType: negotiate(x.r.Header.Get("Accept"), preferred, ld),
		vary: "Accept, Accept-Encoding", control: control,
	}
	if acceptsGzip(x.r.Header) {
		if small := d.compressed(); small != nil {
			form.body, form.encoding = small, "gzip"
		}
	}
	return form
}
