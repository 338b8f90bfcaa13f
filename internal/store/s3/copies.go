package s3

import (
	"container/list"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

// maxIdle bounds the copies that nobody reads, and with them open files.
const maxIdle = 512

// Copies keeps on local disk what was read of objects, in a sparse file for each
// version, bounded by bytes. Memory for it is the kernel's page cache, over the very
// file that a decoder may be given. Those least recently read go first; what is being
// read never goes. A block counts only if its checksum, held in memory, fits: nothing
// outlives the process.
type Copies struct {
	dir   string
	limit int64
	lock  *os.File
	log   *slog.Logger

	mu        sync.Mutex
	byVersion map[string]*localCopy
	idle      *list.List // of *localCopy, least recently read first
	used      int64      // bytes kept, and reserved
	made      int        // files so far
	complain  rate.Sometimes
}

// CopiesStats says how full the folder is.
type CopiesStats struct {
	Objects  int
	Bytes    int64
	MaxBytes int64
}

// OpenCopies takes dir, which then belongs to it alone, and empties it. The error
// says what to do about it.
func OpenCopies(dir string, maxBytes int64, log *slog.Logger) (*Copies, error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	c := &Copies{
		dir: filepath.Join(dir, "parts"), limit: maxBytes, lock: lock, log: log,
		byVersion: map[string]*localCopy{}, idle: list.New(), complain: rate.Sometimes{Interval: time.Minute},
	}
	err = os.RemoveAll(c.dir)
	if err == nil {
		err = os.Mkdir(c.dir, 0o700)
	}
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("local copies: %w: name a folder that user %d can write", err, os.Getuid())
	}
	return c, nil
}

// lockFolder makes the folder and keeps other processes out of it.
func lockFolder(dir string) (*os.File, error) {
	err := os.MkdirAll(dir, 0o700)
	var lock *os.File
	if err == nil {
		lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("local copies: %w: name a folder that user %d can write", err, os.Getuid())
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("local copies %q are in use by another process: give each process a folder of its own", dir)
	}
	return lock, nil
}

// Close deletes all copies. The caller has closed all blobs before.
func (c *Copies) Close() error {
	c.mu.Lock()
	for _, l := range c.byVersion {
		c.drop(l)
	}
	c.mu.Unlock()
	return errors.Join(os.RemoveAll(c.dir), c.lock.Close())
}

// Stats says how full the folder is.
func (c *Copies) Stats() CopiesStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CopiesStats{Objects: len(c.byVersion), Bytes: c.used, MaxBytes: c.limit}
}

// acquire gives the copy of an object's version, which stays until it is released.
func (c *Copies) acquire(object string, size int64) *localCopy {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.byVersion[object]
	if l == nil {
		c.made++
		l = &localCopy{all: c, object: object, size: size, path: filepath.Join(c.dir, strconv.Itoa(c.made)), chunks: map[int64]*chunk{}}
		c.byVersion[object] = l
	}
	if l.place != nil {
		c.idle.Remove(l.place)
		l.place = nil
	}
	l.users++
	return l
}

func (c *Copies) release(l *localCopy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.users--; l.users > 0 {
		return
	}
	if c.byVersion[l.object] != l {
		return // all is closed
	}
	l.place = c.idle.PushBack(l)
	for c.idle.Len() > maxIdle {
		c.drop(c.idle.Front().Value.(*localCopy))
	}
}

// reserve makes room for n bytes, if there can be.
func (c *Copies) reserve(n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.used+n > c.limit && c.idle.Len() > 0 {
		c.drop(c.idle.Front().Value.(*localCopy))
	}
	if c.used+n > c.limit {
		return false
	}
	c.used += n
	return true
}

func (c *Copies) unreserve(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used -= n
}

// drop deletes a copy. Callers hold mu.
func (c *Copies) drop(l *localCopy) {
	if l.place != nil {
		c.idle.Remove(l.place)
		l.place = nil
	}
	delete(c.byVersion, l.object)
	c.used -= l.discard()
}

// failed tells the operator, now and then, that the disk does not do its part.
func (c *Copies) failed(err error) {
	c.complain.Do(func() {
		c.log.Error("cannot keep what was read from object storage: make room, or lower --object-cache-bytes", "dir", c.dir, "error", err)
	})
}
