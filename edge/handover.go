package edge

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// readerKey is where a handed-over request's context tells who asks.
type readerKey struct{}

// Principal tells who asks for a page; the zero principal is a stranger. It is for the
// handlers in Config.Pages: requests that no edge handed over are a stranger's.
func (e *Edge) Principal(r *http.Request) authz.Principal {
	find, ok := r.Context().Value(readerKey{}).(func() authz.Principal)
	if !ok {
		return authz.Principal{}
	}
	return find()
}

// handOver gives a request to the coordinator or the pages, which see the public
// address and the real client, and no header that a proxy, or somebody who plays one,
// has added.
func (e *Edge) handOver(x *exchange) {
	find := func() authz.Principal { return e.visitor(x.r.Context(), x, forContent).Principal }
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
