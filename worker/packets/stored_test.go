package packets

import (
	"log/slog"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
)

// TestStoredIndexFits: what was stored takes no more memory than what is built.
func TestStoredIndexFits(t *testing.T) {
	results, err := store.OpenResults(t.TempDir(), 1<<24, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = results.Close() }()
	e, f, o := stage(t, "-c [32,32] -b 16,16 -PLT", func(c *Config) { c.Results = []Results{results} })
	x := wantIndex(t, e, o, "")
	settled(t, e)
	for name, tc := range map[string]struct {
		bytes int64
		loads uint64
		want  Reason
	}{
		"fits":      {indexShare * x.Memory(), 1, ""},
		"too large": {indexShare*x.Memory() - indexShare, 0, Refused},
	} {
		next := New(Config{Source: f, Results: []Results{results}, Header: jp2.DefaultBudget(), IndexBytes: tc.bytes, Log: slog.New(slog.DiscardHandler)})
		wantIndex(t, next, o, tc.want)
		next.Close()
		if s := next.Stats(); s.Loads != tc.loads {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
