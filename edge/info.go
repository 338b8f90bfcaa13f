package edge

import (
	"context"
	"errors"
	"net/http"

	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/internal/tile"
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
	if refusal != nil && !errors.Is(refusal, errNeedLogin) {
		return refusal
	}
	h := x.header()
	h["Link"] = []string{profileLink(t.Version)}
	doc := answerDocument{
		body: e.infoBody(x, t, img, v), mediaType: infoType(t.Version, x.r.Header.Get("Accept")),
		vary: "Accept", public: v.Public,
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
		ID: x.baseURI(t), Image: img, Limits: e.limitsOf(img), Formats: e.cfg.Formats(),
		TileSize: iiif.TileSize(img, e.cfg.TileSize),
	}
	if !v.Public {
		d.Auth = e.auth(x.site.url, t.ID)
	}
	if t.Version == iiifurl.V2 {
		return iiif.Info2(d)
	}
	return iiif.Info3(d)
}

// auth describes the sign-in service of an image that is not open to everybody, alike
// for those who are signed in.
func (e *Edge) auth(base, id string) *iiif.Auth {
	return &iiif.Auth{Base: base, Name: e.cfg.ServiceName, ImageSpelling: e.spell(id), Texts: e.cfg.AuthTexts}
}
