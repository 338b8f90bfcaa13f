package iiifurl_test

import (
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// TestSpellings gives each accepted parameter and the spelling String has for it.
func TestSpellings(t *testing.T) {
	tests := []struct{ name, given, want string }{
		{"A-030", "full/max/0/default.jpg", "full/max/0/default.jpg"},
		{"A-031", "square/max/0/default.jpg", "square/max/0/default.jpg"},
		{"A-042", "pct:41.6,7.5,40,70/max/0/default.jpg", "pct:41.6,7.5,40,70/max/0/default.jpg"},
		{"A-049 pixels", "007,0,0010,10/max/0/default.jpg", "7,0,10,10/max/0/default.jpg"},
		{"A-049 percent", "pct:.5,0.50,50.0,007.25/max/0/default.jpg", "pct:0.5,0.5,50,7.25/max/0/default.jpg"},
		{"A.12 ten digits", "0,0,9999999999,1/max/0/default.jpg", "0,0,9999999999,1/max/0/default.jpg"},
		{"B-011 ten decimals", "pct:0.0000000001,0,999999999.9999999999,1/max/0/default.jpg", "pct:0.0000000001,0,999999999.9999999999,1/max/0/default.jpg"},
		{"B-011 more decimals round up", "pct:33.333333333333336,0,0.00000000000001,50.00000000000/max/0/default.jpg", "pct:33.3333333334,0,0.0000000001,50/max/0/default.jpg"},
		{"A-067", "full/03000,/0/default.jpg", "full/3000,/0/default.jpg"},
		{"A-068", "full/,2000/0/default.jpg", "full/,2000/0/default.jpg"},
		{"A-075", "full/3000,2000/0/default.jpg", "full/3000,2000/0/default.jpg"},
		{"A-078", "full/!1000,1000/0/default.jpg", "full/!1000,1000/0/default.jpg"},
		{"A-083", "full/^!1000,1000/0/default.jpg", "full/^!1000,1000/0/default.jpg"},
		{"A-064", "full/^max/0/default.jpg", "full/^max/0/default.jpg"},
		{"A-085", "full/^pct:120.50/0/default.jpg", "full/^pct:120.5/0/default.jpg"},
		{"A-112", "full/max/360/default.jpg", "full/max/360/default.jpg"},
		{"A-113", "full/max/!90/default.jpg", "full/max/!90/default.jpg"},
		{"A-118", "full/max/022.50/default.jpg", "full/max/22.5/default.jpg"},
		{"A-130", "full/max/0/default.png", "full/max/0/default.png"},
		{"A-131", "full/max/0/color.webp", "full/max/0/color.webp"},
		{"A-133", "full/max/0/gray.tif", "full/max/0/gray.tif"},
		{"A-134", "full/max/0/bitonal.gif", "full/max/0/bitonal.gif"},
		{"A-158 for the server to judge", "full/max/0/default.JPG2", "full/max/0/default.JPG2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, err := iiifurl.ParsePath(iiifurl.V3, "x/"+tt.given)
			if err != nil {
				t.Fatal(err)
			}
			if got := first.Request.String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			again, err := iiifurl.ParsePath(iiifurl.V3, "x/"+tt.want)
			if err != nil || again.Request != first.Request {
				t.Errorf("parsing %s again: %+v, %v", tt.want, again.Request, err)
			}
		})
	}
}

