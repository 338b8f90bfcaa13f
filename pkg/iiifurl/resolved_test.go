package iiifurl_test

import (
	"encoding/json"
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func TestResolveRotation(t *testing.T) {
	tests := []struct {
		name, rotation string
		mirror         bool
		degrees        float64
		boundsW        int
		boundsH        int
	}{
		{"A-110", "0", false, 0, 3000, 2000},
		{"A-111", "90", false, 90, 2000, 3000},
		{"A-111", "180", false, 180, 3000, 2000},
		{"A-111", "270", false, 270, 2000, 3000},
		{"A-112", "360", false, 0, 3000, 2000},
		{"A-113", "!0", true, 0, 3000, 2000},
		{"A-113", "!90", true, 90, 2000, 3000},
		{"A-113", "!360", true, 0, 3000, 2000},
		{"A-114", "22.5", false, 22.5, 3537, 2996},
		{"A-114", "45", false, 45, 3536, 3536},
		{"A-118", "0.0", false, 0, 3000, 2000},
		{"A-118", "90.0", false, 90, 2000, 3000},
		{"A-118", "022", false, 22, 3531, 2978},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.rotation, func(t *testing.T) {
			r := imageWL.mustResolve(t, iiifurl.V3, "full/3000,/"+tt.rotation+"/default.jpg")
			if r.Mirror != tt.mirror || r.Degrees != tt.degrees {
				t.Errorf("mirror %v, %v degrees", r.Mirror, r.Degrees)
			}
			if w, h := r.Bounds(); w != tt.boundsW || h != tt.boundsH {
				t.Errorf("bounds %dx%d, want %dx%d", w, h, tt.boundsW, tt.boundsH)
			}
		})
	}
}

