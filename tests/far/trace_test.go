package far

import (
	"strings"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// view is what a viewer shows: a window on the image at a scale, of which it asks for all
// tiles that it has not got yet.
type view struct {
	scale int
	x, y  int // of the middle, in pixels of the image
}

const viewWidth, viewHeight = 1024, 768 // pixels of the screen

// tiles of 256 pixels that the view shows.
func (v view) tiles() (all []iiifurl.Rect) {
	span := side * v.scale
	w, h := viewWidth*v.scale, viewHeight*v.scale
	x0, y0 := max(0, (v.x-w/2)/span), max(0, (v.y-h/2)/span)
	for y := y0 * span; y < min(height, v.y+h/2); y += span {
		for x := x0 * span; x < min(width, v.x+w/2); x += span {
			all = append(all, iiifurl.Rect{X: x, Y: y, W: min(span, width-x), H: min(span, height-y)})
		}
	}
	return all
}

// trace zooms into a place, pans around there, and does the same once more elsewhere.
func trace() (all []view) {
	for _, at := range []view{{x: 1100, y: 900}, {x: 3000, y: 2100}} {
		for scale := 8; scale >= 1; scale /= 2 {
			all = append(all, view{scale, at.x, at.y})
		}
		for i := range 8 {
			all = append(all, view{1, at.x + (i+1)*192, at.y + i/4*256})
		}
	}
	return all
}

// TestTraceBytes: what a reader looks at, zooming in and panning, takes little more of a
// file far away than the packets of what he sees: neighbours share them.
func TestTraceBytes(t *testing.T) {
	const most = 100 << 10 // of a tile, on the mean
	texture := decodertest.WritePNG(t, decodertest.Texture(width, height))
	for name, profile := range profiles {
		t.Run(name, func(t *testing.T) {
			data := decodertest.Read(t, decodertest.Compress(t, texture, ".jp2", strings.Fields(profile.arguments)...))
			source := &counted{Source: faraway(t, server.Endpoint(), map[string][]byte{"a.jp2": data})}
			far := newWorker(t, worker.Config{Source: source, Remote: true, Decoders: decoders(t), Queue: 64})
			tiles := follow(t, far, trace())
			s := source.Stats()
			each := s.Received / int64(tiles)
			t.Logf("%d tiles of an object of %d bytes: %d bytes and %.1f requests each, %d reads joined; all packets are %d bytes a tile",
				tiles, len(data), each, float64(s.Requests)/float64(tiles), s.Joined, len(data)*side*side/(width*height))
			if each > most || source.locals.Load() != 0 {
				t.Errorf("more than %d bytes a tile; %d whole files", most, source.locals.Load())
			}
		})
	}
}

// follow asks for the tiles of one view after the other, those of one side by side.
func follow(t *testing.T, w *worker.Worker, views []view) (tiles int) {
	t.Helper()
	type key struct {
		iiifurl.Rect
		scale int
	}
	had := map[key]bool{}
	for _, v := range views {
		var group sync.WaitGroup
		for _, r := range v.tiles() {
			if had[key{r, v.scale}] {
				continue
			}
			had[key{r, v.scale}] = true
			group.Go(func() {
				if _, err := render(t.Context(), w, "a", r, (r.W+v.scale-1)/v.scale, (r.H+v.scale-1)/v.scale); err != nil {
					t.Errorf("%+v: %v", r, err)
				}
			})
		}
		group.Wait()
	}
	return len(had)
}
