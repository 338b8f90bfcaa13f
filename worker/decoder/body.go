package decoder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// readBody takes the raw bytes of a reply over, large ones to a file without a name, so
// that the child is free for its next task. A *tile.Error says that the fault is not the
// child's.
func readBody(r io.Reader, size int64, cfg Config) (io.ReadCloser, error) {
	switch {
	case size == 0:
		return nil, nil
	case size > cfg.MaxOutput:
		return nil, tile.Fail(tile.Invalid, "The picture is too large: ask for a smaller size.",
			fmt.Errorf("reply of %d bytes, at most %d", size, cfg.MaxOutput))
	case size > MemoryBody:
		return spool(r, size, cfg.TempDir)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("reply cut short: %w", err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func spool(r io.Reader, size int64, dir string) (io.ReadCloser, error) {
	f, err := nameless(dir)
	if err != nil {
		return nil, noSpool(err)
	}
	if _, err = io.CopyN(f, r, size); err == nil {
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			return f, nil
		}
	}
	_ = f.Close()
	var path *fs.PathError // the file's own errors are of this type, the socket's are not
	if errors.As(err, &path) {
		return nil, noSpool(err)
	}
	return nil, fmt.Errorf("reply cut short: %w", err)
}

func nameless(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "tessera-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func noSpool(cause error) error {
	return tile.Fail(tile.Internal, "The server has no room for this picture.", cause)
}
