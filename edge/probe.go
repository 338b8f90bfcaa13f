package edge

import (
	"context"
	"net/http"

	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// probe tells a viewer what a request for an image's pixels would get (Authorization
// Flow 2.0 section 5.2). Its own status is 200 whatever it has to tell.
func (e *Edge) probe(ctx context.Context, x *exchange, rest string) error {
	if err := e.probeImage(ctx, x, rest); err != nil {
		return err
	}
	e.sendProbe(x, http.StatusOK)
	return nil
}

// sendProbe is also how every failure of a probe is answered.
func (e *Edge) sendProbe(x *exchange, status int) {
	h := x.header()
	h["Cache-Control"] = noStore
	h["Vary"] = varyReader
	x.send(http.StatusOK, typeJSON, iiif.Probe(e.probeResult(x, x.path[len(x.route.prefix):], status)))
}

func (e *Edge) probeImage(ctx context.Context, x *exchange, rest string) error {
	id, err := iiifurl.ParseIdentifier(rest)
	if err != nil {
		return err
	}
	if id, err = e.identify(id); err != nil {
		return err
	}
	_, v, err := e.examine(ctx, id, e.visitor(ctx, x, forProbe))
	if err != nil {
		return err
	}
	refusal := v.statusRefusal()
	if refusal != nil {
		x.verdict = v
	}
	return refusal
}

func (e *Edge) probeResult(x *exchange, spelling string, status int) iiif.ProbeResult {
	result := iiif.ProbeResult{ID: iiif.ProbeURL(x.site.url, spelling), Status: status}
	switch status {
	case http.StatusOK:
	case http.StatusUnauthorized:
		t := e.texts(x.verdict.Decision)
		result.Heading, result.Note = t.Heading, t.Note
	default:
		words := e.said.of(status)
		result.Heading, result.Note = words.heading, words.note
	}
	if x.verdict.instead() {
		result.Preview = e.said.preview
		result.Substitute = x.site.url + "/iiif/3/" + spelling + authz.TierMark
	}
	return result
}
