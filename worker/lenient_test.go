package worker

import (
	"context"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// damaged is a file that only a lenient decoder draws.
func (p *place) damaged() (lenient *int) {
	lenient = new(int)
	p.fake.render = func(_ context.Context, task decoder.Task) (decoder.Output, error) {
		if !task.Lenient {
			return decoder.Output{}, tile.Fail(tile.Broken, "", nil)
		}
		*lenient++
		return picture("what is left"), nil
	}
	return lenient
}

// R7: damaged files are refused, or, where the administrator wants it, drawn as far as
// they can be: told to be that, and never kept as a result.
func TestBestEffort(t *testing.T) {
	strict := newPlace(t, withResults(t))
	strict.put("a.jp2", codestream(size, size, 6))
	drawn := strict.damaged()
	_, err := strict.Render(t.Context(), strict.job("a", 0))
	wantCode(t, err, tile.Broken)
	if *drawn != 0 {
		t.Error("drawn although not asked for")
	}

	p := newPlace(t, withResults(t), func(c *Config) { c.BestEffort = true })
	p.put("a.jp2", codestream(size, size, 6))
	drawn = p.damaged()
	job := p.job("a", 0)
	for n := range 3 {
		res := p.mustRender(job)
		if got := read(t, res); got != "what is left" || !res.Damaged || res.Cache != tile.FromMiss {
			t.Errorf("%q, damaged %v, from %q", got, res.Damaged, res.Cache)
		}
		if *drawn != n+1 {
			t.Errorf("drawn %d times for %d requests", *drawn, n+1)
		}
	}
	p.fake.render = nil // mended behind our back: what was drawn is not what is kept
	if res := p.mustRender(job); read(t, res) != "pixels" || res.Damaged {
		t.Errorf("mended, but %+v", res)
	}
}

// A decoder that dies is not asked to be lenient: that is R6's.
func TestBestEffortAfterLoss(t *testing.T) {
	p := newPlace(t, func(c *Config) { c.BestEffort = true })
	p.put("a.jp2", codestream(size, size, 6))
	p.fake.render = func(_ context.Context, task decoder.Task) (decoder.Output, error) {
		if task.Lenient {
			t.Error("asked again")
		}
		return decoder.Output{}, errLost()
	}
	_, err := p.Render(t.Context(), p.job("a", 0))
	wantCode(t, err, tile.Broken)
}