func TestResolveQuality(t *testing.T) {
	tests := []struct {
		name    string
		image   image
		quality string
		want    iiifurl.Quality
	}{
		{"A-130", imageW, "default", iiifurl.Default},
		{"A-131", imageW, "color", iiifurl.Default},
		{"A-132", imageGREY, "color", iiifurl.Default},
		{"A-133", imageW, "gray", iiifurl.Gray},
		{"A-133 gray image", imageGREY, "gray", iiifurl.Default},
		{"A-134", imageW, "bitonal", iiifurl.Bitonal},
		{"A-134 gray image", imageGREY, "bitonal", iiifurl.Bitonal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.image.mustResolve(t, iiifurl.V3, "full/max/0/"+tt.quality+".jpg").Quality; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	tests := []struct {
		name   string
		image  image
		params string // read as version 3
		want3  string
		want2  string
	}{
		{"A-173", imageW, "pct:0,0,100,100/6000,/0/color.jpg", "full/max/0/default.jpg", "full/full/0/default.jpg"},
		{"A-174", imageW, "full/3000,/0/default.jpg", "full/3000,2000/0/default.jpg", "full/3000,/0/default.jpg"},
		{"A-032", imageSQ, "square/max/0/default.jpg", "full/max/0/default.jpg", "full/full/0/default.jpg"},
		{"A-031", imageW, "square/max/0/default.jpg", "1000,0,4000,4000/max/0/default.jpg", "1000,0,4000,4000/full/0/default.jpg"},
		{"A-034", imageW, "5900,3900,200,200/pct:50/0/default.jpg", "5900,3900,100,100/50,50/0/default.jpg", "5900,3900,100,100/50,/0/default.jpg"},
		{"A-047", imageW, "pct:10,10,0.0001,0.0001/max/0/default.jpg", "600,400,1,1/max/0/default.jpg", "600,400,1,1/full/0/default.jpg"},
		{"A-061 WL", imageWL, "full/max/0/default.jpg", "full/max/0/default.jpg", "full/3000,/0/default.jpg"},
		{"A-061 WA", imageWA, "full/max/0/default.jpg", "full/max/0/default.jpg", "full/2449,1632/0/default.jpg"},
		{"A-064", imageWU, "full/^max/0/default.jpg", "full/^max/0/default.jpg", "full/8000,/0/default.jpg"},
		{"A-064 by width", imageWU, "full/^8000,/0/default.jpg", "full/^max/0/default.jpg", "full/8000,/0/default.jpg"},
		{"A-065", imageW, "full/^max/0/default.jpg", "full/max/0/default.jpg", "full/full/0/default.jpg"},
		{"A-076", imageW, "full/3000,3000/0/default.jpg", "full/3000,3000/0/default.jpg", "full/3000,3000/0/default.jpg"},
		{"A-078", imageW, "full/!1000,1000/0/default.jpg", "full/1000,667/0/default.jpg", "full/1000,/0/default.jpg"},
		{"A-080", imageW, "full/!9000,9000/0/default.jpg", "full/max/0/default.jpg", "full/full/0/default.jpg"},
		{"A-083", imageW, "full/^3000,/0/default.jpg", "full/3000,2000/0/default.jpg", "full/3000,/0/default.jpg"},
		{"A-085", imageWU, "full/^7500,/0/default.jpg", "full/^7500,5000/0/default.jpg", "full/7500,/0/default.jpg"},
		{"A-085 one side", imageWU, "full/^7500,100/0/default.jpg", "full/^7500,100/0/default.jpg", "full/7500,100/0/default.jpg"},
		{"A-087 region in full", imageWL, "0,0,500,500/500,500/0/default.jpg", "0,0,500,500/max/0/default.jpg", "0,0,500,500/full/0/default.jpg"},
		{"A-092", imageSTRIP, "full/90,/0/default.jpg", "full/90,1/0/default.jpg", "full/90,/0/default.jpg"},
		{"A-112", imageW, "full/max/360/default.jpg", "full/max/0/default.jpg", "full/full/0/default.jpg"},
		{"A-113", imageW, "full/max/!180.0/default.png", "full/max/!180/default.png", "full/full/!180/default.png"},
		{"A-118", imageW, "full/max/022.50/default.jpg", "full/max/22.5/default.jpg", "full/full/22.5/default.jpg"},
		{"A.7 zero before the point", imageW, "full/max/.5/default.jpg", "full/max/0.5/default.jpg", "full/full/0.5/default.jpg"},
		{"B-011 tiny angle", imageW, "full/max/0.0000000001/default.jpg", "full/max/0.0000000001/default.jpg", "full/full/0.0000000001/default.jpg"},
		{"A-132", imageGREY, "full/max/0/color.jpg", "full/max/0/default.jpg", "full/full/0/default.jpg"},
		{"A-133", imageW, "full/max/0/gray.jpg", "full/max/0/gray.jpg", "full/full/0/gray.jpg"},
		{"A-133 gray image", imageGREY, "full/max/0/gray.jpg", "full/max/0/default.jpg", "full/full/0/default.jpg"},
		{"A-134", imageGREY, "full/max/0/bitonal.png", "full/max/0/bitonal.png", "full/full/0/bitonal.png"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.image.mustResolve(t, iiifurl.V3, tt.params)
			for v, want := range map[iiifurl.Version]string{iiifurl.V3: tt.want3, iiifurl.V2: tt.want2} {
				got := r.Canonical(v, tt.image.source, tt.image.limits)
				if got != want {
					t.Errorf("version %d: got %s, want %s", v, got, want)
				}
				if again := tt.image.mustResolve(t, v, got); again != r {
					t.Errorf("version %d: %s means %+v, want %+v", v, got, again, r)
				}
			}
		})
	}
}

// A Resolved made by hand may still say color; its canonical form must not.
func TestCanonicalFoldsQuality(t *testing.T) {
	r := imageW.mustResolve(t, iiifurl.V3, "full/max/0/default.jpg")
	r.Quality = iiifurl.Color
	if got := r.Canonical(iiifurl.V3, imageW.source, imageW.limits); got != "full/max/0/default.jpg" {
		t.Errorf("got %s", got)
	}
}

func TestKey(t *testing.T) {
	three := imageWL.mustResolve(t, iiifurl.V3, "pct:0,0,100,100/max/!360.0/color.jpg")
	two := imageWL.mustResolve(t, iiifurl.V2, "full/full/!0/default.jpg")
	if three.Key() != two.Key() || three.Key() != "0,0,6000,4000/3000,2000/!0/default.jpg" {
		t.Errorf("keys %s and %s", three.Key(), two.Key())
	}
	if got := (iiifurl.Resolved{}).Key(); got != "0,0,0,0/0,0/0/." {
		t.Errorf("zero key = %s", got)
	}
}

func TestResolvedTravelsAsJSON(t *testing.T) {
	r := imageW.mustResolve(t, iiifurl.V3, "1,2,300,400/30,/!22.5/gray.png")
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"region":{"x":1,"y":2,"w":300,"h":400},"width":30,"height":40,"mirror":true,"degrees":22.5,"quality":"gray","format":"png"}`
	if string(body) != want {
		t.Errorf("got %s", body)
	}
	var back iiifurl.Resolved
	if err := json.Unmarshal(body, &back); err != nil || back != r {
		t.Errorf("back %+v, %v", back, err)
	}
}
