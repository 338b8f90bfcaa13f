package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// parsers are what stands behind each prefix of image addresses.
var parsers = map[string]func(escaped string) (iiifurl.Target, error){
	"/iiif/3/":      func(p string) (iiifurl.Target, error) { return iiifurl.ParsePath(iiifurl.V3, p) },
	"/iiif/2/":      func(p string) (iiifurl.Target, error) { return iiifurl.ParsePath(iiifurl.V2, p) },
	"/iiif/images/": func(p string) (iiifurl.Target, error) { return iiifurl.ParseFromRight(iiifurl.V2, p) },
}

// parseTarget reads what follows the prefix of an image address and finds the
// identifier that rules and storage know.
func (e *Edge) parseTarget(prefix, rest string) (iiifurl.Target, error) {
	t, err := parsers[prefix](rest)
	if err != nil {
		return t, err
	}
	t.ID, err = e.identify(t.ID)
	return t, err
}

func (e *Edge) image(ctx context.Context, x *exchange, rest string) error {
	t, err := e.parseTarget(x.route.prefix, rest)
	if err != nil {
		return err
	}
	switch t.Kind {
	case iiifurl.Base:
		return e.redirect(x, t)
	case iiifurl.Info:
		x.kind, x.json = kindInfo, true // however it was escaped
		return e.info(ctx, x, t)
	}
	return e.picture(ctx, x, t)
}

// baseURI is the image's base URI with the identifier as the client spelled it: viewers
// compare it with the address they asked for.
func (x *exchange) baseURI(t iiifurl.Target) string {
	return x.site.url + x.route.prefix + t.Spelling
}

// redirect answers the base URI alike for every identifier, so it needs no rights.
func (e *Edge) redirect(x *exchange, t iiifurl.Target) error {
	h := x.header()
	h["Location"] = []string{x.baseURI(t) + "/info.json"}
	h["Cache-Control"] = noStore
	x.release()
	x.begin(http.StatusSeeOther)
	return nil
}

// picture answers a request for pixels: rights first, and only then anything that
// costs or shows some.
func (e *Edge) picture(ctx context.Context, x *exchange, t iiifurl.Target) error {
	if err := e.offers(t.Request.Format); err != nil {
		return err
	}
	who := e.visitor(ctx, x, forContent)
	seen, err := e.admit(ctx, t, who)
	x.authorised = time.Since(x.started)
	e.testify(x, who, seen, err)
	if err != nil {
		return err
	}
	err = e.show(ctx, x, seen)
	if err == nil || tile.CodeOf(err) != tile.Changed {
		return err
	}
	// The source was replaced after it was described. The new version has its own
	// size, so everything is worked out again, once.
	if _, err = e.images.refresh(ctx, seen.source().ID); err != nil {
		return err
	}
	if seen, err = e.admit(ctx, t, who); err != nil {
		return err
	}
	return e.show(ctx, x, seen)
}

// admit grants a request for pixels or refuses it.
func (e *Edge) admit(ctx context.Context, t iiifurl.Target, who visitor) (view, error) {
	img, v, err := e.examine(ctx, t.ID, who)
	if err == nil {
		err = v.refusal()
	}
	if err == nil && v.ViewOnly && !slices.Contains(viewFormats([]string{t.Request.Format}, v), t.Request.Format) {
		err = errViewOnly
	}
	return view{t, img, v, who.Admin}, err
}

// offers refuses formats that workers do not write. While none has said what it can do
// nothing can be refused for good.
func (e *Edge) offers(format string) error {
	formats := e.cfg.Formats()
	if len(formats) == 0 {
		return tile.Fail(tile.Unavailable, "", errors.New("no worker has been heard from"))
	}
	if !slices.Contains(formats, format) {
		return refuse(http.StatusBadRequest,
			fmt.Sprintf("The format %q is not offered. Ask for one of: %s.", format, strings.Join(formats, ", ")))
	}
	return nil
}

// view is a granted request for pixels of one version of an image.
type view struct {
	target  iiifurl.Target
	image   tile.Image
	verdict verdict
	admin   bool
}

// source is the image that is rendered: the whole one, also for its tier.
func (v view) source() tile.Image {
	if v.verdict.reduced {
		return v.verdict.whole
	}
	return v.image
}

// show resolves the request against the image and sends the result from memory, from
// joined work, or straight through.
func (e *Edge) show(ctx context.Context, x *exchange, v view) error {
	resolved, err := e.resolve(v)
	if err != nil {
		return err
	}
	job := e.jobOf(v, resolved)
	key := job.Key()
	known, _ := e.results.GetIfPresent(key)
	canonical := resolved.Canonical(v.target.Version, v.image.Source(), e.limitsOf(v.image, v.verdict))
	e.describe(x, v, canonical, etagOf(known, key))
	if matches(x.r.Header["If-None-Match"], x.header()["Etag"][0]) {
		x.setCache(fromEdge)
		x.notModified()
		return nil
	}
	if known != nil {
		x.setCache(fromEdge)
		e.setTiming(x, v.admin, tile.Timing{}, "")
		x.send(http.StatusOK, known.mediaType, known.body)
		return nil
	}
	return e.make(ctx, x, job, key, v.admin)
}

