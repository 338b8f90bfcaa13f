package tile

import (
	"fmt"
	"strings"
)

// Format is a source container, told by its first bytes and never by its name alone.
type Format string

// The formats an image may be stored in.
const (
	JP2  Format = "jp2" // JP2 or JPX boxes around a codestream
	J2K  Format = "j2k" // bare JPEG 2000 codestream
	TIFF Format = "tiff"
	JPEG Format = "jpeg"
	PNG  Format = "png"
	WebP Format = "webp"
)

// Extensions are the registered file extensions, lower case, without the dot, and
// the container each promises (JPEG 2000 extensions are used for both forms).
var Extensions = map[string]Format{
	"jp2": JP2, "jpx": JP2, "jpf": JP2, "jph": JP2, "j2k": J2K, "j2c": J2K, "jpc": J2K, "jhc": J2K,
	"tif": TIFF, "tiff": TIFF, "jpg": JPEG, "jpeg": JPEG, "png": PNG, "webp": WebP,
}

// SplitExtension cuts a registered extension off an identifier or object key.
// ext is "" where there is none: "a/b.v2" has none, "a/b.jp2" has "jp2".
func SplitExtension(id string) (name, ext string) {
	dot := strings.LastIndexByte(id, '.')
	if dot <= strings.LastIndexByte(id, '/')+1 {
		return id, ""
	}
	if e := strings.ToLower(id[dot+1:]); Extensions[e] != "" {
		return id[:dot], e
	}
	return id, ""
}

// RuleName is the form of an identifier that rules match: without registered extension.
func RuleName(id string) string {
	name, _ := SplitExtension(id)
	return name
}

// IsJPEG2000 tells whether the engine's own decoder path reads this container.
func (f Format) IsJPEG2000() bool { return f == JP2 || f == J2K }

// MediaTypes are the output formats of the Image API and their media types.
var MediaTypes = map[string]string{
	"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif",
	"tif": "image/tiff", "jp2": "image/jp2", "avif": "image/avif",
}

// maxSides are the most pixels that a side may have in an output format, by the format
// itself or, for JPEG, by libjpeg; for the others it is what libvips can address.
var maxSides = map[string]int{"jpg": 65_500, "webp": 16_383, "gif": 65_535, "avif": 65_536}

const maxCoordinate = 10_000_000

// MaxSide is the most pixels that a side may have in an output format.
func MaxSide(format string) int {
	if most := maxSides[format]; most > 0 {
		return most
	}
	return maxCoordinate
}

// CheckSides answers Invalid to a picture, of this size after rotation, that its format
// cannot hold.
func CheckSides(format string, w, h int) error {
	if most := MaxSide(format); max(w, h) > most {
		return Fail(Invalid, fmt.Sprintf("The result would be %d by %d pixels, and %s allows %d a side. Ask for less, or for png or tif.", w, h, format, most), nil)
	}
	return nil
}
