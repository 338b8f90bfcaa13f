package s3

import (
	"runtime"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// TestFetchBounded: more than may be held of an object at a time is refused before memory is
// taken for it, in one range or in several.
func TestFetchBounded(t *testing.T) {
	const size = 4 * maxFetch
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, ranges := range [][]store.Range{
		{{Offset: 5, Length: maxFetch + 1}},
		{{Offset: 0, Length: maxFetch / 2}, {Offset: maxFetch, Length: maxFetch / 2}, {Offset: 3 * maxFetch, Length: 1}},
	} {
		_, err := newFetched(ranges, size)
		wantCode(t, err, tile.Unsupported)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated to refuse", n)
	}
}
