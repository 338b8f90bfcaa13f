package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

func withCopies(t testing.TB, maxBytes int64) func(*Config) {
	t.Helper()
	copies, err := OpenCopies(t.TempDir(), maxBytes, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := copies.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(c *Config) { c.Copies = copies }
}

// onDisk is what the copies really take.
func (c *Copies) onDisk(t testing.TB) (bytes int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Sys().(*syscall.Stat_t).Blocks * 512
	}
	return bytes
}

// The bound holds whatever is read, those least recently read go, and what is being
// read stays.
func TestCopiesAreBounded(t *testing.T) {
	const each, limit = 1 << 20, 4 << 20
	p := newPlace(t, withCopies(t, limit))
	held := p.open(t, "held.jp2", noise(99, each))
	file, err := held.Local()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		b := p.open(t, fmt.Sprintf("%d.jp2", i), noise(uint64(i), each))
		if _, err := b.Local(); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if s := p.copies.Stats(); s.Bytes > limit || p.copies.onDisk(t) > limit || s.Objects > limit/each {
			t.Fatalf("after %d: %+v, %d on disk", i, s, p.copies.onDisk(t))
		}
	}
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, noise(99, each)) {
		t.Errorf("what was being read: %d bytes, %v", len(got), err)
	}
	before := p.Stats().Requests
	read := func(key string) int64 {
		b := p.reopen(t, key)
		defer b.Close()
		if _, err := b.ReadAt(make([]byte, 1), 0); err != nil {
			t.Fatal(err)
		}
		n := p.Stats().Requests - before
		before += n
		return n
	}
	p.Forget("") // no more than the findings
	for key, want := range map[string]int64{"11.jp2": 0, "held.jp2": 0, "0.jp2": 1} {
		if n := read(key); n != want {
			t.Errorf("%s: %d requests; want %d", key, n, want)
		}
	}
}

// Where all room is taken by what is being read, small reads go on without being
// kept, and a whole object is refused, not for good.
func TestCopiesFullOfWhatIsRead(t *testing.T) {
	p := newPlace(t, withCopies(t, 1<<20))
	held := p.open(t, "held.jp2", noise(1, 1<<20-blockBytes))
	if _, err := held.Local(); err != nil {
		t.Fatal(err)
	}
	body := noise(2, 300_000)
	b := p.open(t, "b.jp2", body)
	got := make([]byte, len(body))
	if _, err := b.ReadAt(got, 0); err != nil || !bytes.Equal(got, body) {
		t.Errorf("small reads: %v", err)
	}
	if r, err := b.Fetch([]store.Range{{Offset: 5, Length: 200_000}}); err != nil {
		t.Error(err)
	} else if _, err := r.ReadAt(got[:200_000], 5); err != nil || !bytes.Equal(got[:200_000], body[5:200_005]) {
		t.Errorf("ranges: %v", err)
	}
	_, err := b.Local()
	wantCode(t, err, tile.Unavailable)
	if !errors.Is(err, errNoRoom) {
		t.Error(err)
	}
	large := p.open(t, "large.jp2", noise(3, 1<<20+1))
	_, err = large.Local()
	wantCode(t, err, tile.Unsupported)

	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Local(); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}

// A full disk costs requests, and refuses what has to be whole.
func TestFullDisk(t *testing.T) {
	var lines bytes.Buffer
	p := newPlace(t)
	p.copies.log = logTo(&lines)
	body := noise(1, 200_000)
	b := p.open(t, "a.jp2", body)
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.(*blob).copy.file = full
	b.(*blob).copy.path = filepath.Join(t.TempDir(), "gone")
	_ = os.WriteFile(b.(*blob).copy.path, nil, 0o600)
	got := make([]byte, len(body))
	if _, err := b.ReadAt(got, 0); err != nil || !bytes.Equal(got, body) {
		t.Errorf("small reads: %v", err)
	}
	_, err = b.Local()
	wantCode(t, err, tile.Unavailable)
	if s := p.copies.Stats(); s.Bytes != 0 {
		t.Errorf("%d bytes accounted for that are not there", s.Bytes)
	}
	if n := strings.Count(lines.String(), "no space left on device"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, lines.String())
	}
}

// Bytes that changed on disk are asked for again.
func TestDamagedBlocksAreReadAgain(t *testing.T) {
	p := newPlace(t)
	body := noise(1, 200_000)
	b := p.open(t, "a.jp2", body)
	got := make([]byte, len(body))
	if _, err := b.ReadAt(got, 0); err != nil {
		t.Fatal(err)
	}
	path := b.(*blob).copy.path
	for _, damage := range []func() error{
		func() error { return os.Truncate(path, 10_000) },
		func() error { return os.WriteFile(path, make([]byte, len(body)), 0o600) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		clear(got)
		if _, err := b.ReadAt(got, 0); err != nil || !bytes.Equal(got, body) {
			t.Errorf("other bytes, %v", err)
		}
		if r, err := b.Fetch([]store.Range{{Length: int64(len(body))}}); err != nil {
			t.Error(err)
		} else if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, body) {
			t.Errorf("other bytes in ranges, %v", err)
		}
	}
	if s := p.copies.Stats(); s.Bytes != int64(len(body)) {
		t.Errorf("%d bytes accounted for; want %d", s.Bytes, len(body))
	}
}

func TestOpenCopiesNamesTheFix(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenCopies(dir, 1<<20, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCopies(dir, 1<<20, quiet); err == nil || !strings.Contains(err.Error(), "a folder of its own") {
		t.Errorf("twice: %v", err)
	}
	left := filepath.Join(first.dir, "left")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = first.lock.Close() // as after a crash
	again, err := OpenCopies(dir, 1<<20, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what a crash left is still there: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	_ = os.WriteFile(file, nil, 0o600)
	if _, err := OpenCopies(file, 1<<20, quiet); err == nil || !strings.Contains(err.Error(), "can write") {
		t.Errorf("a file: %v", err)
	}
}
