package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// Dir is a folder as a Source. All access goes through os.Root, so that no
// identifier and no symbolic link leads out of the folder; links that stay inside
// are followed. Only regular files are served.
type Dir struct {
	root *os.Root
	log  *slog.Logger
	// Strangers cause these lines, so they must not be able to flood the log.
	complain rate.Sometimes
}

// OpenDir opens the folder root. The error says what to do about it.
func OpenDir(root string, log *slog.Logger) (*Dir, error) {
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("folder %q does not exist: create it, or name the folder that holds the files", root)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("folder %q cannot be reached by user %d: give that user search permission (x) on every folder above it", root, os.Getuid())
	case err != nil:
		return nil, fmt.Errorf("folder %q: %w", root, err)
	case !info.IsDir():
		return nil, fmt.Errorf("%q is a file, not a folder: name the folder that holds it", root)
	}
	return openReadable(root, log)
}

func openReadable(root string, log *slog.Logger) (*Dir, error) {
	r, err := os.OpenRoot(root)
	if err == nil {
		if err = errors.Join(probe(r), probeCase(inFolder{r, ""})); err == nil {
			return &Dir{root: r, log: log, complain: rate.Sometimes{First: 10, Interval: time.Second}}, nil
		}
		_ = r.Close()
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("folder %q cannot be read by user %d: give that user read and search permission (rx) on it", root, os.Getuid())
	}
	return nil, fmt.Errorf("folder %q: %w", root, err)
}

// probe reads one entry and looks at it: the first needs read permission, the
// second search permission.
func probe(r *os.Root) error {
	f, err := r.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for _, name := range names {
		if _, err := r.Lstat(name); errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// Close releases the folder. Files already opened stay usable.
func (d *Dir) Close() error { return d.root.Close() }

// Open implements Source. Version and file are one: both come from the descriptor
// that is returned.
func (d *Dir) Open(ctx context.Context, o Object) (Blob, error) {
	f, now, err := d.open(ctx, o.Key)
	if tile.CodeOf(err) == tile.NotFound {
		return nil, tile.Fail(tile.Changed, "", err)
	}
	if err != nil {
		return nil, err
	}
	if now.Version != o.Version {
		_ = f.Close()
		return nil, tile.Fail(tile.Changed, "", nil)
	}
	return watched(f)
}

// open opens a regular file and tells its version from the descriptor.
func (d *Dir) open(ctx context.Context, key string) (*os.File, Object, error) {
	if err := check(ctx, key); err != nil {
		return nil, Object{}, err
	}
	// O_NONBLOCK: a pipe put in a file's place must not hold the caller.
	f, err := d.root.OpenFile(key, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, Object{}, d.failure(key, err)
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		return f, object(key, info), nil
	}
	_ = f.Close()
	if err != nil {
		return nil, Object{}, d.failure(key, err)
	}
	return nil, Object{}, notFound(errNotRegular)
}

// Read implements Source.
func (d *Dir) Read(ctx context.Context, key string, limit int64) ([]byte, string, error) {
	f, o, err := d.open(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = f.Close() }()
	if err := d.tellsApart(inFolder{d.root, path.Dir(key)}, key); err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, "", d.failure(key, err)
	}
	if int64(len(body)) > limit {
		return nil, "", tile.Fail(tile.Broken, fmt.Sprintf("the document is larger than %d bytes", limit), nil)
	}
	// Somebody may have been writing: the version must fit the bytes.
	info, err := f.Stat()
	if err != nil {
		return nil, "", d.failure(key, err)
	}
	if versionOf(info) != o.Version {
		return nil, "", tile.Fail(tile.Changed, "the document is being changed", nil)
	}
	return body, o.Version, nil
}

func object(key string, info fs.FileInfo) Object {
	return Object{Key: key, Version: versionOf(info), Size: info.Size()}
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckKey(key); err != nil {
		return notFound(err)
	}
	return nil
}

var errNotRegular = errors.New("not a regular file")

func notFound(cause error) error { return tile.Fail(tile.NotFound, "", cause) }

// failure tells a name that leads nowhere from a folder that does not work.
func (d *Dir) failure(key string, err error) error {
	if leadsNowhere(err) {
		return notFound(err)
	}
	d.complain.Do(func() {
		d.log.Error("cannot read from the folder", "key", key, "error", err)
	})
	return tile.Fail(tile.Internal, "", err)
}

// leadsNowhere: what os.Root itself refuses carries no errno.
func leadsNowhere(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return !errors.Is(err, fs.ErrClosed)
	}
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ENXIO, syscall.EISDIR:
		return true
	}
	return false
}
