package worker

import (
	"bytes"
	"context"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// TestIndexKept: an index is built once, found again after a restart, and forgotten with
// the version. Files that cannot be indexed are told once.
func TestIndexKept(t *testing.T) {
	results := withResults(t)
	data := string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(exactW, exactH), "-PLT", "-n", "3")))
	first := newPlace(t, results, func(c *Config) { c.Remote = true })
	first.put("a.jp2", data)
	for x := range 3 {
		read(t, first.mustRender(first.job("a", x)))
	}
	if s := first.Packets(); s.Builds != 1 || s.Loads != 0 || s.Tiles != 3 || s.Ranges == 0 || s.Bytes == 0 || s.Packets == 0 {
		t.Errorf("stats %+v", s)
	}
	if err := first.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	again := newPlace(t, results, func(c *Config) { c.Remote = true; c.Source = first.source })
	read(t, again.mustRender(again.job("a", 9)))
	if s := again.Packets(); s.Builds != 0 || s.Loads != 1 || s.Tiles != 1 {
		t.Errorf("after a restart: %+v", s)
	}
	first.put("a.jp2", data+"\x00\x00\x00\x08free")
	read(t, again.mustRender(again.job("a", 10)))
	if s := again.Packets(); s.Builds != 1 || s.Tiles != 2 {
		t.Errorf("after a change: %+v", s)
	}
}

// TestIndexRefused: what cannot be indexed is decoded from the whole file, and the file
// is not looked at again until it is cleared.
func TestIndexRefused(t *testing.T) {
	p := newPlace(t, withResults(t), func(c *Config) { c.Remote = true })
	data := decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(exactW, exactH), "-PLT", "-n", "3"))
	at := bytes.Index(data, []byte{0xFF, 0x58})
	data[at+5]++ // the first packet is longer than it is
	p.put("a.jp2", string(data))
	var given decoder.Task
	p.fake.render = func(_ context.Context, task decoder.Task) (decoder.Output, error) {
		given = task
		return picture("pixels"), nil
	}
	for x := range 3 {
		read(t, p.mustRender(p.job("a", x)))
		if given.File == nil || given.Stream != nil {
			t.Error("not given the whole file")
		}
	}
	if s := p.Packets(); s.Refusals != 1 || s.Tiles != 0 || s.Fallbacks[packets.Refused] != 3 {
		t.Errorf("stats %+v", s)
	}
	p.Clear("a")
	read(t, p.mustRender(p.job("a", 4)))
	if s := p.Packets(); s.Refusals != 2 {
		t.Errorf("after clearing: %+v", s)
	}
}

// TestDecoderDisagrees: a codestream of packets that a decoder does not take is not the
// last word, unless it costs the decoder.
func TestDecoderDisagrees(t *testing.T) {
	p := newPlace(t, func(c *Config) { c.Remote = true })
	p.put("a.jp2", string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(exactW, exactH), "-PLT"))))
	p.fake.render = func(_ context.Context, task decoder.Task) (decoder.Output, error) {
		if task.Stream != nil {
			return decoder.Output{}, tile.Fail(tile.Broken, "", nil)
		}
		return picture("of the whole"), nil
	}
	if got := read(t, p.mustRender(p.job("a", 0))); got != "of the whole" {
		t.Errorf("got %q", got)
	}
	if s := p.Packets(); s.Fallbacks[packets.Decoder] != 1 {
		t.Errorf("stats %+v", s)
	}
	p.fake.render = lost
	n := p.fake.renders.Load()
	_, err := p.Render(t.Context(), p.job("a", 1))
	wantCode(t, err, tile.Broken)
	if got := p.fake.renders.Load() - n; got != 1 {
		t.Errorf("%d decodes after a lost child; want 1", got)
	}
}

func (p *place) mustRender(job tile.Job) tile.Result {
	p.t.Helper()
	res, err := p.Render(context.Background(), job)
	if err != nil {
		p.t.Fatal(err)
	}
	return res
}
