package store

import (
	"io"
	"io/fs"
	"os"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// file is a Blob in a folder.
type file struct {
	*os.File
	opened fs.FileInfo
}

// watched takes f over.
func watched(f *os.File) (Blob, error) {
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, tile.Fail(tile.Internal, "", err)
	}
	return file{f, info}, nil
}

// Fetch implements Blob.
func (f file) Fetch([]Range) (io.ReaderAt, error) { return f.File, nil }

// Local implements Blob.
func (f file) Local() (*os.File, error) { return f.File, nil }

// Same implements Blob. Being renamed or deleted does not count: the bytes are the same.
func (f file) Same() bool {
	now, err := f.Stat()
	return err == nil && now.Size() == f.opened.Size() && now.ModTime().Equal(f.opened.ModTime())
}
