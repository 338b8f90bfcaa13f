//go:build cgo

package decode

import (
	"github.com/davidbyttow/govips/v2/vips"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// orientation is EXIF's: how the stored rows and columns are to be shown, 1 to 8.
type orientation int

const upright orientation = 1

// turned tells whether width and height change places.
func (o orientation) turned() bool { return o >= 5 && o <= 8 }

func (o orientation) size(w, h int) (int, int) {
	if o.turned() {
		return h, w
	}
	return w, h
}

// stored maps a region of the shown picture to the stored one, of w by h pixels.
func (o orientation) stored(r iiifurl.Rect, w, h int) iiifurl.Rect {
	fromRight, fromBottom := w-r.X-r.W, h-r.Y-r.H
	switch o {
	case 2:
		r.X = fromRight
	case 3:
		r.X, r.Y = fromRight, fromBottom
	case 4:
		r.Y = fromBottom
	case 5:
		return iiifurl.Rect{X: r.Y, Y: r.X, W: r.H, H: r.W}
	case 6:
		return iiifurl.Rect{X: r.Y, Y: h - r.X - r.W, W: r.H, H: r.W}
	case 7:
		return iiifurl.Rect{X: w - r.Y - r.H, Y: h - r.X - r.W, W: r.H, H: r.W}
	case 8:
		return iiifurl.Rect{X: w - r.Y - r.H, Y: r.X, W: r.H, H: r.W}
	}
	return r
}

// moves are the rotation and then the flip that show a stored picture.
var moves = map[orientation]struct {
	rotate vips.Angle
	flip   bool
}{
	2: {vips.Angle0, true},
	3: {vips.Angle180, false},
	4: {vips.Angle180, true},
	5: {vips.Angle90, true},
	6: {vips.Angle90, false},
	7: {vips.Angle270, true},
	8: {vips.Angle270, false},
}

func (o orientation) apply(im *vips.ImageRef) error {
	move := moves[o]
	if move.rotate != vips.Angle0 {
		if err := im.Rotate(move.rotate); err != nil {
			return err
		}
	}
	if move.flip {
		return im.Flip(vips.DirectionHorizontal)
	}
	return nil
}
