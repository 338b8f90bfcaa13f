package coordinator

import (
	"net/http"
	"net/netip"
)

// base is the public address the request was sent to. The edge has put it into
// the URL; a request that came without an edge is taken for one to our first
// public address, or else by its Host.
func (c *Coordinator) base(r *http.Request) origin {
	scheme, host := r.URL.Scheme, r.URL.Host
	if host == "" && c.public != (origin{}) {
		return c.public
	}
	if host == "" {
		host = r.Host
	}
	if r.TLS != nil {
		scheme = "https"
	}
	if scheme == "" {
		scheme = "http"
	}
	o, err := parseOrigin(scheme + "://" + host)
	if err != nil {
		return origin{scheme: scheme} // matches no page's origin
	}
	return o
}

func (c *Coordinator) isSecure(r *http.Request) bool { return c.base(r).scheme == "https" }

// clientAddr is the person's address, which the edge has put there; the zero
// address when it cannot be told.
func clientAddr(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}

// provenance is where a request that changes something was made.
type provenance int

const (
	unproven  provenance = iota // the client says nothing: no browser of today
	here                        // on one of our own pages
	elsewhere                   // on a page of somebody else
)

// provenanceOf reads Origin and Sec-Fetch-Site, both of which pages cannot forge.
// "Origin: null" comes from our own pages too under some referrer policies, but
// then the browser says same-origin besides.
func provenanceOf(r *http.Request, base origin) provenance {
	site, from := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	switch {
	case site == "" && from == "":
		return unproven
	case site != "" && site != "same-origin" && site != "none":
		return elsewhere
	case from == "":
		return here
	case from == "null":
		if site == "same-origin" {
			return here
		}
		return elsewhere
	}
	if o, err := parseOrigin(from); err != nil || o != base {
		return elsewhere
	}
	return here
}

// isEmbedded tells whether a browser fetches a page as a part of another one, or
// only in case somebody might want it.
func isEmbedded(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return (dest != "" && dest != "document") || r.Header.Get("Sec-Purpose") != ""
}
