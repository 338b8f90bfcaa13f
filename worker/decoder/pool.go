package decoder

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// How long a child that does not start is left alone: doubled from the first value to
// the second with each failure.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Pool is a fixed number of slots, each with a child process that does one task at a
// time. Safe for concurrent use.
type Pool struct {
	cfg     Config
	report  protocol.Report
	spawner *spawner
	jobs    chan *job
	running atomic.Int32  // slots that have a child
	decoded atomic.Uint64 // code-blocks
	kept    atomic.Uint64 // code-blocks that had been decoded before

	closing chan struct{}
	close   func() // once
	slots   sync.WaitGroup
	abort   context.Context // its end kills the children whatever they do
	kill    context.CancelFunc
}

// Start checks that children can work here and starts them. The error names what is
// missing and how to get it.
func Start(ctx context.Context, cfg Config) (*Pool, error) {
	cfg = cfg.withDefaults()
	report, err := check(ctx, cfg)
	if err != nil {
		return nil, err
	}
	p := &Pool{
		cfg: cfg, report: report, spawner: newSpawner(),
		jobs: make(chan *job), closing: make(chan struct{}),
	}
	p.close = sync.OnceFunc(func() { close(p.closing) })
	p.abort, p.kill = context.WithCancel(context.Background())
	for range cfg.Processes {
		p.slots.Go(p.slot)
	}
	cfg.Log.Info("decoders started", "processes", cfg.Processes, "libvips", report.Versions.Vips,
		"openjpeg", report.Versions.OpenJPEG, "libjpeg", report.Versions.JPEG, "formats", report.Formats,
		"seccomp", report.Sandbox.Seccomp, "landlock", report.Sandbox.Landlock)
	return p, nil
}

// Formats are the outputs that children can write, keys of tile.MediaTypes.
func (p *Pool) Formats() []string { return slices.Clone(p.report.Formats) }

// Versions are those of the libraries that children use.
func (p *Pool) Versions() Versions { return p.report.Versions }

// Blocks counts the code-blocks that children decoded one by one, since the start.
func (p *Pool) Blocks() (decoded, kept uint64) { return p.decoded.Load(), p.kept.Load() }

// Render does a task. Errors are *tile.Error: Broken, Invalid, Unsupported, Timeout,
// Unavailable, Internal; or the context's own. It returns when ctx ends; a child that is
// then about to finish is let finish, any other is killed.
func (p *Pool) Render(ctx context.Context, t Task) (Output, error) {
	out, err := p.do(ctx, newJob(ctx, t.request(p.cfg.pixelBudget()), t.File, t.Stream))
	return out.output, err
}

// Inspect reads the header of a TIFF, JPEG, PNG or WebP file. Errors as Render's.
func (p *Pool) Inspect(ctx context.Context, f *os.File, format tile.Format) (Facts, error) {
	req := protocol.Request{Op: protocol.Inspect, Format: format}
	out, err := p.do(ctx, newJob(ctx, req, f, nil))
	return out.facts, err
}

func (p *Pool) do(ctx context.Context, j *job) (result, error) {
	select {
	case p.jobs <- j:
	case <-ctx.Done():
		return result{}, ctx.Err()
	case <-p.closing:
		return result{}, errClosed
	}
	select {
	case r := <-j.done:
		return r, r.err
	case <-ctx.Done():
		// Whose time is up hears whether the child had had its own: it ends at this moment,
		// and a task that costs one must be known for it.
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) && j.abandon() {
			return result{}, ctx.Err()
		}
		r := <-j.done
		return r, r.err
	}
}

var errClosed = tile.Fail(tile.Unavailable, "The server is stopping.", errors.New("decoder pool is closed"))

// Close lets running tasks finish until ctx ends, then kills what is left, and waits for
// everything that Start has begun.
func (p *Pool) Close(ctx context.Context) error {
	p.close()
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	p.slots.Wait()
	p.kill()
	p.spawner.stop()
	return nil
}

// slot keeps one child alive and gives it jobs until the pool closes.
func (p *Pool) slot() {
	for {
		c := p.startChild()
		if c == nil {
			return
		}
		p.running.Add(1)
		again := p.employ(c)
		p.running.Add(-1)
		c.stop()
		if !again {
			return
		}
	}
}

// employ gives jobs to a child until it is to be replaced (true) or the pool closes.
func (p *Pool) employ(c *child) bool {
	for c.usable(p.cfg) {
		select {
		case <-p.closing:
			return false
		case <-c.exited:
			p.cfg.Log.Warn("idle decoder process died", "pid", c.pid, "state", c.state())
			return true
		case j := <-p.jobs:
			j.finish(p.work(c, j))
		}
	}
	return true
}

// startChild tries until there is a child; nil when the pool closes.
func (p *Pool) startChild() *child {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		select {
		case <-p.closing:
			return nil
		default:
		}
		c, err := startChild(p.abort, p.cfg, p.spawner)
		if err == nil {
			return c
		}
		p.cfg.Log.Error("decoder process does not start", "error", err, "retry", pause)
		if !p.idle(pause) {
			return nil
		}
	}
}

// idle waits. When no slot has a child, it refuses jobs at once that would wait in vain.
func (p *Pool) idle(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		var refused chan *job
		if p.running.Load() == 0 {
			refused = p.jobs
		}
		select {
		case <-p.closing:
			return false
		case <-timer.C:
			return true
		case j := <-refused:
			j.finish(result{err: errNoChild})
		}
	}
}

var errNoChild = tile.Fail(tile.Unavailable, "Images cannot be decoded at the moment.", errors.New("no decoder process starts"))
