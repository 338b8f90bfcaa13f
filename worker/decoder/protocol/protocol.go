// Package protocol is what a worker and its decoder children say to each other: over a
// stream socket, frames of a length (4 bytes, big endian), that many bytes of JSON, and
// then the raw bytes whose number the JSON tells. A file travels as a descriptor with
// the first byte of its request.
package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// Bounds of what a child accepts, whoever asks.
const (
	MaxHeader    = 4 << 10   // bytes of JSON in a frame
	MaxStream    = 256 << 20 // bytes of a codestream sent in place of a file
	MaxDimension = 1 << 24   // pixels
	MaxReduce    = 31        // resolution levels; of the 32 a file may have, one more than 32 bits can be shifted
	MaxCuts      = 40        // pictures cut out of one decoded region
	MaxThreads   = 4         // for one task
)

// Op says what a request wants.
type Op string

// The operations. Those of fault injection are refused unless the child was started
// for it.
const (
	Render  Op = "render"
	Inspect Op = "inspect"
	Crash   Op = "crash" // fault injection: a wild pointer
	Spin    Op = "spin"  // fault injection: an endless loop
	Alloc   Op = "alloc" // fault injection: more memory than there may be
)

// Request asks for one picture, or for the facts of one file.
type Request struct {
	Op      Op              `json:"op"`
	Format  tile.Format     `json:"format"`
	Stream  int64           `json:"stream,omitempty"` // bytes of codestream that follow; 0: a descriptor came along
	Region  iiifurl.Rect    `json:"region"`           // full-resolution pixels
	Reduce  int             `json:"reduce,omitempty"` // JPEG 2000 levels to drop
	Width   int             `json:"width,omitempty"`  // after scaling, before rotation
	Height  int             `json:"height,omitempty"`
	Mirror  bool            `json:"mirror,omitempty"`
	Degrees float64         `json:"degrees,omitempty"` // clockwise, after mirroring
	Quality iiifurl.Quality `json:"quality,omitempty"`
	Output  string          `json:"output,omitempty"`  // key of tile.MediaTypes
	JPEG    int             `json:"jpeg,omitempty"`    // quality of lossy outputs, 1 to 100
	Budget  int64           `json:"budget,omitempty"`  // bytes the decoded pixels may take
	Threads int             `json:"threads,omitempty"` // 0 for one
	// Lenient draws what can be decoded of a damaged file, which otherwise is Broken.
	Lenient bool `json:"lenient,omitempty"`
	// Cuts makes as many answers, one after the other, in place of one: parts of the
	// picture of Width×Height, which is neither scaled, mirrored nor rotated.
	Cuts []iiifurl.Rect `json:"cuts,omitempty"`
}

// ParseRequest reads and checks the JSON of a request.
func ParseRequest(data []byte) (Request, error) {
	var r Request
	if err := json.Unmarshal(data, &r); err != nil {
		return Request{}, fmt.Errorf("malformed request: %w", err)
	}
	if err := r.check(); err != nil {
		return Request{}, err
	}
	return r, nil
}

func (r Request) check() error {
	if r.Stream < 0 || r.Stream > MaxStream {
		return fmt.Errorf("a codestream of %d bytes", r.Stream)
	}
	switch r.Op {
	case Render:
		return r.checkRender()
	case Inspect, Crash, Spin, Alloc:
		return nil
	}
	return fmt.Errorf("unknown operation %q", r.Op)
}

func (r Request) checkRender() error {
	switch {
	case !inside(r.Region.X, 0) || !inside(r.Region.Y, 0) || !inside(r.Region.W, 1) || !inside(r.Region.H, 1):
		return fmt.Errorf("region %+v", r.Region)
	case !inside(r.Width, 1) || !inside(r.Height, 1):
		return fmt.Errorf("size %dx%d", r.Width, r.Height)
	case r.Threads < 0 || r.Threads > MaxThreads:
		return fmt.Errorf("%d threads", r.Threads)
	case r.Reduce < 0 || r.Reduce > MaxReduce:
		return fmt.Errorf("%d levels to drop", r.Reduce)
	case !(r.Degrees >= 0 && r.Degrees <= 360): // also refuses NaN
		return fmt.Errorf("rotation by %v degrees", r.Degrees)
	case tile.MediaTypes[r.Output] == "":
		return fmt.Errorf("unknown output %q", r.Output)
	case r.JPEG < 1 || r.JPEG > 100:
		return fmt.Errorf("quality %d", r.JPEG)
	case r.Budget < 1:
		return errors.New("no memory budget")
	}
	if err := r.checkCuts(); err != nil {
		return err
	}
	return r.checkQuality()
}

