package iiifurl_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// sized is a size request: with a status of 0 it must resolve to w by h.
type sized struct {
	name   string
	image  image
	params string // region/size
	w, h   int
	status int
}

func (tt sized) run(t *testing.T, v iiifurl.Version) {
	t.Run(tt.name+" "+tt.params, func(t *testing.T) {
		got, err := tt.image.resolve(v, tt.params+"/0/default.jpg")
		if tt.status != 0 {
			wantStatus(t, err, tt.status)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.Width != tt.w || got.Height != tt.h {
			t.Errorf("got %dx%d, want %dx%d", got.Width, got.Height, tt.w, tt.h)
		}
	})
}

func TestResolveSize(t *testing.T) {
	for _, tt := range []sized{
		{name: "A-060", image: imageW, params: "full/max", w: 6000, h: 4000},
		{name: "A-060 upscaling on", image: imageWU, params: "full/max", w: 6000, h: 4000},
		{name: "A-061 WL", image: imageWL, params: "full/max", w: 3000, h: 2000},
		{name: "A-061 WA", image: imageWA, params: "full/max", w: 2449, h: 1632},
		{name: "A-062", image: imageWL, params: "0,0,4000,4000/max", w: 3000, h: 3000},
		{name: "A-063", image: imageWL, params: "0,0,500,500/max", w: 500, h: 500},
		{name: "A-064", image: imageWU, params: "full/^max", w: 8000, h: 5333},
		{name: "A-065", image: imageW, params: "full/^max", w: 6000, h: 4000},
		{name: "A-066", image: imageSQL, params: "full/^max", status: 501},
		{name: "A-066 nothing to enlarge", image: imageWL, params: "full/^max", w: 3000, h: 2000},
		{name: "A-067", image: imageW, params: "full/3000,", w: 3000, h: 2000},
		{name: "A-068", image: imageW, params: "full/,2000", w: 3000, h: 2000},
		{name: "A-069", image: imageW, params: "full/6000,", w: 6000, h: 4000},
		{name: "A-069", image: imageW, params: "full/,4000", w: 6000, h: 4000},
		{name: "A-070", image: imageW, params: "full/6001,", status: 400},
		{name: "A-070", image: imageW, params: "full/,4001", status: 400},
		{name: "A-070 upscaling on", image: imageWU, params: "full/6001,", status: 400},
		{name: "A-071", image: imageW, params: "5900,3900,200,200/200,", status: 400},
		{name: "A-072", image: imageW, params: "full/pct:50", w: 3000, h: 2000},
		{name: "A-072 region", image: imageW, params: "5900,3900,200,200/pct:50", w: 50, h: 50},
		{name: "A-073", image: imageW, params: "full/pct:100", w: 6000, h: 4000},
		{name: "A-073", image: imageW, params: "full/pct:100.1", status: 400},
		{name: "A-073", image: imageW, params: "full/pct:120", status: 400},
		{name: "A-073 a trace", image: imageW, params: "full/pct:100.000000000000001", status: 400},
		{name: "A-075", image: imageW, params: "full/3000,2000", w: 3000, h: 2000},
		{name: "A-076", image: imageW, params: "full/3000,3000", w: 3000, h: 3000},
		{name: "A-077", image: imageW, params: "full/6001,4000", status: 400},
		{name: "A-077", image: imageW, params: "full/6000,4001", status: 400},
		{name: "A-077", image: imageW, params: "full/100,4001", status: 400},
		{name: "A-078", image: imageW, params: "full/!1000,1000", w: 1000, h: 667},
		{name: "A-079", image: imageW, params: "full/!1000,100", w: 150, h: 100},
		{name: "A-080", image: imageW, params: "full/!9000,9000", w: 6000, h: 4000},
		{name: "A-080 upscaling on", image: imageWU, params: "full/!9000,9000", w: 6000, h: 4000},
		{name: "A-080 one side larger", image: imageW, params: "full/!9000,400", w: 600, h: 400},
		{name: "F-12", image: imageWBox, params: "full/!9000,9000", status: 400},
		{name: "F-12 one side larger", image: imageWBox, params: "full/!9000,400", w: 600, h: 400},
		{name: "F-12 exactly filled", image: imageWBox, params: "full/!6000,9000", w: 6000, h: 4000},
		{name: "A-081", image: imageWL, params: "full/!9000,9000", w: 3000, h: 2000},
		{name: "A-081 area", image: imageWA, params: "full/!9000,9000", w: 2449, h: 1632},
		{name: "A-083", image: imageW, params: "full/^3000,", w: 3000, h: 2000},
		{name: "A-083", image: imageW, params: "full/^,2000", w: 3000, h: 2000},
		{name: "A-083", image: imageW, params: "full/^pct:50", w: 3000, h: 2000},
		{name: "A-083", image: imageW, params: "full/^3000,2000", w: 3000, h: 2000},
		{name: "A-083", image: imageW, params: "full/^!1000,1000", w: 1000, h: 667},
		{name: "A-084", image: imageW, params: "full/^9000,", status: 501},
		{name: "A-084", image: imageW, params: "full/^,6000", status: 501},
		{name: "A-084", image: imageW, params: "full/^pct:120", status: 501},
		{name: "A-084", image: imageW, params: "full/^9000,6000", status: 501},
		{name: "A-084", image: imageW, params: "full/^!9000,9000", status: 501},
		{name: "A-085", image: imageWU, params: "full/^7500,", w: 7500, h: 5000},
		{name: "A-085", image: imageWU, params: "full/^pct:120", w: 7200, h: 4800},
		{name: "A-085", image: imageWU, params: "full/^7500,100", w: 7500, h: 100},
		{name: "A-085", image: imageWU, params: "full/^!9000,9000", w: 8000, h: 5333},
		{name: "A-086", image: imageWU, params: "full/^9000,", status: 400},
		{name: "A-086", image: imageWU, params: "full/^pct:150", status: 400},
		{name: "A-086", image: imageWU, params: "full/^9000,9000", status: 400},
		{name: "A-086 overflow", image: imageWU, params: "full/^pct:999999999", status: 400},
		{name: "A-087", image: imageWL, params: "full/3001,", status: 400},
		{name: "A-087", image: imageWL, params: "full/pct:100", status: 400},
		{name: "A-087", image: imageWA, params: "full/,2001", status: 400},
		{name: "A-087", image: imageWA, params: "full/3000,3000", status: 400},
		{name: "A-087 area alone", image: imageWA, params: "full/3000,2000", status: 400},
		{name: "A-090", image: imageW, params: "full/full", status: 400},
		{name: "A-092", image: imageSTRIP, params: "full/90,", w: 90, h: 1},
		{name: "A-092", image: imageSTRIP, params: "full/!90,90", w: 90, h: 1},
		{name: "A-092", image: imageSTRIP, params: "full/pct:0.001", w: 1, h: 1},
		{name: "A-092 height", image: image{source: iiifurl.Source{Width: 50, Height: 30000}}, params: "full/,90", w: 1, h: 90},
		{name: "A-211", image: imageODD, params: "1024,0,1,769/1,193", w: 1, h: 193},
		{name: "A-207 upscaling without a limit", image: image{imageW.source, iiifurl.Limits{Upscaling: true}}, params: "full/^7500,", status: 501},
		{name: "F-3 22", image: imageSQU, params: "full/^!2000,3000", w: 2000, h: 2000},
		{name: "F-3 22", image: imageSQU, params: "full/^!2000,500", w: 500, h: 500},
		{name: "F-3 22", image: imageSQU, params: "full/^pct:200", w: 2000, h: 2000},
	} {
		tt.run(t, iiifurl.V3)
	}
}

func TestResolveSizeVersionTwo(t *testing.T) {
	for _, tt := range []sized{
		{name: "B-001", image: imageW, params: "full/full", w: 6000, h: 4000},
		{name: "B-001 region", image: imageW, params: "5900,3900,200,200/full", w: 100, h: 100},
		{name: "B-002", image: imageWL, params: "full/full", w: 3000, h: 2000},
		{name: "B-002 area", image: imageWA, params: "full/full", w: 2449, h: 1632},
		{name: "B-003", image: imageW, params: "full/max", w: 6000, h: 4000},
		{name: "B-003 limited", image: imageWL, params: "full/max", w: 3000, h: 2000},
		{name: "B-003 never enlarges", image: imageWU, params: "full/max", w: 6000, h: 4000},
		{name: "B-004", image: imageW, params: "full/3000,", w: 3000, h: 2000},
		{name: "B-004", image: imageW, params: "full/,2000", w: 3000, h: 2000},
		{name: "B-004", image: imageW, params: "full/pct:50", w: 3000, h: 2000},
		{name: "B-005", image: imageW, params: "full/!1000,1000", w: 1000, h: 667},
		{name: "B-005 distorted", image: imageW, params: "full/300,300", w: 300, h: 300},
		{name: "B-006", image: imageW, params: "full/6001,", status: 400},
		{name: "B-006", image: imageW, params: "full/pct:120", status: 400},
		{name: "B-006", image: imageSQ, params: "full/2000,2000", status: 400},
		{name: "B-006 upscaling on", image: imageSQU, params: "full/2000,2000", w: 2000, h: 2000},
		{name: "B-006 upscaling on", image: imageSQU, params: "full/,1500", w: 1500, h: 1500},
		{name: "B-006 upscaling on", image: imageSQU, params: "full/pct:120", w: 1200, h: 1200},
		{name: "B-006 beyond the limit", image: imageSQU, params: "full/3001,", status: 400},
		{name: "B-006 caret", image: imageSQU, params: "full/^2000,", status: 400},
		{name: "B-007", image: imageW, params: "full/!9000,9000", w: 6000, h: 4000},
		{name: "B-007 upscaling on", image: imageWU, params: "full/!9000,9000", w: 8000, h: 5333},
		{name: "B-007 the switch is for version 3", image: imageWBox, params: "full/!9000,9000", w: 6000, h: 4000},
		// A listed size is given in every form (B-036), so that B-008 is left to percentages.
		{name: "B-036, A-092", image: imageSTRIP, params: "full/90,", w: 90, h: 1},
		{name: "B-036, A-092", image: imageSTRIP, params: "full/!90,90", w: 90, h: 1},
		{name: "B-036", image: image{source: iiifurl.Source{Width: 60000, Height: 10}}, params: "full/469,", w: 469, h: 1},
		{name: "B-008", image: imageSTRIP, params: "full/pct:0.001", status: 400},
		{name: "B-008 never for max", image: image{imageSTRIP.source, iiifurl.Limits{MaxWidth: 90}}, params: "full/max", w: 90, h: 1},
		{name: "B-009", image: imageW, params: "square/1000,", w: 1000, h: 1000},
	} {
		tt.run(t, iiifurl.V2)
	}
}

// Every size and tile an info.json offers comes out exactly.
func TestAdvertisedSizesAndTiles(t *testing.T) {
	for _, im := range []image{imageW, imageODD, imageSTRIP, imageSQ} {
		for scale := 1; scale <= 32; scale *= 2 {
			checkTiles(t, im, 256, scale)
			w, h := ceilDiv(im.source.Width, scale), ceilDiv(im.source.Height, scale)
			r := im.mustResolve(t, iiifurl.V3, fmt.Sprintf("full/%d,%d/0/default.jpg", w, h))
			if r.Width != w || r.Height != h {
				t.Errorf("scale %d: %dx%d, want %dx%d", scale, r.Width, r.Height, w, h)
			}
		}
	}
}

func checkTiles(t *testing.T, im image, tile, scale int) {
	t.Helper()
	step := tile * scale
	for y := 0; y < im.source.Height; y += step {
		for x := 0; x < im.source.Width; x += step {
			want := iiifurl.Rect{X: x, Y: y, W: min(step, im.source.Width-x), H: min(step, im.source.Height-y)}
			w, h := ceilDiv(want.W, scale), ceilDiv(want.H, scale)
			params := fmt.Sprintf("%d,%d,%d,%d/%d,%d/0/default.jpg", x, y, want.W, want.H, w, h)
			if r := im.mustResolve(t, iiifurl.V3, params); r.Region != want || r.Width != w || r.Height != h {
				t.Fatalf("%s: got %+v", params, r)
			}
		}
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func TestLargest(t *testing.T) {
	tests := []struct {
		name         string
		limits       iiifurl.Limits
		w, h         int
		wantW, wantH int
	}{
		{"none", iiifurl.Limits{}, 6000, 4000, 6000, 4000},
		{"A-061 width implies height", iiifurl.Limits{MaxWidth: 3000}, 4000, 6000, 2000, 3000},
		{"A-061 area rounds down", imageWA.limits, 6000, 4000, 2449, 1632},
		{"never larger", imageWU.limits, 600, 400, 600, 400},
		{"height alone", iiifurl.Limits{MaxHeight: 100}, 6000, 4000, 150, 100},
		{"higher than wide", iiifurl.Limits{MaxWidth: 100, MaxHeight: 400}, 1000, 4000, 100, 400},
		{"exact area", iiifurl.Limits{MaxArea: 250_000}, 1000, 1000, 500, 500},
		{"area of a line", iiifurl.Limits{MaxArea: 100}, 30000, 1, 100, 1},
		{"area of a column", iiifurl.Limits{MaxArea: 100}, 1, 30000, 1, 100},
		{"one pixel", iiifurl.Limits{MaxArea: 1}, 6000, 4000, 1, 1},
		{"line under a width", iiifurl.Limits{MaxWidth: 90}, 30000, 50, 90, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if w, h := tt.limits.Largest(tt.w, tt.h); w != tt.wantW || h != tt.wantH {
				t.Errorf("got %dx%d, want %dx%d", w, h, tt.wantW, tt.wantH)
			}
		})
	}
}

func TestResolveImpossibleSources(t *testing.T) {
	for _, source := range []iiifurl.Source{{}, {Width: 10}, {Width: 10, Height: -1}, {Width: math.MaxInt, Height: 1}} {
		_, err := image{source: source}.resolve(iiifurl.V3, "full/max/0/default.jpg")
		wantStatus(t, err, 400)
	}
}
