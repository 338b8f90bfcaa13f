// Package packets makes small codestreams of large JPEG 2000 files: it keeps the packet
// index of each image version, says which bytes a region needs, reads those alone, and
// puts them together so that a decoder gives the very samples it would have given of the
// whole file (internal/jp2 proves that). Where it cannot, it says why: the caller then
// decodes the region from the whole file.
//
// An index is built once per version by one goroutine of its own, so that building never
// takes a decoder's place, and is stored beside the results for the next start. Where that
// reads most of a far file one worker does it for all (turn.go). Nobody waits
// for all of it: a tile of a file that says where its tiles lie is indexed when first needed.
// The lower resolutions of an image of many tiles are kept together (lower.go).
package packets

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// Source opens versions of images. It is store.Source's contract.
type Source interface {
	Open(ctx context.Context, o store.Object) (store.Blob, error)
}

// Results stores indices beside the results. Safe for concurrent use.
type Results interface {
	// Get finds what is stored; the caller closes its Body. Whatever goes wrong is a miss.
	Get(ctx context.Context, key tile.Key) (tile.Result, bool)
	Put(ctx context.Context, key tile.Key, media string, body io.Reader, size int64) error
}

// Config is what an Engine is made of. Source and Log are needed; zero values of the
// rest stand for the defaults.
type Config struct {
	Source      Source
	Remote      bool          // the source is far away: whole files are fetched only where nothing else will do
	Results     []Results     // where indices are stored, nearest first; none: they are not
	Turns       Turns         // with workers that share Results, at what takes most of a far file; nil: none
	Header      jp2.Budget    // of files
	FileBytes   int64         // of files whose packet headers are read to index them; 16 GiB
	StreamBytes int64         // of one codestream, and of what is read for it; 64 MiB
	IndexBytes  int64         // of all indices in memory; 128 MiB
	BuildTime   time.Duration // of one index; ten minutes
	Patience    time.Duration // with a build, while the whole file is at hand; 250 ms
	Log         *slog.Logger

	headBytes int64 // of a file held at a time to index tiles by them: times learners, the memory that takes
}

func (c Config) withDefaults() Config {
	c.FileBytes = cmp.Or(c.FileBytes, 16<<30)
	c.StreamBytes = cmp.Or(c.StreamBytes, 64<<20)
	c.IndexBytes = cmp.Or(c.IndexBytes, 128<<20)
	c.BuildTime = cmp.Or(c.BuildTime, 10*time.Minute)
	c.Patience = cmp.Or(c.Patience, 250*time.Millisecond)
	c.headBytes = cmp.Or(c.headBytes, headBytes)
	return c
}

// Engine is safe for concurrent use. Close ends its work.
type Engine struct {
	cfg      Config
	kept     *otter.Cache[version, *shelved]
	lane     chan struct{} // holds a token while an index is being completed
	opening  chan struct{} // holds a token while a file is being opened for the first time
	learning chan struct{} // holds a token while tiles are being learnt for somebody
	work     context.Context
	end      context.CancelFunc
	going    sync.WaitGroup

	mu         sync.Mutex
	pending    map[version]*building
	background int // of those

	counts    counts
	fallbacks [len(reasons)]atomic.Uint64
}

// version names one version of one object.
type version struct{ key, version string }

type counts struct {
	tiles, bytes, ranges, packets, builds, loads, learnt, lower, refusals atomic.Uint64
}

// farBuilds is how many indices of far away files are completed at a time: that is waiting,
// mostly. Of files at hand it is one, since that is work.
const farBuilds = 4

// New makes an engine.
func New(c Config) *Engine {
	work, end := context.WithCancel(context.Background())
	c = c.withDefaults()
	builds := 1
	if c.Remote {
		builds = farBuilds
	}
	return &Engine{
		cfg: c, lane: make(chan struct{}, builds), opening: make(chan struct{}, maxOpening), learning: make(chan struct{}, learners),
		work: work, end: end, pending: make(map[version]*building),
		kept: otter.Must(&otter.Options[version, *shelved]{
			MaximumWeight: uint64(c.IndexBytes),
			Weigher:       func(_ version, s *shelved) uint32 { return s.weight() },
			Executor:      func(maintain func()) { maintain() },
		}),
	}
}

// Close cuts short the building of indices, which nobody will need, and waits for it.
func (e *Engine) Close() {
	e.end()
	e.going.Wait()
}

// Stats are counts since the start.
type Stats struct {
	Tiles     uint64            // codestreams made
	Bytes     uint64            // read of sources for them
	Ranges    uint64            // in so many ranges
	Packets   uint64            // of which so many packets were needed
	Builds    uint64            // indices built
	Learnt    uint64            // tiles indexed by themselves, because somebody needed them
	Lower     uint64            // files of lower resolutions put together
	Loads     uint64            // indices found beside the results
	Refusals  uint64            // files that cannot be indexed
	Fallbacks map[Reason]uint64 // regions left to the decoder and the whole file
}

// Stats returns the counts.
func (e *Engine) Stats() Stats {
	s := Stats{
		Tiles: e.counts.tiles.Load(), Bytes: e.counts.bytes.Load(), Ranges: e.counts.ranges.Load(), Packets: e.counts.packets.Load(),
		Builds: e.counts.builds.Load(), Loads: e.counts.loads.Load(),
		Learnt: e.counts.learnt.Load(), Lower: e.counts.lower.Load(), Refusals: e.counts.refusals.Load(),
		Fallbacks: make(map[Reason]uint64, len(reasons)),
	}
	for i, r := range reasons {
		s.Fallbacks[r] = e.fallbacks[i].Load()
	}
	return s
}
