package edge

import (
	"context"
	"errors"
	"io"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// maxSmall is the size up to which a result is held in memory, joined and remembered.
const maxSmall = 4 << 20

// picture is a small result, ready to send. It never changes.
type picture struct {
	mediaType []string
	body      []byte
	etag      string
}

// rendering is what came of a job: small or large is set, or, of joined work, neither:
// a stream has one reader and cannot be shared.
type rendering struct {
	small  *picture
	large  *tile.Result // caller closes Body
	cache  string
	worker string
	timing tile.Timing
	// damaged is tile.Result's: sent to who waits for it now, and forgotten.
	damaged bool
}

// newResultCache is bounded by bytes: bodies, keys, and about what an entry costs.
func newResultCache(maxBytes int64) *otter.Cache[tile.Key, *picture] {
	const overhead = 512
	return otter.Must(&otter.Options[tile.Key, *picture]{
		MaximumWeight: uint64(max(maxBytes, 1)),
		Weigher: func(k tile.Key, p *picture) uint32 {
			return uint32(len(p.body) + len(k.ID) + len(k.Version) + len(k.Canonical) + overhead)
		},
	})
}

// render has a job done, together with everybody who wants the same now. What promises
// to be large is asked for alone.
func (e *Edge) render(ctx context.Context, job tile.Job, key tile.Key) (rendering, error) {
	if likelyLarge(job.Render) {
		return e.ask(ctx, job, key)
	}
	made, joined, err := e.renders.Do(ctx, key, func(work context.Context) (rendering, error) {
		work, cancel := context.WithTimeout(work, e.cfg.Budget) // joined work has lost the caller's deadline
		defer cancel()
		made, err := e.ask(work, job, key)
		if made.large != nil {
			_ = made.large.Body.Close()
			made.large = nil
		}
		return made, err
	})
	if err == nil && made.small == nil {
		return e.ask(ctx, job, key) // a worker has it in store by now
	}
	if joined {
		made.cache = fromEdge
	}
	return made, err
}

// likelyLarge goes by pixels: lossless formats may need all their bytes, the others
// hardly ever more than one for a pixel.
func likelyLarge(r iiifurl.Resolved) bool {
	w, h := r.Bounds()
	perPixel := int64(1)
	if r.Format == "png" || r.Format == "tif" {
		perPixel = 4
	}
	return int64(w)*int64(h)*perPixel > maxSmall
}

// ask has a worker do the job and remembers a small result. Where the worker was lost
// half-way through that, another does it; of a large one, bytes are on their way to the
// client by then.
func (e *Edge) ask(ctx context.Context, job tile.Job, key tile.Key) (rendering, error) {
	made, err := e.askOnce(ctx, job, key)
	var cut *cutShort
	if errors.As(err, &cut) && ctx.Err() == nil {
		return e.askOnce(ctx, job, key)
	}
	return made, err
}

// cutShort is a body that ended before it was whole.
type cutShort struct{ cause *tile.Error }

func (c *cutShort) Error() string { return c.cause.Error() }
func (c *cutShort) Unwrap() error { return c.cause }

func (e *Edge) askOnce(ctx context.Context, job tile.Job, key tile.Key) (rendering, error) {
	result, err := e.cfg.Renderer.Render(ctx, job)
	if err != nil {
		return rendering{}, err
	}
	made := rendering{cache: result.Cache, worker: result.Worker, timing: result.Timing, damaged: result.Damaged}
	if result.Size > maxSmall {
		made.large = &result
		return made, nil
	}
	defer result.Body.Close()
	body := make([]byte, result.Size)
	if _, err := io.ReadFull(result.Body, body); err != nil {
		return rendering{}, &cutShort{tile.Fail(tile.CodeOf(err), "", err)}
	}
	made.small = &picture{mediaType: []string{result.Type}, body: body, etag: etagOf(nil, key)}
	if !made.damaged {
		e.results.Set(key, made.small)
	}
	return made, nil
}
