package iiifurl_test

import (
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func TestResolveRegion(t *testing.T) {
	tests := []struct {
		name   string
		image  image
		region string
		want   iiifurl.Rect
	}{
		{"A-030", imageW, "full", iiifurl.Rect{X: 0, Y: 0, W: 6000, H: 4000}},
		{"A-031", imageW, "square", iiifurl.Rect{X: 1000, Y: 0, W: 4000, H: 4000}},
		{"A-031 odd", imageODD, "square", iiifurl.Rect{X: 128, Y: 0, W: 769, H: 769}},
		{"A-032", imageSQ, "square", iiifurl.Rect{X: 0, Y: 0, W: 1000, H: 1000}},
		{"A-033", imageW, "1000,500,200,100", iiifurl.Rect{X: 1000, Y: 500, W: 200, H: 100}},
		{"A-034", imageW, "5900,3900,200,200", iiifurl.Rect{X: 5900, Y: 3900, W: 100, H: 100}},
		{"A-035", imageW, "0,0,99999,99999", iiifurl.Rect{X: 0, Y: 0, W: 6000, H: 4000}},
		{"A-035 last pixel", imageW, "5999,3999,9999999999,9999999999", iiifurl.Rect{X: 5999, Y: 3999, W: 1, H: 1}},
		{"A-041", imageW, "pct:25,25,50,50", iiifurl.Rect{X: 1500, Y: 1000, W: 3000, H: 2000}},
		{"A-042", imageW, "pct:41.6,7.5,40,70", iiifurl.Rect{X: 2496, Y: 300, W: 2400, H: 2800}},
		{"A-043", imageW, "pct:50,50,100,100", iiifurl.Rect{X: 3000, Y: 2000, W: 3000, H: 2000}},
		{"A-043 far beyond", imageW, "pct:99,99,999999999,999999999", iiifurl.Rect{X: 5940, Y: 3960, W: 60, H: 40}},
		{"A-046 first third", imageSQ, "pct:0,0,33.33333,50", iiifurl.Rect{X: 0, Y: 0, W: 333, H: 500}},
		{"A-046 second third", imageSQ, "pct:33.33333,0,33.33333,50", iiifurl.Rect{X: 333, Y: 0, W: 334, H: 500}},
		{"A-046 half rounds up", imageODD, "pct:50,50,50,50", iiifurl.Rect{X: 513, Y: 385, W: 512, H: 384}},
		{"A-047", imageW, "pct:10,10,0.0001,0.0001", iiifurl.Rect{X: 600, Y: 400, W: 1, H: 1}},
		{"A-047 at the edge", imageW, "pct:99.9999,99.9999,50,50", iiifurl.Rect{X: 5999, Y: 3999, W: 1, H: 1}},
		{"A-047 on a strip", imageSTRIP, "pct:0,0,100,0.5", iiifurl.Rect{X: 0, Y: 0, W: 30000, H: 1}},
		{"A-049", imageW, "007,0,10,10", iiifurl.Rect{X: 7, Y: 0, W: 10, H: 10}},
		{"A-211", imageODD, "1024,0,1,769", iiifurl.Rect{X: 1024, Y: 0, W: 1, H: 769}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, v := range []iiifurl.Version{iiifurl.V2, iiifurl.V3} {
				got := tt.image.mustResolve(t, v, tt.region+"/max/0/default.jpg")
				if got.Region != tt.want {
					t.Errorf("version %d: region = %+v, want %+v", v, got.Region, tt.want)
				}
				if got.Width != tt.want.W || got.Height != tt.want.H {
					t.Errorf("version %d: size = %dx%d", v, got.Width, got.Height)
				}
			}
		})
	}
}

func TestResolveRegionOutside(t *testing.T) {
	tests := []struct{ name, region string }{
		{"A-037 right", "6000,0,10,10"},
		{"A-037 below", "0,4000,10,10"},
		{"A-037 both", "7000,7000,1,1"},
		{"A-044 at the edge", "pct:100,0,10,10"},
		{"A-044 beyond", "pct:101,0,1,1"},
		{"A-044 below", "pct:0,100,1,1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := imageW.resolve(iiifurl.V3, tt.region+"/max/0/default.jpg")
			wantStatus(t, err, 400)
		})
	}
}

// Neighbouring percentage regions share their edges whatever the image's size.
func TestPercentRegionsAbut(t *testing.T) {
	for size := 10; size < 400; size++ {
		im := image{source: iiifurl.Source{Width: size, Height: size}}
		next := 0
		for _, region := range []string{"pct:0,0,12.5,9", "pct:12.5,0,20.1,9", "pct:32.6,0,34.4,9", "pct:67,0,33,9"} {
			got := im.mustResolve(t, iiifurl.V3, region+"/max/0/default.jpg").Region
			if got.X != next {
				t.Fatalf("size %d, %s begins at %d, want %d", size, region, got.X, next)
			}
			next = got.X + got.W
		}
		if next != size {
			t.Fatalf("size %d: the last region ends at %d", size, next)
		}
	}
}
