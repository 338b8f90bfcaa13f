package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

func openResults(t testing.TB, dir string, limit int64) *Results {
	t.Helper()
	r, err := OpenResults(dir, limit, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r.indexing.Wait()
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func key(i int) tile.Key {
	return tile.Key{ID: fmt.Sprintf("maps/%d", i), Version: "v1", Canonical: "full/max/0/default.jpg"}
}

// content is different for each i.
func content(i, size int) []byte {
	b := bytes.Repeat([]byte(fmt.Sprintf("%d,", i)), size/2+1)
	return b[:size]
}

func put(t testing.TB, r *Results, i, size int) {
	t.Helper()
	if err := r.Put(t.Context(), key(i), "image/jpeg", bytes.NewReader(content(i, size)), int64(size)); err != nil {
		t.Fatalf("Put(%d, %d bytes) = %v", i, size, err)
	}
}

// get returns nil for a miss.
func get(t testing.TB, r *Results, i int) []byte {
	t.Helper()
	res, ok := r.Get(t.Context(), key(i))
	if !ok {
		return nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || int64(len(b)) != res.Size || res.Type != "image/jpeg" || res.Cache != tile.FromWorker {
		t.Fatalf("Get(%d): %d bytes of %d, %q, %q, %v", i, len(b), res.Size, res.Type, res.Cache, err)
	}
	return b
}

func wantHit(t testing.TB, r *Results, i, size int) {
	t.Helper()
	if got := get(t, r, i); !bytes.Equal(got, content(i, size)) {
		t.Errorf("Get(%d): %d bytes; want the %d that were put", i, len(got), size)
	}
}

func wantMiss(t testing.TB, r *Results, i int) {
	t.Helper()
	if got := get(t, r, i); got != nil {
		t.Errorf("Get(%d): %d bytes; want a miss", i, len(got))
	}
}

// onDisk sums what the records really take, and counts them.
func onDisk(t testing.TB, dir string) (files int, used int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "lock" {
			return err
		}
		info, err := e.Info()
		if err == nil {
			files++
			used += int64(blocks(info.Size())) * blockSize
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, used
}

var sizes = []int{0, 1, 4000, 4096, 70_000, smallBody - 300, smallBody, smallBody + 1}

func TestResultsRoundTripAndRestart(t *testing.T) {
	dir := t.TempDir()
	r := openResults(t, dir, 1<<30)
	for i, size := range sizes {
		wantMiss(t, r, i)
		put(t, r, i, size)
		wantHit(t, r, i, size)
	}
	before := r.Stats()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = openResults(t, dir, 1<<30)
	if after := r.Stats(); after != before || after.Entries != len(sizes) {
		t.Errorf("after a restart %+v; before %+v", after, before)
	}
	for i, size := range sizes {
		wantHit(t, r, i, size)
	}
	put(t, r, 1, 5000)
	wantHit(t, r, 1, 5000)
	if files, used := onDisk(t, dir); files != len(sizes) || used != r.Stats().Bytes {
		t.Errorf("%d files, %d bytes on disk; accounted %+v", files, used, r.Stats())
	}
}

// A reader of a large result keeps it while it is replaced, evicted or purged.
func TestResultsReaderKeepsItsFile(t *testing.T) {
	r := openResults(t, t.TempDir(), 1<<30)
	put(t, r, 1, smallBody+100_000)
	res, ok := r.Get(t.Context(), key(1))
	if !ok {
		t.Fatal("miss")
	}
	if n, err := r.Purge(func(string) bool { return true }); n != 1 || err != nil {
		t.Fatalf("Purge = %d, %v", n, err)
	}
	b, err := io.ReadAll(iotest.HalfReader(res.Body))
	if err != nil || !bytes.Equal(b, content(1, smallBody+100_000)) {
		t.Errorf("read %d bytes, %v", len(b), err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
}

func TestResultsUnfinishedWritesGoAtStart(t *testing.T) {
	dir := t.TempDir()
	r := openResults(t, dir, 1<<20)
	left := filepath.Join(r.unfinished(), "left")
	if err := os.WriteFile(left, content(1, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	openResults(t, dir, 1<<20)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unfinished file after start: %v", err)
	}
}

func TestResultsEvictsTheLeastRecentlyUsed(t *testing.T) {
	const each, limit = 10_000, 300 * 3 * blockSize
	dir := t.TempDir()
	r := openResults(t, dir, limit)
	clock := time.Unix(1_000_000, 0)
	r.now = func() time.Time { clock = clock.Add(time.Second); return clock }
	for i := range 300 {
		put(t, r, i, each)
	}
	if s := r.Stats(); s.Entries != 300 || s.Bytes != limit {
		t.Fatalf("full cache: %+v", s)
	}
	for i := range 100 { // the oldest are used again
		wantHit(t, r, i, each)
	}
	for i := 300; i < 400; i++ {
		put(t, r, i, each)
	}
	if files, used := onDisk(t, dir); files != 300 || used != limit {
		t.Errorf("%d files, %d bytes; want 300, %d", files, used, limit)
	}
	kept := 0
	for i := range 100 {
		if get(t, r, i) != nil {
			kept++
		}
	}
	// Blind eviction would keep 71 of them.
	if kept < 95 {
		t.Errorf("%d of the 100 results used last are left", kept)
	}
}

func TestResultsShrinksToASmallerBound(t *testing.T) {
	dir := t.TempDir()
	r := openResults(t, dir, 1<<20)
	for i := range 100 {
		put(t, r, i, 4000)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = openResults(t, dir, 40*blockSize)
	if files, used := onDisk(t, dir); files != 40 || used != r.Stats().Bytes || r.Stats().Entries != 40 {
		t.Errorf("%d files, %d bytes, %+v", files, used, r.Stats())
	}
}

func TestResultsRefusesWhatIsTooLarge(t *testing.T) {
	dir := t.TempDir()
	r := openResults(t, dir, 100_000)
	put(t, r, 1, 9_900)
	long := tile.Key{ID: strings.Repeat("x", 5000)}
	for _, c := range []struct {
		key  tile.Key
		size int64
	}{{key(2), 10_000}, {key(2), 1 << 40}, {key(2), -1}, {long, 10}} {
		err := r.Put(t.Context(), c.key, "image/png", bytes.NewReader(make([]byte, 10_000)), c.size)
		if !errors.Is(err, ErrNotStored) {
			t.Errorf("Put of %d bytes = %v", c.size, err)
		}
	}
	if err := r.Put(t.Context(), key(3), "image/png", strings.NewReader("short"), 6); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Put of a short body = %v", err)
	}
	if err := r.Put(t.Context(), key(3), "image/png", iotest.ErrReader(io.ErrNoProgress), 6); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Put of a failing body = %v", err)
	}
	if files, used := onDisk(t, dir); files != 1 || used != r.Stats().Bytes {
		t.Errorf("%d files, %d bytes; accounted %+v", files, used, r.Stats())
	}
}

func TestResultsOnAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var lines bytes.Buffer
	dir := t.TempDir()
	r, err := OpenResults(dir, 1<<20, slog.New(slog.NewTextHandler(&lines, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.indexing.Wait()
	put(t, r, 1, 1000)
	r.sink = func(*os.File) io.Writer { return full }
	for i := range 50 {
		if err := r.Put(t.Context(), key(2+i), "image/png", bytes.NewReader(content(2, 1000)), 1000); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Put on a full disk = %v", err)
		}
		wantHit(t, r, 1, 1000)
		wantMiss(t, r, 2+i)
	}
	if n := strings.Count(lines.String(), "cannot write to the result cache"); n != 1 {
		t.Errorf("%d lines about the full disk; want 1", n)
	}
	if files, used := onDisk(t, dir); files != 1 || used != r.Stats().Bytes {
		t.Errorf("%d files, %d bytes; accounted %+v", files, used, r.Stats())
	}
	r.sink = func(f *os.File) io.Writer { return f }
	put(t, r, 2, 1000)
	wantHit(t, r, 2, 1000)
}

func TestResultsPurge(t *testing.T) {
	dir := t.TempDir()
	r := openResults(t, dir, 1<<20)
	for i := range 50 {
		put(t, r, i, 100)
	}
	n, err := r.Purge(func(id string) bool { return strings.HasPrefix(id, "maps/1") })
	if n != 11 || err != nil {
		t.Errorf("Purge = %d, %v; want 11", n, err)
	}
	for i := range 50 {
		if strings.HasPrefix(key(i).ID, "maps/1") {
			wantMiss(t, r, i)
		} else {
			wantHit(t, r, i, 100)
		}
	}
	if files, used := onDisk(t, dir); files != 39 || used != r.Stats().Bytes {
		t.Errorf("%d files, %d bytes; accounted %+v", files, used, r.Stats())
	}
}

func TestOpenResultsNamesTheFix(t *testing.T) {
	dir := t.TempDir()
	openResults(t, dir, 1<<20)
	file := filepath.Join(dir, "lock")
	for _, c := range []struct {
		dir   string
		limit int64
		want  string
	}{{dir, 1 << 20, "another process"}, {filepath.Join(file, "x"), 1 << 20, "name a folder"}, {t.TempDir(), 0, "positive"}} {
		if r, err := OpenResults(c.dir, c.limit, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("OpenResults(%q, %d) = %v, %v; want %q", c.dir, c.limit, r, err, c.want)
		}
	}
}

// Readers, writers, evictions and purges at once: what is read is whole and right,
// and in the end the accounts balance.
func TestResultsConcurrently(t *testing.T) {
	dir := t.TempDir()
	r := openResults(t, dir, 200*blockSize)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 150 {
				switch i := rand.IntN(300); rand.IntN(40) {
				case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15:
					if err := r.Put(t.Context(), key(i), "image/jpeg", bytes.NewReader(content(i, 3000+i)), int64(3000+i)); err != nil {
						t.Error(err)
					}
				case 16:
					if _, err := r.Purge(func(id string) bool { return id == key(i).ID }); err != nil {
						t.Error(err)
					}
				default:
					if got := get(t, r, i); got != nil && !bytes.Equal(got, content(i, 3000+i)) {
						t.Errorf("Get(%d) = %d other bytes", i, len(got))
					}
				}
			}
		})
	}
	group.Wait()
	s := r.Stats()
	if files, used := onDisk(t, dir); files == 0 || files > s.Entries || used > s.Bytes || s.Bytes > s.MaxBytes {
		t.Errorf("%d files, %d bytes; accounted %+v", files, used, s)
	}
}

func FuzzDecodeHeader(f *testing.F) {
	b, err := encodeHeader(key(1), "image/jpeg", 12345)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:23])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHeader(b)
		if err != nil {
			return
		}
		again, err := encodeHeader(h.key, h.media, h.size)
		if err != nil || !bytes.Equal(again, b[:h.length]) {
			t.Fatalf("%q decodes to %+v, which encodes to %q, %v", b, h, again, err)
		}
	})
}

func BenchmarkResults(b *testing.B) {
	r := openResults(b, b.TempDir(), 1<<30)
	const size = 20_000
	body := content(1, size)
	for i := range 1000 {
		put(b, r, i, size)
	}
	b.Run("get", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if res, ok := r.Get(b.Context(), key(i%1000)); !ok || res.Size != size {
				b.Fatal("miss")
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			r.Get(b.Context(), key(-i-1))
		}
	})
	b.Run("put", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if err := r.Put(b.Context(), key(1000+i), "image/jpeg", bytes.NewReader(body), size); err != nil {
				b.Fatal(err)
			}
		}
	})
}