// resolve works out a request within the limits of the image and of the format.
func (e *Edge) resolve(v view) (iiifurl.Resolved, error) {
	resolved, err := v.target.Request.Resolve(v.image.Source(), e.limitsOf(v.image, v.verdict))
	if err != nil {
		return resolved, err
	}
	w, h := resolved.Bounds()
	return resolved, tile.CheckSides(resolved.Format, w, h)
}

// jobOf is the rendering that a request comes to. That of a tier is one of the whole
// image: workers and caches know no tiers.
func (e *Edge) jobOf(v view, r iiifurl.Resolved) tile.Job {
	source := v.source()
	if v.verdict.reduced {
		r = enlarge(r, v.image, source)
	}
	return tile.Job{ID: source.ID, Version: source.Version, Render: r, JPEGQuality: e.cfg.JPEGQuality}
}

// viewOnlySide bounds what is given out at once of images that are for looking at.
const viewOnlySide = 2048

// viewFormats leaves of formats those that viewers need, where an image is to be looked
// at and not kept.
func viewFormats(formats []string, v verdict) []string {
	if !v.ViewOnly {
		return formats
	}
	return slices.DeleteFunc(slices.Clone(formats), func(f string) bool { return f != "jpg" && f != "png" && f != "webp" })
}

// limitsOf are the configured limits, cut for images that are larger than a JPEG can
// be: what max gives and sizes advertise can be had in the format all clients ask for.
func (e *Edge) limitsOf(img tile.Image, v verdict) iiifurl.Limits {
	l, most := e.cfg.Limits, tile.MaxSide("jpg")
	if v.reduced {
		l.Upscaling = false // a tier is never larger than it is
	}
	if v.ViewOnly {
		l.Upscaling, most = false, viewOnlySide
	}
	if img.Width <= most && img.Height <= most {
		return l
	}
	l.Upscaling = l.Upscaling && (l.MaxWidth > 0 || l.MaxArea > 0)
	if l.MaxHeight == 0 {
		l.MaxHeight = l.MaxWidth // of which it is the default, and of no other
	}
	l.MaxWidth, l.MaxHeight = tighter(l.MaxWidth, most), tighter(l.MaxHeight, most)
	return l
}

// tighter is the smaller of two limits, the first of which may be 0 for none.
func tighter(limit, most int) int {
	if limit == 0 {
		return most
	}
	return min(limit, most)
}

// make has the result made and sends it.
func (e *Edge) make(ctx context.Context, x *exchange, job tile.Job, key tile.Key, admin bool) error {
	made, err := e.render(ctx, job, key)
	if err != nil {
		return err
	}
	if made.damaged { // R7
		x.header()["Cache-Control"] = noStore
		x.header().Del("Etag")
	}
	x.setCache(made.cache)
	e.setTiming(x, admin, made.timing, made.worker)
	if made.large == nil {
		x.send(http.StatusOK, made.small.mediaType, made.small.body)
		return nil
	}
	defer made.large.Body.Close()
	x.header()["Content-Type"] = []string{made.large.Type}
	return x.stream(made.large)
}

// describe sets the headers that an image and its 304 have in common.
func (e *Edge) describe(x *exchange, v view, canonical, etag string) {
	h := x.header()
	h["Etag"] = []string{etag}
	h["Link"] = []string{canonicalLink(x.baseURI(v.target), canonical, v.target.Version)}
	h["Content-Disposition"] = []string{disposition(v.image.ID, canonical)}
	h["Cache-Control"] = e.controlOf(v.verdict, e.cfg.OpenMaxAge)
	if v.verdict.ViewOnly {
		h["Content-Disposition"] = inline
	}
	if !v.verdict.Public {
		h["Vary"] = varyReader
	}
}

// etagOf is strong: equal keys are equal bytes for as long as the key's version lasts.
func etagOf(known *picture, key tile.Key) string {
	if known != nil {
		return known.etag
	}
	return `"` + key.Hash() + `"`
}

// fromEdge is the value of X-Tessera-Cache for what was in this process's memory.
const fromEdge = "edge"

func (x *exchange) setCache(where string) {
	x.cache = where
	x.header()["X-Tessera-Cache"] = []string{where}
}

// setTiming tells operators where the time went. Others could learn from it what has
// been looked at lately.
func (e *Edge) setTiming(x *exchange, admin bool, t tile.Timing, worker string) {
	if !admin && !e.cfg.DebugHeaders {
		return
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	x.header()["Server-Timing"] = []string{fmt.Sprintf(
		"auth;dur=%g, queue;dur=%g, fetch;dur=%g, decode;dur=%g, encode;dur=%g, total;dur=%g",
		ms(x.authorised), ms(t.Queue), ms(t.Fetch), ms(t.Decode), ms(t.Encode), ms(time.Since(x.started)))}
	if worker != "" {
		x.header()["X-Tessera-Worker"] = []string{worker}
	}
}
