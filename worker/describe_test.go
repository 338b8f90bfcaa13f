package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// Every file is described or refused at once: none has a description whose sizes and
// tiles are all refused later.
func TestInfoRefusesWhatIsNeverServed(t *testing.T) {
	for _, c := range []struct {
		name, key, body string
		facts           decoder.Facts
		code            tile.Code
	}{
		{"flat", "a.png", "\x89PNG\r\n\x1a\n", decoder.Facts{Width: 1_100, Height: 1_000}, tile.Broken},
		{"flat that may be", "a.png", "\x89PNG\r\n\x1a\n", decoder.Facts{Width: 1_100, Height: 900}, ""},
		{"strips", "a.tif", "II*\x00", decoder.Facts{Width: 1_100, Height: 1_000}, tile.Broken},
		{"tiles without pyramid", "a.tif", "II*\x00", decoder.Facts{Width: 1_100, Height: 1_000, TileWidth: 256, TileHeight: 256}, tile.Broken},
		{"pyramid", "a.tif", "II*\x00", decoder.Facts{Width: 1_100, Height: 1_000, TileWidth: 256, TileHeight: 256, Levels: 1}, ""},
		{"no levels", "a.jp2", codestream(1_100, 1_000, 0), decoder.Facts{}, tile.Broken},
		{"a level", "a.jp2", codestream(1_100, 1_000, 1), decoder.Facts{}, ""},
		{"too few levels", "a.jp2", codestream(16_000, 8_000, 3), decoder.Facts{}, tile.Broken},
		{"enough", "a.jp2", codestream(16_000, 8_000, 4), decoder.Facts{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t, func(c *Config) { c.Limits.DecodedArea = 1 << 20 })
			p.fake.inspect = func(context.Context) (decoder.Facts, error) { return c.facts, nil }
			p.put(c.key, c.body)
			_, err := p.Info(t.Context(), "a")
			wantCode(t, err, c.code)
			if c.code != "" && !strings.Contains(err.Error(), "import it as tiled JPEG 2000") {
				t.Errorf("%v tells no way out", err)
			}
		})
	}
}

// Levels of a palette's indices are no levels of the picture.
func TestInfoOfAPalette(t *testing.T) {
	box := func(kind string, content ...[]byte) []byte {
		body := bytes.Join(content, nil)
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
	}
	file := bytes.Join([][]byte{
		box("jP  ", []byte("\r\n\x87\n")), box("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 ")),
		box("jp2h",
			box("ihdr", []byte{0, 0, 1, 0, 0, 0, 2, 0, 0, 3, 7, 7, 0, 0}),
			box("colr", []byte{1, 0, 0, 0, 0, 0, 16}),
			box("pclr", []byte{0, 2, 3, 7, 7, 7, 255, 0, 0, 0, 0, 255}),
			box("cmap", []byte{0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 2})),
		box("jp2c", []byte(codestream(512, 256, 5))),
	}, nil)
	p := newPlace(t)
	p.put("indexed.jp2", string(file))
	img, err := p.Info(t.Context(), "indexed")
	if err != nil || img.Levels != 0 || img.Width != 512 {
		t.Errorf("Info = %+v, %v; want no levels", img, err)
	}
}

// what tile size is advertised depends on whether a part of a file can be read.
func TestInfoTellsWhatIsUndivided(t *testing.T) {
	p := newPlace(t)
	for name, c := range map[string]struct {
		arguments []string
		undivided bool
	}{
		"neither":         {[]string{"-n", "3"}, true},
		"precincts":       {[]string{"-n", "3", "-c", "[128,128],[128,128]"}, false},
		"large precincts": {[]string{"-n", "3", "-c", "[1024,1024],[512,512]"}, true},
		"tiles":           {[]string{"-n", "3", "-t", "128,128"}, false},
		"small precincts": {[]string{"-n", "1", "-c", "[256,256]"}, false},
	} {
		p.put("a.jp2", string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(400, 300), c.arguments...))))
		if img, err := p.Info(t.Context(), "a"); err != nil || img.Undivided != c.undivided {
			t.Errorf("%s: %+v, %v", name, img, err)
		}
	}
}
