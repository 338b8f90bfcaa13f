package iiifurl_test

import (
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// BenchmarkRequest is the whole way of an image request: parse, resolve, canonical form.
func BenchmarkRequest(b *testing.B) {
	paths := map[string]string{
		"tile":  "maps%2F1890%2Fsheet-04/2048,1024,1024,1024/256,256/0/default.jpg",
		"plain": "sheet-04/full/max/0/default.jpg",
		"hard":  "maps%2F1890%2Fsheet-04/pct:41.6,7.5,40,70/%5E!1000,1000/!22.5/gray.png",
	}
	for name, path := range paths {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				target, err := iiifurl.ParsePath(iiifurl.V3, path)
				if err != nil {
					b.Fatal(err)
				}
				r, err := target.Request.Resolve(imageWA.source, imageWA.limits)
				if err != nil {
					b.Fatal(err)
				}
				if r.Canonical(iiifurl.V3, imageWA.source, imageWA.limits) == "" {
					b.Fatal("no canonical form")
				}
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	target, err := iiifurl.ParsePath(iiifurl.V3, "x/2048,1024,1024,1024/256,256/0/default.jpg")
	if err != nil {
		b.Fatal(err)
	}
	r, err := target.Request.Resolve(imageW.source, imageW.limits)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r.Key() == "" {
			b.Fatal("no key")
		}
	}
}
