package far

import (
	"context"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/store/s3"
)

// observed is a source that tells what those who wait for a tile wait for from what is read
// behind their backs.
type observed struct {
	*s3.Source
	mu             sync.Mutex
	waited, behind tally
}

// tally counts what was asked of the store: reads one after the other, of so many requests
// side by side each.
type tally struct{ rounds, requests, bytes int64 }

func (t tally) since(before tally) tally {
	return tally{t.rounds - before.rounds, t.requests - before.requests, t.bytes - before.bytes}
}

type waiting struct{}

// waited is the context of somebody who waits.
func waited(t *testing.T) context.Context {
	return context.WithValue(t.Context(), waiting{}, true)
}

func (o *observed) Open(ctx context.Context, object store.Object) (store.Blob, error) {
	b, err := o.Source.Open(ctx, object)
	if err != nil {
		return nil, err
	}
	to := &o.behind
	if ctx.Value(waiting{}) != nil {
		to = &o.waited
	}
	return observedBlob{b, o, to}, nil
}

// counts is what was waited for so far, and read behind.
func (o *observed) counts() (waited, behind tally) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waited, o.behind
}

type observedBlob struct {
	store.Blob
	all *observed
	to  *tally
}

func (b observedBlob) Holds(ranges []store.Range) bool { return holds(b.Blob, ranges) }

func (b observedBlob) ReadAt(p []byte, off int64) (int, error) {
	if n := min(int64(len(p)), 1<<40); n > 0 {
		b.count(store.Range{Offset: off, Length: n})
	}
	return b.Blob.ReadAt(p, off)
}

func (b observedBlob) Fetch(ranges []store.Range) (io.ReaderAt, error) {
	b.count(ranges...)
	return b.Blob.Fetch(ranges)
}

func (b observedBlob) Local() (*os.File, error) {
	b.all.mu.Lock()
	b.to.rounds += 1 << 20 // nobody may wait for that here
	b.all.mu.Unlock()
	return b.Blob.Local()
}

// count is of what is not at hand.
func (b observedBlob) count(ranges ...store.Range) {
	requests, bytes := int64(0), int64(0)
	for _, r := range ranges {
		if !b.Holds([]store.Range{r}) {
			requests, bytes = requests+1, bytes+r.Length
		}
	}
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.to.requests += requests
	b.to.bytes += bytes
	b.to.rounds += (requests + abreast - 1) / abreast
}
