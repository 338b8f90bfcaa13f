package main

import (
	"testing"

	"github.com/tessera-iiif/tessera/worker/decoder"
)

// R65: versions that are known to be bad are, and no others.
func TestCautions(t *testing.T) {
	for _, c := range []struct {
		versions decoder.Versions
		want     string
	}{
		{decoder.Versions{OpenJPEG: "2.5.0", Vips: "8.14.1"}, "OpenJPEG libvips "},
		{decoder.Versions{OpenJPEG: "2.5.4", Vips: "8.16.0"}, "OpenJPEG "},
		{decoder.Versions{OpenJPEG: "2.5.5", Vips: "8.16.0"}, ""},
	} {
		got := ""
		for _, found := range cautionsAbout(c.versions) {
			got += found.library + " "
		}
		if got != c.want {
			t.Errorf("of %+v: %q, want %q", c.versions, got, c.want)
		}
	}
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		version, than string
		want          bool
	}{
		{"2.5.0", "2.5.4", false},
		{"2.5.4", "2.5.4", false},
		{"2.5.10", "2.5.4", true},
		{"2.6.0", "2.5.4", true},
		{"3", "2.5.4", true},
		{"8.14.1", "8.15.99", false},
		{"8.16.0", "8.15.99", true},
		{"", "2.5.4", false},
		{"unknown", "2.5.4", false},
	} {
		if got := newer(c.version, c.than); got != c.want {
			t.Errorf("newer(%q, %q) = %v", c.version, c.than, got)
		}
	}
}
