package edge

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// route is a family of addresses, answered by one of two: serve is the edge's own and
// gets the rest of the path behind the prefix, still escaped; hand is somebody else.
type route struct {
	kind      string
	prefix    string
	json      bool // errors as JSON: clients of documents parse whatever comes
	anyMethod bool
	serve     func(e *Edge, ctx context.Context, x *exchange, rest string) error
	hand      func(e *Edge) http.Handler
}

// Kinds that more than the table has to know. An address behind the prefix of images
// is one of the first two.
const (
	kindImage    = "image"
	kindInfo     = "info"
	kindManifest = "manifest"
	kindProbe    = "probe"
)

// table is how addresses are told apart. It matches the path as sent: cleaning or
// decoding it first would merge identifiers that differ.
type table struct {
	families []*route // in order of precedence
	exact    map[string]*route
	nowhere  *route
}

func newTable() table {
	pages := func(e *Edge) http.Handler { return e.pages }
	page := &route{kind: "page", hand: pages}
	return table{
		families: []*route{
			{kind: kindImage, prefix: "/iiif/3/", serve: (*Edge).image},
			{kind: kindImage, prefix: "/iiif/2/", serve: (*Edge).image},
			{kind: kindImage, prefix: "/iiif/images/", serve: (*Edge).image},
			{kind: kindManifest, prefix: "/iiif/manifests/", json: true, serve: (*Edge).manifest},
			{kind: "generated", prefix: "/iiif/generated/", json: true, serve: (*Edge).generated},
			{kind: kindProbe, prefix: "/auth/probe/", json: true, serve: (*Edge).probe},
			{kind: "auth", prefix: "/auth/", anyMethod: true, hand: func(e *Edge) http.Handler { return e.cfg.Coordinator }},
			{kind: "page", prefix: "/view/", hand: pages},
			{kind: "page", prefix: "/assets/", hand: pages},
		},
		exact: map[string]*route{
			"/": page, "/view": page, "/robots.txt": page, "/favicon.ico": page, "/favicon.svg": page,
			"/assets/scheme":   {kind: "page", anyMethod: true, hand: pages},
			"/auth/query_auth": {kind: "forward", serve: (*Edge).queryAuth},
		},
		nowhere: &route{kind: "none", serve: func(*Edge, context.Context, *exchange, string) error { return errMissing }},
	}
}

func (t *table) find(path string) *route {
	if r := t.exact[path]; r != nil {
		return r
	}
	for _, r := range t.families {
		if strings.HasPrefix(path, r.prefix) {
			return r
		}
	}
	return t.nowhere
}

// rawPath is the path as sent. EscapedPath alone would decode and re-encode a path
// with a byte in it that should have been escaped, and turn its %2F into slashes.
func rawPath(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.RawPath
	}
	return r.URL.EscapedPath()
}

// ServeHTTP answers every public request.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := e.receive(w, r)
	defer e.finish(x)
	if err := e.answer(x); err != nil {
		e.fail(x, err)
	}
}

func (e *Edge) receive(w http.ResponseWriter, r *http.Request) *exchange {
	path := rawPath(r)
	x := &exchange{
		w: w, r: r, path: path, route: e.table.find(path),
		started: time.Now(), writeLimit: e.cfg.WriteTimeout,
	}
	x.kind, x.json = x.route.kind, x.route.json
	if x.kind == kindImage && strings.HasSuffix(path, "/info.json") {
		x.kind, x.json = kindInfo, true
	}
	return x
}

// answer finds out who asks what of whom, and has it answered.
func (e *Edge) answer(x *exchange) error {
	where, unlocated := e.network.locate(x.r)
	x.site, x.client = where.site, where.client
	x.id = requestID(x.r, where.proxy)
	x.header()["X-Request-Id"] = []string{x.id}
	if x.route.serve != nil {
		setCommon(x.header())
	}
	switch {
	case x.route.anyMethod, x.r.Method == http.MethodGet, x.r.Method == http.MethodHead:
	case x.r.Method == http.MethodOptions:
		preflight(x)
		return nil
	default:
		return errMethod
	}
	if unlocated != nil {
		return unlocated
	}
	if x.route.serve != nil {
		return e.work(x)
	}
	e.handOver(x)
	return nil
}

// work runs one of the edge's own handlers within bounds of time and number.
func (e *Edge) work(x *exchange) error {
	if !e.gate.enter() {
		return errOverloaded
	}
	x.gate = &e.gate
	ctx, stop := newBudget(e.cfg.Tag(x.r.Context(), x.id), e.cfg.Budget)
	defer stop()
	x.budget = ctx
	return x.route.serve(e, ctx, x, x.path[len(x.route.prefix):])
}

// finish ends every request, also one that panicked, and reports it.
func (e *Edge) finish(x *exchange) {
	value := recover()
	if value != nil && value != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
		value = e.apologise(x, value)
	}
	x.release()
	e.cfg.Observe(x.kind, x.status, x.cache, time.Since(x.started))
	if value != nil {
		panic(value)
	}
}

// apologise answers for a handler that panicked. It returns what is left to panic
// with: where an answer has begun, only breaking the connection tells the client.
func (e *Edge) apologise(x *exchange, value any) any {
	e.cfg.Log.Error("request panicked", slog.String("request", x.id), slog.String("path", x.path),
		slog.String("panic", fmt.Sprint(value)), slog.String("stack", string(debug.Stack())))
	if x.status != 0 {
		return http.ErrAbortHandler
	}
	clearHeader(x.header())
	x.send(http.StatusInternalServerError, x.errorType(),
		x.errorBody(refuse(http.StatusInternalServerError, "Something went wrong on our side. Request "+x.id+".")))
	return nil
}

// clearHeader takes off what half a handler has set about content and caching.
func clearHeader(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return name != "X-Request-Id" && !strings.HasPrefix(name, "Access-Control-")
	})
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
}

// requestID takes over the id of a trusted proxy, so that its log and ours agree.
func requestID(r *http.Request, trusted bool) string {
	if id := r.Header.Get("X-Request-Id"); trusted && saneID(id) {
		return id
	}
	return rand.Text()
}

func saneID(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		if !fileNameSafe(id[i]) {
			return false
		}
	}
	return true
}
