// Package store keeps bytes: the tree of source images and documents that a
// worker reads, and the bounded cache of results that it writes.
package store

import (
	"context"
	"io"
	"os"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// Object is one version of one stored image or document.
type Object struct {
	Key     string // path below the root, with file extension
	Version string // opaque and strong: another version means other bytes may be there
	Size    int64  // bytes
}

// Source is a tree of source objects. Implementations pass storetest.TestSource.
//
// Identifiers and keys are slash-separated, relative, valid UTF-8 and case-sensitive
// (see CheckKey); whatever else is asked for is tile.NotFound, as is everything
// hidden (a segment that begins with a dot). Errors are *tile.Error or the
// context's own. Safe for concurrent use.
type Source interface {
	// Find looks an image up by its identifier: its key, or its key without the
	// registered extension (see tile.Extensions) when that extension is all lower
	// or all upper case. An identifier that ends in a registered extension stands
	// for that very object and no other. tile.NotFound also when several objects
	// differ by extension only and none was given.
	Find(ctx context.Context, id string) (Object, error)

	// Open opens the very version that o names for reading, else tile.Changed, which a
	// source may also leave to the first read. ctx governs the blob until it is closed.
	Open(ctx context.Context, o Object) (Blob, error)

	// List pages through the images whose identifier begins with q.Prefix, in
	// ascending order by path segment: "a", "a/b", "a-b", although "-" sorts before
	// "/". An entry's ID is the shortest identifier that Find knows it by.
	List(ctx context.Context, q tile.Query) (tile.Listing, error)

	// Read returns a small document, by its whole key, and its version; tile.Broken
	// when it has more than limit bytes.
	Read(ctx context.Context, key string, limit int64) ([]byte, string, error)
}

// Range is a run of bytes of an object.
type Range struct{ Offset, Length int64 }

// Blob is one version of an object, open for reading. Bytes of another version are
// never given out, but for those of a file that is written to in place: Same tells.
// Errors are *tile.Error, the context's own, or io.EOF. Safe for concurrent use.
type Blob interface {
	io.ReaderAt // for headers and other small reads here and there
	io.Closer

	// Fetch reads the ranges, side by side where that is quicker, and gives them at
	// their offsets in the object. Reading anything else of the result is an error or
	// slow. The result is good until Close.
	Fetch(ranges []Range) (io.ReaderAt, error)

	// Local gives the whole object as a local file, which may have to be copied first.
	// It is good until Close.
	Local() (*os.File, error)

	// Same tells whether all that was read so far is of one version.
	Same() bool
}