func (r Request) checkCuts() error {
	if len(r.Cuts) > MaxCuts || len(r.Cuts) > 0 && (r.Mirror || r.Degrees != 0) {
		return fmt.Errorf("%d cuts of a picture, turned or not", len(r.Cuts))
	}
	for _, c := range r.Cuts {
		if c.X < 0 || c.Y < 0 || c.W < 1 || c.H < 1 || c.X > r.Width-c.W || c.Y > r.Height-c.H {
			return fmt.Errorf("cut %+v of %dx%d", c, r.Width, r.Height)
		}
	}
	return nil
}

func (r Request) checkQuality() error {
	switch r.Quality {
	case iiifurl.Default, iiifurl.Color, iiifurl.Gray, iiifurl.Bitonal:
		return nil
	}
	return fmt.Errorf("unknown quality %q", r.Quality)
}

func inside(v, least int) bool { return v >= least && v <= MaxDimension }

// Bounds is the size of the answer: the tight box around the rotated picture.
func (r Request) Bounds() (w, h int) {
	sin, cos := math.Sincos(r.Degrees * math.Pi / 180)
	sin, cos = math.Abs(sin), math.Abs(cos)
	fw, fh := float64(r.Width), float64(r.Height)
	return max(1, int(math.Round(fw*cos+fh*sin))), max(1, int(math.Round(fh*cos+fw*sin)))
}

// Reply answers a request. Code is "" for success.
type Reply struct {
	Code    tile.Code     `json:"code,omitempty"`
	Message string        `json:"message,omitempty"` // for people
	Cause   string        `json:"cause,omitempty"`   // for the log
	Type    string        `json:"type,omitempty"`    // media type
	Size    int64         `json:"size,omitempty"`    // bytes that follow
	Sizes   []int64       `json:"sizes,omitempty"`   // of the answers among them, where there were cuts
	Decode  time.Duration `json:"decode,omitempty"`
	Encode  time.Duration `json:"encode,omitempty"`
	Blocks  Blocks        `json:"blocks,omitzero"`
	CPU     time.Duration `json:"cpu,omitempty"` // the child has used so far, in all
	Facts   *Facts        `json:"facts,omitempty"`
}

// Blocks counts the code-blocks of an answer that were decoded one by one: none where
// OpenJPEG did all.
type Blocks struct {
	Decoded int `json:"decoded,omitempty"`
	Kept    int `json:"kept,omitempty"` // had been decoded before
}

// Facts are what the header of a file tells. Width and height are after orientation.
type Facts struct {
	Width      int  `json:"width"`
	Height     int  `json:"height"`
	Bands      int  `json:"bands"`
	Bits       int  `json:"bits"`
	Gray       bool `json:"gray,omitempty"`
	Alpha      bool `json:"alpha,omitempty"`
	TileWidth  int  `json:"tileWidth,omitempty"` // 0: the file has no tiles
	TileHeight int  `json:"tileHeight,omitempty"`
	Levels     int  `json:"levels,omitempty"` // halvings the file stores
}

// Report is what a child's self check prints.
type Report struct {
	Versions Versions `json:"versions"`
	Formats  []string `json:"formats"` // outputs it can write, keys of tile.MediaTypes
	Sandbox  Sandbox  `json:"sandbox"`
}

// Versions are those of the libraries found at run time.
type Versions struct {
	Vips     string `json:"libvips"`
	OpenJPEG string `json:"openjpeg"`
	JPEG     string `json:"libjpeg"`
}

// Sandbox says what confines a child.
type Sandbox struct {
	Seccomp  bool `json:"seccomp"`
	Landlock int  `json:"landlock"` // ABI version in force, 0: the kernel has none
}

// Exit codes of the child.
const (
	ExitUsage   = 2
	ExitSandbox = 3 // the sandbox cannot be set up
	ExitLibrary = 4 // libvips or OpenJPEG do not work
)
