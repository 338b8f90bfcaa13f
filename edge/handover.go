package edge

import (
	"context"
	"net/http"
	"net/netip"
	"sync"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// readerKey is where a handed-over request's context tells who asks.
type readerKey struct{}

// reader tells who asks, as it was found out for the request that was handed over;
// any other request is a stranger's.
func reader(r *http.Request) visitor {
	find, ok := r.Context().Value(readerKey{}).(func() visitor)
	if !ok {
		return visitor{}
	}
	return find()
}

// Principal tells who asks for a page; the zero principal is a stranger. It is for the
// handlers in Config.Pages.
func (e *Edge) Principal(r *http.Request) authz.Principal { return reader(r).Principal }

// Decide tells what whoever asks for a page may do with an image, without a look at
// whether there is one, and by the last rules known: it opens nothing.
func (e *Edge) Decide(r *http.Request, id string) (authz.Decision, error) {
	v, err := e.decide(reader(r), tile.RuleName(id))
	return v.Decision, err
}

// Examine is Decide for an image by its spelling in an address. NotFound, the outcome
// for an image that is hidden, is also that for one that does not exist: only with
// NotFound left out may an answer depend on the rest. An error says that it cannot be
// told now.
func (e *Edge) Examine(r *http.Request, spelling string) (authz.Decision, error) {
	nowhere := authz.Decision{Outcome: authz.NotFound}
	id, err := iiifurl.ParseIdentifier(spelling)
	if err != nil {
		return nowhere, nil //nolint:nilerr // what cannot be a name names nothing
	}
	if id, err = e.identify(id); err != nil {
		return nowhere, nil //nolint:nilerr // likewise
	}
	ctx, cancel := context.WithTimeout(r.Context(), e.cfg.Budget)
	defer cancel()
	_, v, err := e.examine(ctx, id, reader(r))
	switch {
	case err != nil && classify(err).status == http.StatusNotFound:
		return nowhere, nil
	case err != nil && outage(err):
		return authz.Decision{}, err
	case v.unsure:
		return authz.Decision{}, errUnsure
	}
	return v.Decision, nil // broken images too have a page: the viewer tells what is wrong
}

// handOver gives a request to the coordinator or the pages, which see the public
// address and the real client, and no header that a proxy, or somebody who plays one,
// has added.
func (e *Edge) handOver(x *exchange) {
	find := sync.OnceValue(func() visitor { return e.visitor(x.r.Context(), x, forContent) })
	r := x.r.Clone(context.WithValue(x.r.Context(), readerKey{}, find))
	r.URL.Scheme, r.URL.Host, r.Host = x.site.scheme, x.site.host, x.site.host
	r.RemoteAddr = remoteAddr(x)
	for _, name := range forwardingHeaders {
		delete(r.Header, name)
	}
	r.Header["X-Request-Id"] = []string{x.id}
	x.route.hand(e).ServeHTTP(othersWriter{x}, r)
}

// remoteAddr keeps the form host:port that readers of RemoteAddr expect.
func remoteAddr(x *exchange) string {
	switch {
	case !x.client.IsValid():
		return "0.0.0.0:0" // nobody's address
	case peer(x.r) == x.client:
		return x.r.RemoteAddr
	}
	return netip.AddrPortFrom(x.client, 0).String()
}

// othersWriter is what handlers behind the edge write to: it notes the status, and
// their clients too are cut off when they take nothing. Between writes there is no
// deadline, so that a page may wait for events to send.
type othersWriter struct{ x *exchange }

func (w othersWriter) Header() http.Header { return w.x.header() }

func (w othersWriter) WriteHeader(status int) {
	if w.x.status == 0 && status >= http.StatusOK {
		w.x.status = status
	}
	w.x.w.WriteHeader(status)
}

func (w othersWriter) Write(p []byte) (int, error) {
	if w.x.status == 0 {
		w.x.status = http.StatusOK
	}
	w.x.extendWrite()
	defer w.x.endWrite()
	return paced(w).Write(p)
}

// Flush lets pages send events as they happen.
func (w othersWriter) Flush() {
	w.x.extendWrite()
	defer w.x.endWrite()
	_ = http.NewResponseController(w.x.w).Flush()
}

// Unwrap is for http.ResponseController.
func (w othersWriter) Unwrap() http.ResponseWriter { return w.x.w }
