package edge

import (
	"strings"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// tierMark behind an image's identifier names its reduced tier, which is an image of
// its own: with its own description, sizes and services (C-027, R59). It stands for
// that only where the rule of the image gives it a tier; elsewhere it is a part of a
// name like any other.
const tierMark = "~reduced"

// tierOf finds the image of whose tier id is the name, and the decision about it; ok
// is false where id is a name like any other. A tier is there for everybody for as long
// as the rule is.
func (e *Edge) tierOf(id string, who visitor) (of string, v verdict, ok bool, err error) {
	of, marked := strings.CutSuffix(id, tierMark)
	if !marked || of == "" || strings.HasSuffix(of, "/") {
		return "", verdict{}, false, nil
	}
	v, err = e.decide(who, tile.RuleName(of))
	if err != nil || v.Tier == nil {
		return "", verdict{}, false, err
	}
	v.Outcome, v.Public, v.ViewOnly, v.unsure, v.reduced = authz.Allow, true, false, false, true
	return of, v, true, nil
}

// reduce is the tier of an image, as an image.
func reduce(whole tile.Image, id string, t authz.Tier) tile.Image {
	small := tile.Image{ID: id, Version: whole.Version, Format: whole.Format, Gray: whole.Gray, Alpha: whole.Alpha, Bits: whole.Bits}
	small.Width, small.Height = t.Size(whole.Width, whole.Height)
	return small
}

// enlarge turns what was asked of a tier into what is rendered of the whole image: the
// same part of it, in the size that was asked for. A side of the part never shrinks by
// less than the image does, so nothing of the detail between comes through.
func enlarge(r iiifurl.Resolved, small, whole tile.Image) iiifurl.Resolved {
	r.Region.X, r.Region.W = stretch(r.Region.X, r.Region.W, small.Width, whole.Width)
	r.Region.Y, r.Region.H = stretch(r.Region.Y, r.Region.H, small.Height, whole.Height)
	return r
}

// stretch maps a span of a side that is from long to one that is to long.
func stretch(start, length, from, to int) (int, int) {
	begin := start * to / from
	return begin, (start+length)*to/from - begin
}
