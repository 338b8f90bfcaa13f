package store

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// rebuild tells the index what earlier processes left, with the time of last use as
// far as the file system kept it.
func (r *Results) rebuild(ctx context.Context) {
	began := r.now()
	for d, err := range r.records() {
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.log.Error("cannot read the result cache", "dir", r.dir, "error", err)
			return
		}
		if info, err := os.Lstat(d.path(r.dir)); err == nil && info.Mode().IsRegular() {
			r.removeAll(r.index.touch(d, blocks(info.Size()), lastUse(info)))
		}
	}
	entries, used := r.index.size()
	r.log.Info("result cache indexed", "dir", r.dir, "entries", entries, "bytes", used, "took", r.now().Sub(began))
}

// lastUse is the time of last access where it is kept (relatime: once a day).
func lastUse(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if atime := time.Unix(st.Atim.Unix()); atime.After(info.ModTime()) {
			return atime
		}
	}
	return info.ModTime()
}

// Purge deletes every result whose image's identifier matches, and every damaged
// one, and returns how many. It goes on after an error and returns the first.
func (r *Results) Purge(matches func(id string) bool) (int, error) {
	purged := 0
	var first error
	for d, err := range r.records() {
		var gone bool
		if err == nil {
			gone, err = r.purge(d, matches)
		}
		if gone {
			purged++
		}
		if err != nil && first == nil {
			first = err
		}
	}
	return purged, first
}

func (r *Results) purge(d digest, matches func(id string) bool) (bool, error) {
	f, err := os.Open(d.path(r.dir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	h, err := readHeader(f)
	if err != nil && !errors.Is(err, errDamaged) {
		return false, err
	}
	if err == nil && !matches(h.key.ID) {
		return false, nil
	}
	r.index.drop(d)
	if err := os.Remove(d.path(r.dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, nil
}

// records walks the folder and yields each record by its name, holding the names of
// one of its 64 folders at a time.
func (r *Results) records() iter.Seq2[digest, error] {
	return func(yield func(digest, error) bool) {
		entries, err := os.ReadDir(r.dir)
		if err != nil {
			yield(digest{}, err)
			return
		}
		for _, e := range entries {
			if len(e.Name()) == 1 && e.IsDir() && !recordsIn(filepath.Join(r.dir, e.Name()), yield) {
				return
			}
		}
	}
}

func recordsIn(dir string, yield func(digest, error) bool) bool {
	f, err := os.Open(dir)
	if err != nil {
		return yield(digest{}, err)
	}
	names, err := f.Readdirnames(-1)
	_ = f.Close()
	if err != nil {
		return yield(digest{}, err)
	}
	for _, name := range names {
		if d, ok := parseDigest(name); ok && !yield(d, nil) {
			return false
		}
	}
	return true
}
