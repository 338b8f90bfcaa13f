//go:build cgo

package decode

// #cgo pkg-config: gmodule-2.0
// #include <openjpeg.h>
// #include "jpeg.h"
// #include "vips.h"
import "C"

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/davidbyttow/govips/v2/vips"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// Start sets the C libraries up; once, before anything else here.
func Start() error {
	C.die_by_signal()
	C.memory_tune()
	// libvips would load every module it finds, ImageMagick and a PDF reader among them.
	for name, value := range map[string]string{
		"VIPSHOME":            "/nonexistent",
		"VIPS_DISC_THRESHOLD": "1000g", // there is no disc to spill to
	} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("environment of libvips: %w", err)
		}
	}
	vips.LoggingSettings(nil, vips.LogLevelError)
	vips.Startup(&vips.Config{ConcurrencyLevel: 1})
	C.vips_tessera_load_avif()
	C.vips_tessera_allow_loaders()
	return nil
}

// GiveBack returns memory to the system after a large task.
func GiveBack() { C.memory_give_back() }

// Versions are those of the libraries in use.
func Versions() protocol.Versions {
	return protocol.Versions{
		Vips:     vips.Version,
		OpenJPEG: C.GoString(C.opj_version()),
		JPEG:     C.GoString(C.jpeg_library_version()),
	}
}

// Formats are the outputs that the libraries at hand can write, found by writing.
// jpg is always among them, or there is an error.
func Formats() ([]string, error) {
	var formats []string
	for _, name := range slices.Sorted(maps.Keys(tile.MediaTypes)) {
		if err := tryFormat(name); err == nil {
			formats = append(formats, name)
		} else if name == "jpg" {
			return nil, err
		}
	}
	return formats, nil
}

func tryFormat(name string) error {
	const side = 16
	p, err := newPicture(shape{width: side, height: side, bands: 3, bits: 8, model: modelRGB}, 1<<20)
	if err != nil {
		return err
	}
	defer p.free()
	clear(p.memory)
	// Rotation keeps jpg from the short way past libvips.
	result, err := finish(p, upright, protocol.Request{
		Width: side, Height: side, Degrees: 90, Quality: iiifurl.Default, Output: name, JPEG: 80,
	})
	if err != nil {
		return err
	}
	result.Free()
	return nil
}
