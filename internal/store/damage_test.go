package store

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestResultsTornFilesAreMisses(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"empty":          func([]byte) []byte { return nil },
		"magic":          func(b []byte) []byte { b[0]++; return b },
		"header":         func(b []byte) []byte { b[30]++; return b },
		"header length":  func(b []byte) []byte { b[17] = 0xFF; return b },
		"size":           func(b []byte) []byte { b[8]++; return b },
		"half a header":  func(b []byte) []byte { return b[:20] },
		"no body":        func(b []byte) []byte { return b[:80] },
		"half a body":    func(b []byte) []byte { return b[:len(b)/2] },
		"zeros at end":   func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"flipped bit":    func(b []byte) []byte { b[len(b)-100] ^= 1; return b },
		"trailer":        func(b []byte) []byte { b[len(b)-1]++; return b },
		"no trailer":     func(b []byte) []byte { return b[:len(b)-4] },
		"something more": func(b []byte) []byte { return append(b, 0) },
	} {
		t.Run(name, func(t *testing.T) { damaged(t, 1000, damage) })
	}
}

// The body of a large result is not read before it is given out.
func TestResultsTornLargeFiles(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"header":      func(b []byte) []byte { b[30]++; return b },
		"half a body": func(b []byte) []byte { return b[:len(b)/2] },
		"flipped bit": func(b []byte) []byte { b[len(b)-100] ^= 1; return b },
		"trailer":     func(b []byte) []byte { b[len(b)-1]++; return b },
	} {
		t.Run(name, func(t *testing.T) { damaged(t, smallBody+1, damage) })
	}
}

func damaged(t *testing.T, size int, damage func([]byte) []byte) {
	dir := t.TempDir()
	r := openResults(t, dir, 1<<30)
	put(t, r, 1, size)
	path := digestOf(key(1)).path(dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, damage(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if res, ok := r.Get(t.Context(), key(1)); ok {
		// Found out while streaming: an error before the last byte.
		n, err := io.Copy(io.Discard, res.Body)
		if err == nil || n >= res.Size || size <= smallBody {
			t.Errorf("read %d of %d bytes, %v", n, res.Size, err)
		}
		if _, again := res.Body.Read(make([]byte, 1)); again == nil || again == io.EOF {
			t.Errorf("after the error: %v", again)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if files, _ := onDisk(t, dir); files != 0 || r.Stats().Entries != 0 || r.Stats().Bytes != 0 {
		t.Errorf("%d files left, %+v", files, r.Stats())
	}
	put(t, r, 1, size)
	wantHit(t, r, 1, size)
}

// A file under the name of another key (a collision, a case-insensitive disk) is
// nobody's result.
func TestResultsOtherKey(t *testing.T) {
	dir := t.TempDir()
	r := openResults(t, dir, 1<<20)
	put(t, r, 1, 1000)
	to := digestOf(key(2)).path(dir)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(digestOf(key(1)).path(dir), to); err != nil {
		t.Fatal(err)
	}
	wantMiss(t, r, 2)
	wantMiss(t, r, 1)
}
