package edge

import (
	"context"
	"net/http"
	"strings"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// queryAuth tells a proxy in front of other content whether the reader whose cookie or
// token it passes on may see one of our addresses (the proxy's sub-request: nginx's
// auth_request, Caddy's and Traefik's forward auth). The address comes in a header, and
// anybody may send one: the answer is about the sender's own rights, nothing else.
func (e *Edge) queryAuth(ctx context.Context, x *exchange, _ string) error {
	switch firstHeader(x.r, "X-Original-Method", "X-Forwarded-Method") {
	case "", http.MethodGet, http.MethodHead:
		if err := e.mayOpen(ctx, x, originalPath(x.r)); err != nil {
			return err
		}
	case http.MethodOptions:
	default:
		return errForbidden
	}
	h := x.header()
	h["Cache-Control"] = noStore
	h["Vary"] = varyReader
	x.begin(http.StatusNoContent)
	return nil
}

// mayOpen is nil when a request for the path would be answered with what it asks for.
func (e *Edge) mayOpen(ctx context.Context, x *exchange, path string) error {
	r := e.table.find(path)
	rest := path[len(r.prefix):]
	switch r.kind {
	case kindImage:
		t, err := e.parseTarget(r.prefix, rest)
		if err != nil {
			return err
		}
		return e.mayOpenImage(ctx, x, t)
	case kindManifest:
		return e.mayOpenManifest(ctx, x, rest)
	}
	return errForbidden
}

func (e *Edge) mayOpenImage(ctx context.Context, x *exchange, t iiifurl.Target) error {
	p := forContent
	if t.Kind == iiifurl.Info && t.Version == iiifurl.V2 {
		p = forStatus
	}
	_, v, err := e.examine(ctx, t.ID, e.visitor(ctx, x, p))
	switch {
	case err != nil:
		return err
	case t.Kind == iiifurl.Info:
		return v.infoRefusal(t.Version)
	}
	return v.refusal()
}

func originalPath(r *http.Request) string {
	path := firstHeader(r, "X-Original-Uri", "X-Forwarded-Uri")
	path, _, _ = strings.Cut(path, "?")
	return path
}

func firstHeader(r *http.Request, names ...string) string {
	for _, name := range names {
		if value := r.Header.Get(name); value != "" {
			return value
		}
	}
	return ""
}
