package edge

import (
	"context"
	"net/http"
	"strings"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// queryAuth tells a proxy in front of other content whether the reader whose cookie or
// token it passes on may see one of our addresses (the proxy's sub-request: nginx's
// auth_request, Caddy's and Traefik's forward auth). Proxies understand 2xx, 401 and
// 403 alone, so every other refusal is 403.
func (e *Edge) queryAuth(ctx context.Context, x *exchange, _ string) error {
	err := e.judgeOriginal(ctx, x)
	if err != nil {
		p := classify(err)
		if p.status != http.StatusUnauthorized && p.status != http.StatusForbidden {
			e.logProblem(x, p)
			err = errForbidden
		}
		return err
	}
	h := x.header()
	h["Cache-Control"] = noStore
	h["Vary"] = varyReader
	x.begin(http.StatusNoContent)
	return nil
}

func (e *Edge) judgeOriginal(ctx context.Context, x *exchange) error {
	o, ok := originalOf(x.r.Header)
	if !ok {
		return errForbidden
	}
	switch o.method {
	case "", http.MethodGet, http.MethodHead:
		return e.mayOpen(ctx, x, o.path)
	case http.MethodOptions:
		return nil
	}
	return errForbidden
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
	if t.Kind == iiifurl.Picture {
		seen, err := e.admit(ctx, t, e.visitor(ctx, x, forContent))
		if err == nil {
			_, err = e.resolve(seen)
		}
		return err
	}
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

// original is the request that a proxy asks about.
type original struct{ method, path string }

// originalOf reads the headers of one kind of proxy: X-Original-* as nginx is told to
// send, or X-Forwarded-* of Caddy and Traefik. A proxy sets its own kind and passes
// the other on from the client, who must not choose what is judged: both at once are
// refused. An nginx that is not told to set the method would pass on the client's, so
// there it never opens anything.
func originalOf(h http.Header) (o original, ok bool) {
	nginx := original{h.Get("X-Original-Method"), h.Get("X-Original-Uri")}
	others := original{h.Get("X-Forwarded-Method"), h.Get("X-Forwarded-Uri")}
	if nginx.path != "" && others.path != "" {
		return original{}, false
	}
	o = others
	if nginx.path != "" {
		o = nginx
		if o.method == http.MethodOptions {
			o.method = http.MethodGet
		}
	}
	o.path, _, _ = strings.Cut(o.path, "?")
	return o, o.path != ""
}
