package worker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// signatures are the first bytes of each container. A dot stands for any byte.
var signatures = []struct {
	bytes  string
	format tile.Format
}{
	{"\x00\x00\x00\x0cjP  \r\n\x87\n", tile.JP2},
	{"\xff\x4f\xff\x51", tile.J2K},
	{"II*\x00", tile.TIFF},
	{"MM\x00*", tile.TIFF},
	{"II+\x00", tile.TIFF}, // BigTIFF
	{"MM\x00+", tile.TIFF},
	{"\xff\xd8\xff", tile.JPEG},
	{"\x89PNG\r\n\x1a\n", tile.PNG},
	{"RIFF....WEBP", tile.WebP},
}

const sniffed = 12 // the longest signature

// sniff names the container of a file by its first bytes; "" for all others.
func sniff(head []byte) tile.Format {
	for _, s := range signatures {
		if len(head) >= len(s.bytes) && matches(s.bytes, head) {
			return s.format
		}
	}
	return ""
}

func matches(signature string, head []byte) bool {
	for i := range len(signature) {
		if signature[i] != '.' && signature[i] != head[i] {
			return false
		}
	}
	return true
}

// describe reads the facts of an image from its file. tile.Broken says that they
// cannot be had from these bytes.
func (w *Worker) describe(ctx context.Context, f store.Blob, o store.Object) (tile.Image, error) {
	format, err := container(f, o.Key)
	if err != nil {
		return tile.Image{}, err
	}
	var image tile.Image
	if format.IsJPEG2000() {
		image, err = w.readHeader(f, o.Size)
	} else {
		image, err = w.inspectWhole(ctx, f, o, format)
	}
	image.Format = format
	if err == nil {
		err = w.servable(image)
	}
	return image, err
}

// servable refuses images that cannot be shown as a whole however small: their
// description would advertise sizes and tiles that are never given.
func (w *Worker) servable(image tile.Image) error {
	whole := iiifurl.Rect{W: image.Width, H: image.Height}
	switch {
	case image.Width <= 0 || image.Height <= 0:
		return broken("the image has no pixels", nil)
	case decodedArea(image, whole, min(image.Levels, maxLevels)) > w.limits.DecodedArea:
		return broken("the image is too large to be decoded as a whole: import it as tiled JPEG 2000 or pyramid TIFF with lower resolutions", nil)
	}
	return nil
}

func broken(message string, cause error) error { return tile.Fail(tile.Broken, message, cause) }

// container tells the format from the content, and refuses what the extension did
// not promise: which decoder meets which bytes is not for the bytes to choose.
func container(f io.ReaderAt, key string) (tile.Format, error) {
	var head [sniffed]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return "", unread(err)
	}
	found := sniff(head[:n])
	_, ext := tile.SplitExtension(key)
	promised := tile.Extensions[ext]
	switch {
	case found == "":
		return "", broken(fmt.Sprintf("the file is not an image of a known format, although it is named .%s", ext), nil)
	case !keeps(promised, found):
		return "", broken(fmt.Sprintf("the file is %s, although it is named .%s: give it the right extension", found, ext), nil)
	}
	return found, nil
}

// keeps tells whether a file keeps the promise of its extension. Those of JPEG 2000
// are in use for both of its containers.
func keeps(promised, found tile.Format) bool {
	return found == promised || found.IsJPEG2000() && promised.IsJPEG2000()
}

// unread keeps what a source says of a read that failed, such as tile.Changed.
func unread(err error) error {
	var known *tile.Error
	if errors.As(err, &known) {
		return known
	}
	return tile.Fail(tile.CodeOf(err), "", err)
}

func (w *Worker) readHeader(f io.ReaderAt, size int64) (tile.Image, error) {
	h, err := jp2.ReadHeader(f, size, *w.limits.Header)
	var fault *jp2.Error
	switch {
	case errors.As(err, &fault):
		return tile.Image{}, broken("the JPEG 2000 file is damaged, or claims more than is allowed", err)
	case err != nil:
		return tile.Image{}, unread(err)
	}
	levels := h.Levels
	if h.Palette != nil {
		levels = 0 // the lower ones are of averaged indices, not of averaged colours
	}
	return tile.Image{
		Width: h.Width, Height: h.Height, TileWidth: h.TileWidth, TileHeight: h.TileHeight,
		Levels: levels, Bits: h.Bits, Gray: h.Gray, Alpha: h.Alpha, Undivided: undivided(h),
	}, nil
}

// undivided tells whether one precinct holds all of an untiled image's finest level.
func undivided(h *jp2.Header) bool {
	p := h.Codestream.Params.Components[0]
	finest := p.Precincts[p.Levels]
	return h.TileWidth == 0 && h.Width <= 1<<finest.X && h.Height <= 1<<finest.Y
}

// inspectWhole has a child read the header of any other format.
func (w *Worker) inspectWhole(ctx context.Context, b store.Blob, o store.Object, format tile.Format) (tile.Image, error) {
	if o.Size > w.limits.FileBytes {
		return tile.Image{}, broken(fmt.Sprintf("the file has %d bytes, and %d are allowed for %s", o.Size, w.limits.FileBytes, format), nil)
	}
	f, err := b.Local()
	if err != nil {
		return tile.Image{}, err
	}
	var facts decoder.Facts
	_, err = w.inSlot(ctx, o, tiles, func(ctx context.Context) (err error) {
		facts, err = w.decoders.Inspect(ctx, f, format)
		return err
	})
	return tile.Image{
		Width: facts.Width, Height: facts.Height, TileWidth: facts.TileWidth, TileHeight: facts.TileHeight,
		Levels: facts.Levels, Bits: facts.Bits, Gray: facts.Gray, Alpha: facts.Alpha,
	}, err
}
