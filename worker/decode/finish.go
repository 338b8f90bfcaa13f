//go:build cgo

package decode

import (
	"errors"
	"math"
	"strings"

	"github.com/davidbyttow/govips/v2/vips"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// finish scales, turns, colours and encodes a decoded picture.
func finish(p *picture, o orientation, req protocol.Request) (*Result, error) {
	if isDirect(p, o, req) {
		return encodeJPEG(p, req.JPEG)
	}
	im, err := vips.LoadImageFromBuffer(p.tiff(), nil)
	if err != nil {
		return nil, failure("wrap", err)
	}
	defer im.Close()
	f := finisher{im: im, gray: p.model == modelGray, wide: p.bits == 16 && keepsDepth(req.Output), req: req}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"orient", func() error { return o.apply(im) }},
		{"resize", f.resize},
		{"mirror", f.mirror},
		{"colour", f.colour},
		{"rotate", f.rotate},
		{"quality", f.quality},
		{"flatten", f.flatten},
	} {
		if err := step.do(); err != nil {
			return nil, failure(step.name, err)
		}
	}
	body, err := encoders[req.Output](im, req)
	if err != nil {
		return nil, failure("encode", err)
	}
	return &Result{Type: tile.MediaTypes[req.Output], Body: body}, nil
}

// isDirect tells whether the picture is the answer but for its encoding as JPEG.
func isDirect(p *picture, o orientation, req protocol.Request) bool {
	return req.Output == "jpg" && p.isPlain() && o <= upright && !req.Mirror && math.Mod(req.Degrees, 360) == 0 &&
		p.width == req.Width && p.height == req.Height && !changesColour(req.Quality, p.model == modelGray)
}

func changesColour(q iiifurl.Quality, gray bool) bool {
	return q == iiifurl.Bitonal || q == iiifurl.Gray && !gray
}

// keepsDepth tells the outputs that carry 16 bits per sample.
func keepsDepth(output string) bool { return output == "png" || output == "tif" }

// hasAlpha tells the outputs that carry opacity.
func hasAlpha(output string) bool { return output != "jpg" }

// failure keeps libvips' words and leaves out the stack that govips adds to them.
// Pixels are computed as they are encoded, so damage can show as late as that.
func failure(doing string, err error) error {
	text, _, _ := strings.Cut(err.Error(), "\nStack:")
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	return tile.Fail(tile.Internal, "The image could not be converted.", errors.New(doing+": "+text))
}

// finisher takes one picture through the steps of the Image API.
type finisher struct {
	im   *vips.ImageRef
	gray bool // the source has no colour
	wide bool // 16 bits stay
	req  protocol.Request
}

// resize makes the picture exactly as large as asked, whatever that does to its aspect.
func (f *finisher) resize() error {
	w, h := f.im.Width(), f.im.Height()
	if w == f.req.Width && h == f.req.Height {
		return nil
	}
	if err := f.scale(float64(f.req.Width)/float64(w), float64(f.req.Height)/float64(h)); err != nil {
		return err
	}
	return f.fit(f.req.Width, f.req.Height, vips.ExtendCopy)
}

func (f *finisher) scale(x, y float64) error {
	if !f.im.HasAlpha() {
		return f.im.ResizeWithVScale(x, y, vips.KernelLanczos3)
	}
	format := f.im.BandFormat()
	if err := f.realOpacity(); err != nil {
		return err
	}
	if err := f.im.ResizeWithVScale(x, y, vips.KernelLanczos3); err != nil {
		return err
	}
	return f.storedOpacity(format)
}

// realOpacity turns opacity into a real number from 0 to 1. Given integers, govips cuts
// off fractions when it takes the opacity out of the scaled colours again, and opaque
// pixels come back as 254; and given real ones it multiplies by an opacity of that range.
func (f *finisher) realOpacity() error {
	top := maxLevel[f.im.BandFormat()]
	if err := f.alphaLinear(1, 1/top, 0); err != nil {
		return err
	}
	return f.im.Cast(vips.BandFormatFloat)
}

// storedOpacity undoes realOpacity. Dividing by the opacity libvips takes it for one of
// the interpretation's range, so the colours are that many times too bright.
func (f *finisher) storedOpacity(format vips.BandFormat) error {
	bright := 255.0
	if i := f.im.Interpretation(); i == vips.InterpretationGrey16 || i == vips.InterpretationRGB16 {
		bright = 65535
	}
	if err := f.alphaLinear(1/bright, maxLevel[format], 0.5); err != nil {
		return err
	}
	return f.im.Cast(format)
}

