package worker

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

func TestInfo(t *testing.T) {
	p := newPlace(t)
	p.put("maps/a.jp2", codestream(20000, 15000, 6))
	p.put("b.tif", "II*\x00 and so on")
	for _, id := range []string{"maps/a", "maps/a.jp2"} {
		img, err := p.Info(t.Context(), id)
		want := tile.Image{ID: id, Version: img.Version, Format: tile.J2K, Width: 20000, Height: 15000, Levels: 6, Undivided: true, Bits: 8}
		if err != nil || img != want || img.Version == "" {
			t.Errorf("Info(%q) = %+v, %v; want %+v", id, img, err, want)
		}
	}
	img, err := p.Info(t.Context(), "b")
	want := tile.Image{ID: "b", Version: img.Version, Format: tile.TIFF, Width: 3000, Height: 2000, Bits: 8}
	if err != nil || img != want {
		t.Errorf("Info = %+v, %v; want %+v", img, err, want)
	}
	for _, id := range []string{"none", "maps", "../b", ".", "", "b.png"} {
		_, err := p.Info(t.Context(), id)
		wantCode(t, err, tile.NotFound)
	}
	if n := p.fake.looks.Load(); n != 1 {
		t.Errorf("%d inspections by a child; want 1", n)
	}
}

// R4: the content must be what the extension promises, or no decoder sees it.
func TestInfoRefusesDisguise(t *testing.T) {
	contents := map[tile.Format]string{
		tile.JP2:  "\x00\x00\x00\x0cjP  \r\n\x87\n",
		tile.J2K:  codestream(100, 100, 1),
		tile.TIFF: "MM\x00*\x00\x00\x00\x08",
		tile.JPEG: "\xff\xd8\xff\xe0\x00\x10JFIF",
		tile.PNG:  "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
		tile.WebP: "RIFF\x10\x00\x00\x00WEBPVP8 ",
		"svg":     `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"pdf":     "%PDF-1.7",
		"mat":     "MATLAB 5.0 MAT-file",
		"psd":     "8BPS\x00\x01",
		"short":   "\xff",
		"empty":   "",
	}
	p := newPlace(t)
	for ext, promised := range tile.Extensions {
		for found, content := range contents {
			key := string(found) + "/x." + ext
			p.put(key, content)
			same := found == promised || found.IsJPEG2000() && promised.IsJPEG2000()
			before := p.fake.looks.Load()
			_, err := p.Info(t.Context(), key)
			switch {
			case same && found == tile.JP2: // allowed in, and then found to be cut short
				wantCode(t, err, tile.Broken)
			case same:
				wantCode(t, err, "")
			default:
				wantCode(t, err, tile.Broken)
				var e *tile.Error
				if !errors.As(err, &e) || e.Message == "" {
					t.Errorf("%s: no sentence for people: %v", key, err)
				}
				if p.fake.looks.Load() != before {
					t.Errorf("%s: a decoder was asked", key)
				}
			}
		}
	}
}

// counting notes how often files are opened.
type counting struct {
	store.Source
	opens atomic.Int64
}

func (c *counting) Open(ctx context.Context, o store.Object) (store.Blob, error) {
	c.opens.Add(1)
	return c.Source.Open(ctx, o)
}

func TestInfoJudgesAVersionOnce(t *testing.T) {
	var source *counting
	p := newPlace(t, func(c *Config) {
		source = &counting{Source: c.Source}
		c.Source = source
	})
	p.put("good.jp2", codestream(100, 100, 1))
	p.put("bad.jp2", codestream(100, 100, 1)[:30])
	p.put("bad.png", "\x89PNG\r\n\x1a\n")
	p.fake.inspect = func(context.Context) (decoder.Facts, error) {
		return decoder.Facts{}, tile.Fail(tile.Broken, "the PNG is damaged", nil)
	}
	for id, code := range map[string]tile.Code{"good": "", "bad.jp2": tile.Broken, "bad.png": tile.Broken} {
		before := source.opens.Load()
		for range 5 {
			_, err := p.Info(t.Context(), id)
			wantCode(t, err, code)
		}
		if n := source.opens.Load() - before; n != 1 {
			t.Errorf("%q opened %d times; want once", id, n)
		}
	}
	p.put("bad.jp2", codestream(100, 100, 1))
	_, err := p.Info(t.Context(), "bad.jp2")
	wantCode(t, err, "")
	p.fake.inspect = nil
	_, err = p.Info(t.Context(), "bad.png")
	wantCode(t, err, tile.Broken)
	p.Clear("bad.png")
	_, err = p.Info(t.Context(), "bad.png")
	wantCode(t, err, "")
}

func TestInfoDoesNotKeepPassingFailures(t *testing.T) {
	p := newPlace(t)
	p.put("a.png", "\x89PNG\r\n\x1a\n")
	for _, code := range []tile.Code{tile.Internal, tile.Timeout, tile.Busy} {
		p.fake.inspect = func(context.Context) (decoder.Facts, error) { return decoder.Facts{}, tile.Fail(code, "", nil) }
		_, err := p.Info(t.Context(), "a")
		wantCode(t, err, code)
	}
	p.fake.inspect = func(context.Context) (decoder.Facts, error) { panic("in a decoder") }
	_, err := p.Info(t.Context(), "a")
	wantCode(t, err, tile.Internal)
	p.fake.inspect = nil
	_, err = p.Info(t.Context(), "a")
	wantCode(t, err, "")
}

func TestInfoJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.put("a.png", "\x89PNG\r\n\x1a\n")
		release := make(chan struct{})
		p.fake.inspect = func(context.Context) (decoder.Facts, error) {
			<-release
			return decoder.Facts{Width: 1, Height: 1}, nil
		}
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				_, err := p.Info(t.Context(), "a")
				wantCode(t, err, "")
			})
		}
		synctest.Wait()
		close(release)
		group.Wait()
		if n := p.fake.looks.Load(); n != 1 {
			t.Errorf("%d inspections; want 1", n)
		}
	})
}

// A file that is being written says nothing about the version it had.
func TestInfoOfAFileInChange(t *testing.T) {
	p := newPlace(t)
	p.put("a.png", "\x89PNG\r\n\x1a\n")
	p.fake.inspect = func(context.Context) (decoder.Facts, error) {
		f, err := os.OpenFile(p.root+"/a.png", os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Error(err)
			return decoder.Facts{}, err
		}
		_, _ = io.WriteString(f, "more")
		_ = f.Close()
		return decoder.Facts{}, tile.Fail(tile.Broken, "", nil)
	}
	_, err := p.Info(t.Context(), "a")
	wantCode(t, err, tile.Changed)
	p.fake.inspect = nil
	_, err = p.Info(t.Context(), "a")
	wantCode(t, err, "")
}

func BenchmarkInfoWarm(b *testing.B) {
	p := newPlace(b)
	p.put("maps/a.jp2", codestream(20000, 15000, 6))
	for _, id := range []string{"maps/a", "maps/a.jp2"} {
		b.Run(id, func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Info(context.Background(), id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
