// Package decoder supervises the processes that decode and encode images. Untrusted
// bytes meet C code only there: a child has no network, no files but the descriptor of
// its task, bounded memory and time, and may die with that task alone.
package decoder

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// Task is one rendering of one region.
type Task struct {
	File   *os.File // read-only, a whole file; may be closed as soon as Render returns
	Stream []byte   // in place of File: a small self-contained JPEG 2000 codestream
	Format tile.Format

	Region        iiifurl.Rect // full-resolution pixels of the source, after orientation
	Reduce        int          // JPEG 2000 resolution levels to drop
	Width, Height int          // after scaling, before rotation
	Mirror        bool         // before rotation
	Degrees       float64      // clockwise, 0 to 360
	Quality       iiifurl.Quality
	Output        string // key of tile.MediaTypes, one of Pool.Formats
	JPEGQuality   int    // 1 to 100, of the lossy outputs
	Threads       int    // of OpenJPEG, at most MaxThreads; 0 for one
	Lenient       bool   // draw what can be decoded of a damaged file

	// Cuts are parts of the picture that become answers of their own, at most MaxCuts.
	// Width and Height are then those of the decoded region, which is not turned.
	Cuts []iiifurl.Rect
}

// Bounds of a Task.
const (
	MaxCuts    = protocol.MaxCuts
	MaxThreads = protocol.MaxThreads
)

// Output is an encoded picture. The caller closes Body, which holds exactly Size bytes.
// Up to MemoryBody bytes it is in memory; above, it is an *os.File without a name.
type Output struct {
	Type           string // media type
	Size           int64
	Sizes          []int64 // of each cut; their bodies follow one another in Body
	Body           io.ReadCloser
	Decode, Encode time.Duration
	Blocks         Blocks
}

// Blocks counts code-blocks.
type Blocks = protocol.Blocks

// MemoryBody is the size up to which an Output is held in memory.
const MemoryBody = 4 << 20

// Facts are what the header of a file tells.
type Facts = protocol.Facts

// Versions are those of the libraries the children use.
type Versions = protocol.Versions

// ErrLost is in the chain of every error of a task that cost its child: one that
// crashed it, or kept it busy until it was killed.
var ErrLost = errors.New("decoder process lost")

// Config is what Start needs. Zero values stand for the defaults.
type Config struct {
	Path        string        // of tessera-decoder
	Processes   int           // children; default 1
	Timeout     time.Duration // of one task, wall and CPU; default 30 s
	MemoryBytes int64         // a child's data segment (RLIMIT_DATA); default 2 GiB
	Insecure    bool          // run unconfined where the kernel has no seccomp
	TempDir     string        // for large outputs; default os.TempDir
	MaxOutput   int64         // bytes of one encoded picture; default 2 GiB
	MaxTasks    int           // of a child before it is replaced; default 5000
	MaxResident int64         // bytes a child may keep between tasks; default 256 MiB
	Log         *slog.Logger

	arguments []string // more of them for the child, in tests
}

func (c Config) withDefaults() Config {
	c.Processes = max(c.Processes, 1)
	setDefault(&c.Timeout, 30*time.Second)
	setDefault(&c.MemoryBytes, 2<<30)
	setDefault(&c.TempDir, os.TempDir())
	setDefault(&c.MaxOutput, 2<<30)
	setDefault(&c.MaxTasks, 5000)
	setDefault(&c.MaxResident, 256<<20)
	setDefault(&c.Log, slog.New(slog.DiscardHandler))
	return c
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// pixelBudget is the share of a child's memory that decoded pixels may take: the rest
// is for the encoded picture, twice, and the libraries.
func (c Config) pixelBudget() int64 { return c.MemoryBytes / 2 }

func (c Config) childArguments(mode string) []string {
	args := []string{mode}
	if c.Insecure {
		args = append(args, "--insecure")
	}
	return append(args, c.arguments...)
}

// childEnvironment is all that a child sees of the world's settings.
var childEnvironment = []string{
	"LC_ALL=C",
	"MALLOC_ARENA_MAX=2",
	"VIPS_CONCURRENCY=1",
	"GOMAXPROCS=2",
	"GOGC=400",
	"GOTRACEBACK=single",
}