func TestParametersRefused(t *testing.T) {
	tests := []struct {
		name  string
		part  int // 0 region, 1 size, 2 rotation, 3 file
		texts []string
	}{
		{"A-022 region", 0, []string{"FULL", "Square", "PCT:1,1,1,1"}},
		{"A-036", 0, []string{"0,0,0,10", "0,0,10,0"}},
		{"A-038", 0, []string{"-1,0,10,10", "0,-1,10,10", "0,0,-10,10"}},
		{"A-039", 0, []string{"1.5,0,10,10", "+1,0,10,10", "1e2,0,10,10", " 1,0,10,10", "1,0,10,10 ", "0x1,0,10,10", "1_0,0,10,10", "1,0,10,1\u0661"}},
		{"A-040", 0, []string{"0,0,10", "0,0,10,10,10", "0,0,,10", ",,,", ",,,,", "", "fulll", "k<x;A^", "w=]`:0", "squares"}},
		{"A-044", 0, []string{"pct:0,0,0,50", "pct:0,0,50,0", "pct:0,0,50,0.000"}},
		{"A-045", 0, []string{"pct:-1,0,10,10", "pct:1e1,0,10,10", "pct:+1,0,10,10", "pct:a,0,10,10", "pct:NaN,0,10,10", "pct:Inf,0,10,10", "pct:1,2,3", "pct:1,2,3,4,5", "pct:", "pct:0x1p2,0,1,1", "pct:1_0,0,1,1", "pct:.,0,1,1", "pct:1.,0,1,1", "pct:1.2.3,0,1,1", "pct: 1,0,1,1"}},
		{"A-048", 0, []string{"99999999999999999999,0,1,1", "0,0,99999999999,1", "0,0,18446744073709551617,1", "pct:0,0,99999999999999999999,1", "pct:0,0,1000000000,1"}},
		{"A-022 size", 1, []string{"MAX", "Max", "PCT:50"}},
		{"A-074", 1, []string{"pct:0", "pct:-5", "pct:", "pct:5e1", "pct:+5", "pct:x", "pct:0.0", "pct:NaN", "pct:Inf", "pct:5,5"}},
		{"A-082", 1, []string{"!0,100", "!100,0", "!100,", "!,100", "!pct:50", "!max", "!", "!,", "!100"}},
		{"A-089", 1, []string{"0,", ",0", "0,0", "0,10", "10,0", ",", "", "w,h", "k<x;A^", "100", "100,100,100", "-1,", "1.5,", "+1,", " 1,", "99999999999999999999,", "12345678901,"}},
		{"A-090", 1, []string{"full"}},
		{"A-091", 1, []string{",^240", "!^10,10", "^^max", "^full", "^", "^,", "^!", "max^"}},
		{"A-117", 2, []string{"-90", "361", "450", "abc", "!", "90!", "!!90", "+90", "9e1", "NaN", "Inf", "", "k<x;", "0x5a", "90 ", "360.1", "360.00000000000000001", "90.", ".", "1000000000"}},
		{"A-022 file", 3, []string{"Default.jpg", "GRAY.jpg"}},
		{"A-135", 3, []string{"native.jpg", "grey.jpg", "colour.jpg", "k<x;A^.jpg", ".jpg", "defaul.jpg", "default .jpg"}},
		{"A-158", 3, []string{"default.;<=", "default.j-g", "default.jp g", "default.jpé"}},
		{"A-159", 3, []string{"default", "default.", "", "."}},
		{"A-160", 3, []string{"default.x.jpg"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, text := range tt.texts {
				p := [4]string{"full", "max", "0", "default.jpg"}
				p[tt.part] = text
				_, err := iiifurl.ParseRequest(iiifurl.V3, p[0], p[1], p[2], p[3])
				if err == nil {
					t.Errorf("%q was accepted", text)
					continue
				}
				wantStatus(t, err, 400)
			}
		})
	}
}

func TestVersionTwoSizes(t *testing.T) {
	for _, size := range []string{"full", "max", "10,", ",10", "10,10", "!10,10", "pct:50"} {
		r, err := iiifurl.ParseRequest(iiifurl.V2, "full", size, "0", "default.jpg")
		if err != nil || r.Size.String() != size {
			t.Errorf("B-001 to B-005 %s: %v, %v", size, r, err)
		}
	}
	for _, size := range []string{"^max", "^full", "^10,", "^!10,10", "^"} {
		_, err := iiifurl.ParseRequest(iiifurl.V2, "full", size, "0", "default.jpg")
		if err == nil {
			t.Errorf("B-006 %s was accepted", size)
			continue
		}
		wantStatus(t, err, 400)
	}
}
