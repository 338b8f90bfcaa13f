//go:build cgo

package decode

import (
	"errors"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// finishAll makes one answer of a picture, or one of each of its cuts: decoding a tile
// takes most of what decoding its neighbours takes again.
func finishAll(p *picture, o orientation, req protocol.Request) (*Result, error) {
	if len(req.Cuts) == 0 {
		return finish(p, o, req)
	}
	if p.width != req.Width || p.height != req.Height || o > upright {
		return nil, tile.Fail(tile.Invalid, "", errors.New("cuts of a picture that is to be scaled or turned"))
	}
	all := &Result{}
	for _, c := range req.Cuts {
		if err := all.appendCut(p, c, req); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (r *Result) appendCut(p *picture, c iiifurl.Rect, req protocol.Request) error {
	part, err := p.cut(c, req.Budget)
	if err != nil {
		return err
	}
	defer part.free()
	req.Width, req.Height, req.Cuts = c.W, c.H, nil
	one, err := finish(part, upright, req)
	if err != nil {
		return err
	}
	defer one.Free()
	r.Type = one.Type
	r.Body = append(r.Body, one.Body...)
	r.Sizes = append(r.Sizes, int64(len(one.Body)))
	return nil
}

// cut copies a part of the picture, which lies within it.
func (p *picture) cut(c iiifurl.Rect, budget int64) (*picture, error) {
	s := p.shape
	s.width, s.height = c.W, c.H
	part, err := newPicture(s, budget)
	if err != nil {
		return nil, err
	}
	sample := p.bands * p.bits / 8
	from, to := p.memory[p.room:], part.memory[part.room:]
	for y := range c.H {
		row := from[(c.Y+y)*p.stride()+c.X*sample:]
		copy(to[y*part.stride():], row[:c.W*sample])
	}
	return part, nil
}
