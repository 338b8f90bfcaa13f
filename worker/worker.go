// Package worker turns jobs into pixels: it finds the source, judges the file before
// any C code meets it, admits as many decodes as there are decoders, joins equal
// work and keeps results.
//
// One rendering goes this way:
//
//  1. The result cache is asked; a hit costs nothing else.
//  2. Equal jobs join (internal/flight): one of them works, all get the outcome. It is
//     cancelled when the last of them has left. It asks the shared store of results.
//  3. The facts of this version of the image, from memory or from the file's header,
//     say which resolution level to decode and how much work that is.
//  4. JPEG 2000: the packet index of this version (worker/packets), built once.
//  5. Of a far away file, what the region needs is brought to hand (ahead.go).
//  6. Admission: a free slot, a place among the waiting, or tile.Busy at once. A neighbour
//     that has got one may make this tile too, or have begun to (levels.go).
//  7. The source is looked at again, since time has passed: another version than the
//     job's is tile.Changed. The file is opened as that very version.
//  8. With an index, the packets that the region needs become a small codestream of
//     their own; else the decoder gets the whole file.
//  9. A decoder child makes the pixels. If the file was written to meanwhile, the
//     outcome is dropped and the answer is tile.Changed.
//  10. The waiters get the result; it is written to the result cache and to the shared
//     store behind their backs.
//
// Files that are malformed or over budget are judged once per version, and a version
// that costs two decoder children is quarantined.
package worker

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/flight"
	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// Decoders is the pool of decoder children. Work stops when ctx ends.
type Decoders interface {
	// Render decodes and encodes. An Output.Body of more than 4 MiB is an io.ReaderAt.
	Render(ctx context.Context, t decoder.Task) (decoder.Output, error)
	// Inspect reads the header of a file that is not JPEG 2000.
	Inspect(ctx context.Context, f *os.File, format tile.Format) (decoder.Facts, error)
	// Formats are the output formats there are: keys of tile.MediaTypes.
	Formats() []string
}

// Results keeps what was rendered. Safe for concurrent use.
type Results interface {
	// Get finds the result of key; the caller closes its Body. Whatever goes wrong is a
	// miss. It takes less time than rendering anew.
	Get(ctx context.Context, key tile.Key) (tile.Result, bool)
	// Put stores size bytes of body as the result of key, or returns store.ErrNotStored
	// for what is not worth keeping.
	Put(ctx context.Context, key tile.Key, media string, body io.Reader, size int64) error
}

// Config is what a Worker is made of. Source, Decoders and Log are needed.
type Config struct {
	Source    store.Source  // images
	Remote    bool          // images are far away: read as little of them as possible
	Manifests store.Source  // documents; nil where there are none
	Results   Results       // at hand; nil: results are not kept
	Shared    Results       // of all workers; nil: none. Asked before rendering anew
	Turns     packets.Turns // with those workers, at what one does for all; nil: each for itself
	Decoders  Decoders
	Slots     int    // renderings at a time, as many as there are children; 0: one per core
	Queue     int    // renderings of each lane that may wait for a slot; 0: 8 per slot
	Name      string // told with every result
	Limits    Limits
	// BestEffort draws what can be decoded of damaged files rather than refuse them (R7).
	// Such results are told to be that, and not kept.
	BestEffort bool
	Log        *slog.Logger
}

// stores are where packet indices are kept, nearest first.
func (c Config) stores() (all []packets.Results) {
	for _, r := range []Results{c.Results, c.Shared} {
		if r != nil {
			all = append(all, r)
		}
	}
	return all
}

// Limits bound what one job may cost. Zero values stand for the defaults.
type Limits struct {
	DecodedArea int64         // pixels decoded for one rendering, after reduction; 512 Mpx
	FileBytes   int64         // of files that are decoded as a whole; 16 GiB
	StreamBytes int64         // of JPEG 2000 packets put together for one rendering; 64 MiB
	IndexBytes  int64         // of packet indices in memory; 128 MiB
	Timeout     time.Duration // of one decode; one minute
	Header      *jp2.Budget   // of JPEG 2000 headers; jp2.DefaultBudget
}

