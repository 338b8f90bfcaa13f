// Package tile is the vocabulary that edge, bus and worker share: what an image
// is, what is asked of it, what comes back, and how it can go wrong.
package tile

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// Image is what the cluster knows of one source image before it touches a pixel.
// Sizes are in pixels after orientation.
type Image struct {
	ID         string `json:"id"`      // identifier as asked, decoded
	Version    string `json:"version"` // opaque; another version means other bytes
	Format     Format `json:"format"`  // container as told by its first bytes
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	TileWidth  int    `json:"tileWidth,omitempty"`  // tile of the file, 0 where it has none
	TileHeight int    `json:"tileHeight,omitempty"` // likewise
	Levels     int    `json:"levels,omitempty"`     // halvings the file stores
	Undivided  bool   `json:"undivided,omitempty"`  // JPEG 2000 without tiles or precincts: any part needs all of a level
	Bits       int    `json:"bits,omitempty"`       // per sample
	Gray       bool   `json:"gray,omitempty"`       // no colour to keep
	Alpha      bool   `json:"alpha,omitempty"`
}

// Source gives the facts that resolving a request needs.
func (i Image) Source() iiifurl.Source {
	return iiifurl.Source{Width: i.Width, Height: i.Height, Gray: i.Gray}
}

// Job asks for one rendering of one version of one image.
type Job struct {
	ID          string           `json:"id"`
	Version     string           `json:"version"`
	Render      iiifurl.Resolved `json:"render"`
	JPEGQuality int              `json:"jpegQuality"`
}

// Key names a result. It never contains a user: who may see it is decided before
// a key is made (architecture, invariants 1 and 5).
type Key struct {
	ID, Version, Canonical string
}

// Key returns the name under which the job's result is joined and cached.
func (j Job) Key() Key {
	canonical := j.Render.Key()
	if j.Render.Format == "jpg" || j.Render.Format == "webp" || j.Render.Format == "avif" || j.Render.Format == "jp2" {
		canonical = fmt.Sprintf("%s?q=%d", canonical, j.JPEGQuality)
	}
	return Key{ID: j.ID, Version: j.Version, Canonical: canonical}
}

// Hash is a short, collision-resistant, file- and header-safe form of the key.
func (k Key) Hash() string {
	sum := sha256.Sum256([]byte(k.ID + "\x00" + k.Version + "\x00" + k.Canonical))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// Where a result was found: the values of X-Tessera-Cache that a worker can give.
const (
	FromMiss   = "miss"   // rendered for this request
	FromWorker = "worker" // the worker's own result cache, or joined to an equal job there
	FromStore  = "store"  // the shared store of results
)

// Timing is where a job's time went.
type Timing struct {
	Queue  time.Duration `json:"queue,omitempty"`
	Fetch  time.Duration `json:"fetch,omitempty"`
	Decode time.Duration `json:"decode,omitempty"`
	Encode time.Duration `json:"encode,omitempty"`
}

// Result is a rendered image. The caller closes Body. Size is exact: a Body that
// ends before Size bytes ends with an error, never with io.EOF.
type Result struct {
	Type   string // media type
	Size   int64
	Body   io.ReadCloser
	Cache  string
	Worker string
	Timing Timing
	// Damaged says that the file is, and that this is what could be decoded of it: not to
	// be kept anywhere.
	Damaged bool
}

// Document is a stored IIIF JSON document, e.g. a manifest.
type Document struct {
	Body    []byte
	Version string
}

// Query asks for a page of the images whose identifier begins with Prefix.
type Query struct {
	Prefix string `json:"prefix,omitempty"`
	After  string `json:"after,omitempty"` // identifier after which the page begins
	Limit  int    `json:"limit,omitempty"` // 1 to 1000; 0 stands for 100
}

// Entry is one image of a listing.
type Entry struct {
	ID     string `json:"id"`
	Format Format `json:"format"`
	Bytes  int64  `json:"bytes"`
}

// Listing is a page of entries in ascending order of identifier.
type Listing struct {
	Items []Entry `json:"items"`
	Next  string  `json:"next,omitempty"` // Query.After of the next page; empty at the end
}

// Renderer makes pixels. Errors are *Error (see CodeOf) or the context's own.
// Safe for concurrent use; work stops when ctx ends.
type Renderer interface {
	// Info describes the current version of an image.
	Info(ctx context.Context, id string) (Image, error)
	// Render answers Changed when job.Version is no longer the current one.
	Render(ctx context.Context, job Job) (Result, error)
}

// Library is what can be read besides pixels. Same contract as Renderer.
type Library interface {
	Manifest(ctx context.Context, path string) (Document, error)
	List(ctx context.Context, q Query) (Listing, error)
}

// Capabilities is what one worker can do, as it tells itself.
type Capabilities struct {
	Worker  string   `json:"worker"`
	Formats []string `json:"formats"` // output formats: keys of MediaTypes
}

// Capable is a worker that can be asked what it can do. Same contract as Renderer.
type Capable interface {
	Capabilities(ctx context.Context) (Capabilities, error)
}
