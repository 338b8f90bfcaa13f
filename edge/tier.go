package edge

import (
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// tierOf finds the image of whose tier id is the name, and the decision about it; ok
// is false where id is a name like any other. A tier is an image of its own, with its
// own description, sizes and services (C-027, R59).
func (e *Edge) tierOf(id string, who visitor) (of string, v verdict, ok bool, err error) {
	of, marked := authz.SplitTier(id)
	if !marked {
		return "", verdict{}, false, nil
	}
	v, err = e.decide(who, tile.RuleName(of))
	if err != nil || v.Tier == nil {
		return "", verdict{}, false, err
	}
	v.Decision, v.unsure, v.reduced = v.OfTier(), false, true
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