func (l Limits) withDefaults() Limits {
	l.DecodedArea = cmp.Or(l.DecodedArea, 512<<20)
	l.FileBytes = cmp.Or(l.FileBytes, 16<<30)
	l.Timeout = cmp.Or(l.Timeout, time.Minute)
	if l.Header == nil {
		budget := jp2.DefaultBudget()
		l.Header = &budget
	}
	return l
}

// Worker implements tile.Renderer and tile.Library.
type Worker struct {
	name       string
	remote     bool
	bestEffort bool
	source     store.Source
	manifests  store.Source
	results    Results
	shared     Results
	decoders   Decoders
	packets    *packets.Engine
	limits     Limits
	log        *slog.Logger

	verdicts    *otter.Cache[subject, verdict]
	inspections flight.Group[subject, verdict]
	renderings  flight.Group[tile.Key, *rendition]
	callers     callers
	admission   *admission
	fetches     *admission // of packets from afar, ahead of admission
	levels      *levels
	shelf       *shelf
	asked       atomic.Uint64 // renderings
	found       atomic.Uint64 // of these, at hand
	wards       *wards
	saver       *saver
	sharer      *saver // into the shared store, which may be slow

	jobs    sync.WaitGroup // joined work, which may outlive its callers for a moment
	closing context.Context
	cut     context.CancelFunc // ends closing, and with it all work
}

var (
	_ tile.Renderer = (*Worker)(nil)
	_ tile.Library  = (*Worker)(nil)
)

// maxVerdicts bounds the images whose facts are kept: some 300 bytes each.
const maxVerdicts = 50_000

// New makes a worker. Close ends it.
func New(c Config) *Worker {
	slots := cmp.Or(c.Slots, runtime.GOMAXPROCS(0))
	closing, cut := context.WithCancel(context.Background())
	limits := c.Limits.withDefaults()
	return &Worker{
		name: c.Name, remote: c.Remote, bestEffort: c.BestEffort, source: c.Source, manifests: c.Manifests, results: c.Results, shared: c.Shared,
		decoders: c.Decoders, limits: limits, log: c.Log,
		packets: packets.New(packets.Config{
			Source: c.Source, Remote: c.Remote, Results: c.stores(), Turns: c.Turns, Header: *limits.Header, FileBytes: limits.FileBytes,
			StreamBytes: limits.StreamBytes, IndexBytes: limits.IndexBytes, Log: c.Log,
		}),
		verdicts: otter.Must(&otter.Options[subject, verdict]{
			MaximumSize: maxVerdicts,
			Executor:    func(maintain func()) { maintain() },
		}),
		admission: newAdmission(slots, cmp.Or(c.Queue, 8*slots)),
		fetches:   newAdmission(fetchers*slots, cmp.Or(c.Queue, 8*slots)),
		levels:    newLevels(),
		shelf:     newShelf(),
		wards:     newWards(),
		saver:     newSaver(closing, c.Results, c.Log),
		sharer:    newSaver(closing, c.Shared, c.Log),
		closing:   closing, cut: cut,
	}
}

// Close waits for work under way and for results still to be written, and cuts short
// what is left of both when ctx ends. The caller has stopped asking before.
func (w *Worker) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, w.cut)
	w.jobs.Wait()
	w.packets.Close()
	w.saver.close()
	w.sharer.close()
	defer w.cut()
	if !stop() {
		return fmt.Errorf("worker closed before its work was done: %w", context.Cause(ctx))
	}
	return nil
}

// work counts joined work, and ends its context when the worker is closed in a hurry.
func (w *Worker) work(ctx context.Context) (_ context.Context, done func()) {
	w.jobs.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(w.closing, cancel)
	return ctx, func() {
		stop()
		cancel()
		w.jobs.Done()
	}
}

