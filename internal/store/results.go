package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// ErrNotStored is Put's answer to a result that the cache does not take: larger than
// a tenth of the whole cache, or with a key too long for a record.
var ErrNotStored = errors.New("not a result to store")

// Results is a cache of results in a folder, bounded by bytes on disk. Each result
// is one file that proves itself whole, so the cache survives crashes and restarts;
// entries never change, because keys contain the source's version. Safe for
// concurrent use by one process.
type Results struct {
	dir   string
	index *index
	log   *slog.Logger
	now   func() time.Time
	sink  func(*os.File) io.Writer // what a record is written through

	lock     *os.File
	stop     context.CancelFunc
	indexing sync.WaitGroup
	complain rate.Sometimes
}

// ResultsStats says how full a cache is.
type ResultsStats struct {
	Entries  int
	Bytes    int64 // on disk, in whole blocks
	MaxBytes int64
}

// OpenResults opens or makes the cache in dir, which then belongs to it alone, and
// finds out in the background what is there. The error says what to do about it.
func OpenResults(dir string, maxBytes int64, log *slog.Logger) (*Results, error) {
	if maxBytes <= 0 {
		return nil, fmt.Errorf("result cache of %d bytes: give it a positive size", maxBytes)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Results{
		dir: dir, index: newIndex(maxBytes), log: log, now: time.Now,
		sink: func(f *os.File) io.Writer { return f },
		lock: lock, stop: stop, complain: rate.Sometimes{Interval: time.Minute},
	}
	if err := r.clearUnfinished(); err != nil {
		_ = lock.Close()
		stop()
		return nil, fmt.Errorf("result cache %q: %w", dir, err)
	}
	r.indexing.Go(func() { r.rebuild(ctx) })
	return r, nil
}

// lockFolder makes the folder and keeps other processes out of it: two of them
// would each fill it to the bound.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("result cache: %w: name a folder that user %d can write", err, os.Getuid())
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("result cache: %w: name a folder that user %d can write", err, os.Getuid())
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("result cache %q is in use by another process: give each process a folder of its own", dir)
	}
	return lock, nil
}

// clearUnfinished deletes what a crash left half written.
func (r *Results) clearUnfinished() error {
	if err := os.RemoveAll(r.unfinished()); err != nil {
		return err
	}
	return os.Mkdir(r.unfinished(), 0o700)
}

func (r *Results) unfinished() string { return filepath.Join(r.dir, "unfinished") }

// Close ends the work in the background and lets other processes have the folder.
func (r *Results) Close() error {
	r.stop()
	r.indexing.Wait()
	return r.lock.Close()
}

// Stats may undercount until the folder has been walked after the start.
func (r *Results) Stats() ResultsStats {
	entries, used := r.index.size()
	return ResultsStats{Entries: entries, Bytes: used, MaxBytes: r.index.limit}
}

// Get returns the result stored under key. A damaged file is a miss and is deleted.
func (r *Results) Get(_ context.Context, key tile.Key) (tile.Result, bool) {
	d := digestOf(key)
	f, err := os.Open(d.path(r.dir))
	if err != nil {
		return tile.Result{}, false
	}
	res, size, err := read(f, key, func() { r.discard(d) })
	if errors.Is(err, errDamaged) {
		r.discard(d)
	}
	if err != nil {
		return tile.Result{}, false
	}
	r.removeAll(r.index.touch(d, blocks(size), r.now()))
	return res, true
}

var errOtherKey = errors.New("record of another key")

// read takes f over: it is closed, or Body closes it.
func read(f *os.File, key tile.Key, damaged func()) (res tile.Result, size int64, err error) {
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return res, 0, err
	}
	h, body, err := openRecord(f, info.Size(), damaged)
	if err != nil {
		return res, 0, err
	}
	if h.key != key {
		return res, 0, errOtherKey
	}
	return tile.Result{Type: h.media, Size: h.size, Body: body, Cache: tile.FromWorker}, info.Size(), nil
}

// Put stores size bytes of body as the result of key. It returns ErrNotStored for
// what the cache does not take; a full disk is logged once a minute.
func (r *Results) Put(_ context.Context, key tile.Key, media string, body io.Reader, size int64) error {
	header, err := encodeHeader(key, media, size)
	if err != nil {
		return err
	}
	total := int64(len(header)) + size + recordTrailer
	if size < 0 || total > r.index.limit/10 {
		return fmt.Errorf("result of %d bytes: %w", size, ErrNotStored)
	}
	room := blocks(total)
	r.removeAll(r.index.reserve(room))
	d := digestOf(key)
	if err := r.write(d, header, body, size); err != nil {
		r.index.release(room)
		r.complain.Do(func() { r.log.Error("cannot write to the result cache", "dir", r.dir, "error", err) })
		return err
	}
	r.index.commit(d, room, r.now())
	return nil
}

// write is atomic but not durable: after a power cut a record may be torn, which
// Get sees.
func (r *Results) write(d digest, header []byte, body io.Reader, size int64) error {
	f, err := os.CreateTemp(r.unfinished(), "")
	if err != nil {
		return err
	}
	err = writeRecord(r.sink(f), header, body, size)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = publish(f.Name(), d.path(r.dir))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func publish(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// discard deletes a record that is not whole.
func (r *Results) discard(d digest) {
	r.log.Warn("deleted a damaged result", "file", d.String())
	r.index.drop(d)
	r.removeAll([]digest{d})
}

// removeAll deletes files. A result that is just being written anew under the same
// name may go with it. As with every race here the index then knows one file too
// many, never one too few: the bound holds, and eviction clears the entry away.
func (r *Results) removeAll(victims []digest) {
	for _, d := range victims {
		if err := os.Remove(d.path(r.dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.complain.Do(func() { r.log.Error("cannot delete from the result cache", "dir", r.dir, "error", err) })
		}
	}
}
