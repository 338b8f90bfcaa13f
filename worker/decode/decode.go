//go:build cgo

// Package decode makes pictures of image files: JPEG 2000 by OpenJPEG, called directly
// and for the wanted region alone; TIFF, JPEG, PNG and WebP by libvips; scale, rotation,
// colour and encoding by libvips through govips. It is the only package with C code and
// belongs into a sandboxed child (cmd/tessera-decoder), where its faults cost one task.
//
// One task at a time: the package is not safe for concurrent use.
package decode

import (
	"runtime"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/layout"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// Result is an encoded picture. Body is valid until Free.
type Result struct {
	Type           string
	Body           []byte
	Sizes          []int64 // of the pictures in Body, where the request had cuts
	Decode, Encode time.Duration
	Blocks         protocol.Blocks
	free           func()
}

// Free gives the body back; it may be called once.
func (r *Result) Free() {
	if r.free != nil {
		r.free()
	}
}

// pin keeps data where it is until the task is done: both libraries hold on to it between
// calls. Mapped files are not moved anyway.
func pin(data []byte) (unpin func()) {
	var p runtime.Pinner
	if len(data) > 0 {
		p.Pin(&data[0])
	}
	return p.Unpin
}

// Render decodes the region of a file that is held in data and makes the answer of it.
// Errors are *tile.Error: Broken, Invalid, Unsupported, Internal.
func Render(data []byte, req protocol.Request) (*Result, error) {
	defer pin(data)()
	began := time.Now()
	p, o, blocks, err := decodeRegion(data, req)
	if err != nil {
		return nil, err
	}
	defer p.free()
	decoded := time.Now()
	result, err := finishAll(p, o, req)
	if err != nil {
		return nil, err
	}
	result.Decode, result.Encode, result.Blocks = decoded.Sub(began), time.Since(decoded), blocks
	return result, nil
}

func decodeRegion(data []byte, req protocol.Request) (*picture, orientation, protocol.Blocks, error) {
	var none protocol.Blocks
	if err := checkMagic(data, req.Format); err != nil {
		return nil, 0, none, err
	}
	wide := keepsDepth(req.Output)
	if !req.Format.IsJPEG2000() {
		p, o, err := decodeSource(data, req, wide)
		return p, o, none, err
	}
	c, err := openCodestream(data, req)
	if err != nil {
		return nil, 0, none, err
	}
	defer c.Close()
	p, err := c.decode(req, wide)
	return p, upright, c.counted, err
}

// Inspect reads the facts of a TIFF, JPEG, PNG or WebP file from its header. Errors
// are as Render's.
func Inspect(data []byte, format tile.Format) (protocol.Facts, error) {
	if loaders[format] == nil {
		return protocol.Facts{}, tile.Fail(tile.Unsupported, "This format is not inspected here.", nil)
	}
	defer pin(data)()
	if err := checkMagic(data, format); err != nil {
		return protocol.Facts{}, err
	}
	s, err := openSource(data, format, asStored)
	if err != nil {
		return protocol.Facts{}, err
	}
	defer s.Close()
	facts := protocol.Facts{
		Bands: int(s.facts.bands), Bits: int(s.facts.bits), Gray: s.facts.gray != 0, Alpha: s.facts.alpha != 0,
	}
	o := orientation(s.facts.orientation)
	facts.Width, facts.Height = o.size(s.width(), s.height())
	if format == tile.TIFF {
		addLevels(&facts, data, o)
	}
	return facts, nil
}

func addLevels(facts *protocol.Facts, data []byte, o orientation) {
	levels, err := layout.TIFF(data)
	if err != nil {
		return // libvips has read the header: there is just no pyramid to tell of
	}
	facts.Levels = len(levels) - 1
	facts.TileWidth, facts.TileHeight = o.size(levels[0].TileWidth, levels[0].TileHeight)
}