// maxLevel is full opacity. Of 16 bits signed are CIELab's bands alone.
var maxLevel = map[vips.BandFormat]float64{
	vips.BandFormatUchar: 255, vips.BandFormatUshort: 65535, vips.BandFormatShort: 32767,
}

// alphaLinear multiplies the colours and the opacity, which is the last band.
func (f *finisher) alphaLinear(colours, alpha, add float64) error {
	bands := f.im.Bands()
	factors, offsets := make([]float64, bands), make([]float64, bands)
	for i := range bands {
		factors[i], offsets[i] = colours, add
	}
	factors[bands-1] = alpha
	return f.im.Linear(factors, offsets)
}

// fit cuts or adds the odd row or column that rounding has cost.
func (f *finisher) fit(w, h int, extend vips.ExtendStrategy) error {
	if f.im.Width() == w && f.im.Height() == h {
		return nil
	}
	left, top := max(0, (f.im.Width()-w)/2), max(0, (f.im.Height()-h)/2)
	if err := f.im.ExtractArea(left, top, min(w, f.im.Width()), min(h, f.im.Height())); err != nil {
		return err
	}
	return f.im.Embed((w-f.im.Width())/2, (h-f.im.Height())/2, w, h, extend)
}

func (f *finisher) mirror() error {
	if !f.req.Mirror {
		return nil
	}
	return f.im.Flip(vips.DirectionHorizontal)
}

// colour makes sRGB or gray of everything: one rule for all outputs, so that pictures
// need carry no profile.
func (f *finisher) colour() error {
	if f.im.HasICCProfile() {
		if err := f.im.TransformICCProfileWithFallback("srgb", "srgb"); err != nil {
			return err
		}
	}
	target := f.space(f.gray)
	if f.im.Interpretation() == target {
		return nil
	}
	return f.im.ToColorSpace(target)
}

// space is the standard colour space of the answer's depth.
func (f *finisher) space(gray bool) vips.Interpretation {
	switch {
	case gray && f.wide:
		return vips.InterpretationGrey16
	case gray:
		return vips.InterpretationBW
	case f.wide:
		return vips.InterpretationRGB16
	}
	return vips.InterpretationSRGB
}

var rightAngles = map[float64]vips.Angle{90: vips.Angle90, 180: vips.Angle180, 270: vips.Angle270}

func (f *finisher) rotate() error {
	degrees := math.Mod(f.req.Degrees, 360)
	if degrees == 0 {
		return nil
	}
	if angle, ok := rightAngles[degrees]; ok {
		return f.im.Rotate(angle)
	}
	return f.rotateFreely(degrees)
}

// rotateFreely lets the corners be transparent; flatten fills them where that cannot be.
func (f *finisher) rotateFreely(degrees float64) error {
	if err := f.im.ToColorSpace(f.space(false)); err != nil {
		return err
	}
	if err := f.im.AddAlpha(); err != nil {
		return err
	}
	if err := f.im.Similarity(1, degrees, &vips.ColorRGBA{}, 0, 0, 0, 0); err != nil {
		return err
	}
	w, h := f.req.Bounds()
	if err := f.fit(w, h, vips.ExtendBlack); err != nil {
		return err
	}
	return f.im.ToColorSpace(f.space(f.gray))
}

func (f *finisher) quality() error {
	switch {
	case f.req.Quality == iiifurl.Bitonal:
		return f.bitonal()
	case changesColour(f.req.Quality, f.gray):
		return f.im.ToColorSpace(f.space(true))
	}
	return nil
}

func (f *finisher) bitonal() error {
	if err := f.im.ToColorSpace(vips.InterpretationBW); err != nil {
		return err
	}
	if err := f.onWhite(); err != nil {
		return err
	}
	// Steeper than the step between two levels: the cast clips to 0 and 255.
	if err := f.im.Linear1(510, -127.5*510); err != nil {
		return err
	}
	return f.im.Cast(vips.BandFormatUchar)
}

func (f *finisher) flatten() error {
	if hasAlpha(f.req.Output) {
		return nil
	}
	return f.onWhite()
}

func (f *finisher) onWhite() error {
	if !f.im.HasAlpha() {
		return nil
	}
	return f.im.Flatten(&vips.Color{R: 255, G: 255, B: 255})
}
