package edge

import (
	"context"
	"net/http"

	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// info answers info.json. Version 2 follows Authentication 1.0: the status tells whether
// the reader may see the image, and a refusal is a whole document, with the services
// that help. Version 3 follows Authorization Flow 2.0: the document is open to all who
// may know of the image, and the probe tells the rest.
func (e *Edge) info(ctx context.Context, x *exchange, t iiifurl.Target) error {
	p := forContent
	if t.Version == iiifurl.V2 {
		p = forStatus
	}
	img, v, err := e.examine(ctx, t.ID, e.visitor(ctx, x, p))
	if err != nil {
		return err
	}
	refusal := v.infoRefusal(t.Version)
	switch {
	case refusal != nil && v.instead():
		e.toTier(x, t)
		return nil
	case refusal != nil && !needsService(refusal):
		return refusal
	}
	h := x.header()
	h["Link"] = []string{profileLink(t.Version)}
	doc := answerDocument{
		body: e.infoBody(x, t, img, v), mediaType: infoType(t.Version, x.r.Header.Get("Accept")),
		vary: "Accept", control: e.controlOf(v, infoAge),
	}
	if t.Version == iiifurl.V2 && !v.Public {
		doc.vary = "Accept, Accept-Language" // of the one language that its services speak
	}
	if refusal == nil {
		x.sendDocument(doc)
		return nil
	}
	h["Www-Authenticate"] = challengeOf(classify(refusal))
	h["Cache-Control"] = noStore
	h["Vary"] = []string{doc.vary + ", " + variesByReader}
	x.send(http.StatusUnauthorized, []string{doc.mediaType}, doc.body)
	return nil
}

func (e *Edge) infoBody(x *exchange, t iiifurl.Target, img tile.Image, v verdict) []byte {
	d := iiif.Description{
		ID: x.baseURI(t), Image: img, Limits: e.limitsOf(img, v), Formats: viewFormats(e.cfg.Formats(), v),
		TileSize: iiif.TileSize(img, e.cfg.TileSize),
	}
	// A tier has the service of the whole image in version 1 of authorization, or no
	// viewer would offer it (C-024); in version 2 the probe of the whole has led here.
	if !v.Public || v.reduced && t.Version == iiifurl.V2 {
		say := e.sharedWords()
		if !v.Public {
			say = e.ownWords(x)
		}
		d.Auth = e.auth(x.site.url, t.ID, v.Decision, say)
	}
	if t.Version == iiifurl.V2 {
		return iiif.Info2(d)
	}
	return iiif.Info3(d)
}

// toTier sends a viewer that may not see an image to the description of its smaller
// one (Authentication 1.0 section 3.2). It has another identifier, and who may see the
// whole changes by the hour, so nothing of this may be kept.
func (e *Edge) toTier(x *exchange, t iiifurl.Target) {
	h := x.header()
	h["Location"] = []string{x.baseURI(t) + authz.TierMark + "/info.json"}
	h["Cache-Control"], h["Vary"] = noStore, varyReader
	x.release()
	x.begin(http.StatusFound)
}