// Stats is the worker's load at a moment, and counts since the start.
type Stats struct {
	Slots          int
	Running        int // renderings and inspections in a slot
	RunningExports int // of these, large ones
	Waiting        int // in the queue
	WaitingExports int
	Refused        uint64 // busy
	Abandoned      uint64 // left the queue because nobody waited any more, or a neighbour did the work
	Decodes        uint64 // begun
	Unsaved        uint64 // results not written because writing fell behind
	Quarantined    int    // image versions
	Fetching       int    // renderings whose packets are fetched, or wait for that
	Fetches        uint64 // of packets ahead of a slot
	Joint          uint64 // tiles decoded with a neighbour's, in its slot
	AheadJobs      uint64 // decodes that made tiles nobody had asked for yet
	Ahead          uint64 // these tiles
	AheadUsed      uint64 // of which so many were asked for since

	Asked  uint64        // renderings
	Found  uint64        // of these, at hand
	Queued time.Duration // that renderings wait for a slot, on average lately
}

// Packets counts what became of JPEG 2000 regions: how many were made of their packets
// alone, what that took of the source, and why others were not.
func (w *Worker) Packets() packets.Stats { return w.packets.Stats() }

// Stats returns the load.
func (w *Worker) Stats() Stats {
	s, f := w.admission.stats(), w.fetches.stats()
	s.Refused += f.Refused
	s.Abandoned += f.Abandoned
	s.Fetching, s.Fetches = f.Running+f.Waiting, f.Decodes
	s.Unsaved = w.saver.dropped.Load() + w.sharer.dropped.Load()
	s.Quarantined = w.wards.condemned()
	ahead := w.levels.stats()
	s.Joint, s.AheadJobs, s.Ahead, s.AheadUsed = ahead.joint, ahead.jobs, ahead.made, ahead.used
	s.Asked, s.Found = w.asked.Load(), w.found.Load()
	return s
}

// Clear forgets every verdict on an image, given with or without extension: it is
// judged and decoded anew.
func (w *Worker) Clear(id string) { w.ClearAll(func(name string) bool { return meant(id, name) }) }

// ClearAll is Clear for every image that is meant, by the name it is known under.
func (w *Worker) ClearAll(meant func(name string) bool) {
	for s := range w.verdicts.Keys() {
		if meant(s.id) {
			w.verdicts.Invalidate(s)
		}
	}
	w.wards.clear(meant)
	w.packets.Forget(meant)
	w.levels.forget(meant)
	w.shelf.forget(meant)
}

// Quarantined names images that are not decoded because they killed decoders, most of
// them at most.
func (w *Worker) Quarantined(most int) []string { return w.wards.names(most) }

// Forgetter is a source that remembers for a while what it found out.
type Forgetter interface{ Forget(key string) }

// Forget drops what is known of objects by their keys, because somebody says that
// they were created, replaced or deleted: they are looked at anew when asked for.
func (w *Worker) Forget(keys ...string) {
	ids := make(map[string]bool, 2*len(keys))
	for _, key := range keys {
		ids[key], ids[tile.RuleName(key)] = true, true
		for _, s := range []store.Source{w.source, w.manifests} {
			if f, ok := s.(Forgetter); ok {
				f.Forget(key)
			}
		}
	}
	for s := range w.verdicts.Keys() {
		if ids[s.id] {
			w.verdicts.Invalidate(s)
		}
	}
}

// meant tells whether an administrator who says id means the image known as name:
// either may have its extension, and two different ones are two images.
func meant(id, name string) bool {
	return id == name || id == tile.RuleName(name) || tile.RuleName(id) == name
}

// Prepare has new objects indexed before anybody asks for them: JPEG 2000 images among the
// keys, one after the other, until ctx ends. Whatever goes wrong is met again, and told,
// when somebody asks.
func (w *Worker) Prepare(ctx context.Context, keys ...string) {
	w.Forget(keys...) // or the version before might be found
	for _, key := range keys {
		if _, ext := tile.SplitExtension(key); !tile.Extensions[ext].IsJPEG2000() {
			continue
		}
		if o, err := w.source.Find(ctx, key); err == nil {
			w.packets.Prepare(ctx, o)
		}
	}
}
