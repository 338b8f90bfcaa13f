package packets

import (
	"io"
	"slices"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
)

// batch is how many headers of tile-parts are fetched side by side.
const batch = 128

// heads reads a far away file for jp2.BuildIndex, which looks at one tile-part after the
// other: where TLM tells where they begin, their headers come a batch at a time rather
// than at a round trip each. For one goroutine.
type heads struct {
	store.Blob
	size    int64
	offsets []int64 // ascending
	from    int     // of the batch at hand
	to      int
	held    io.ReaderAt
}

// ReadAt gives what is asked for, from the batch where that has it.
func (h *heads) ReadAt(p []byte, off int64) (int, error) {
	i, ok := slices.BinarySearch(h.offsets, off)
	if !ok || len(p) > jp2.Glance || off > h.size-int64(len(p)) {
		return h.Blob.ReadAt(p, off)
	}
	if i < h.from || i >= h.to {
		if err := h.fetch(i); err != nil {
			return 0, err
		}
	}
	return h.held.ReadAt(p, off)
}

func (h *heads) fetch(from int) error {
	to := min(from+batch, len(h.offsets))
	var ranges []store.Range
	for _, off := range h.offsets[from:to] {
		ranges = appendRange(ranges, store.Range{Offset: off, Length: min(jp2.Glance, h.size-off)})
	}
	held, err := h.Fetch(ranges)
	if err != nil {
		return err
	}
	h.from, h.to, h.held = from, to, held
	return nil
}

// appendRange joins ranges that overlap, as those of short tile-parts do.
func appendRange(ranges []store.Range, r store.Range) []store.Range {
	if n := len(ranges); n > 0 {
		if last := &ranges[n-1]; last.Offset+last.Length >= r.Offset {
			last.Length = r.Offset + r.Length - last.Offset
			return ranges
		}
	}
	return append(ranges, r)
}
