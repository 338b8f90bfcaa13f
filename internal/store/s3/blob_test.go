package s3

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// noise is the same for the same seed, and different at every offset.
func noise(seed uint64, size int) []byte {
	b := make([]byte, (size+7)/8*8)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b[:size]
}

// open stores an object and opens it.
func (p *place) open(t testing.TB, key string, body []byte) store.Blob {
	t.Helper()
	p.put(t, key, string(body))
	p.Forget(key)
	return p.reopen(t, key)
}

func (p *place) reopen(t testing.TB, key string) store.Blob {
	t.Helper()
	o, err := p.Find(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func wantCode(t testing.TB, err error, code tile.Code) {
	t.Helper()
	if tile.CodeOf(err) != code {
		t.Errorf("error %v; want code %q", err, code)
	}
}

// sizes around the edges of blocks, chunks and requests.
var sizes = []int{0, 1, blockBytes - 1, blockBytes, blockBytes + 1, chunkBytes, chunkBytes + 1, 3*chunkBytes + 17, wholePiece + 5}

func TestReadAtGivesEveryByte(t *testing.T) {
	p := newPlace(t)
	for _, size := range sizes {
		body := noise(uint64(size), size)
		b := p.open(t, "a.jp2", body)
		for range 30 {
			off, n := rand.IntN(size+2), rand.IntN(min(size+2, 3*chunkBytes))
			got := make([]byte, n)
			read, err := b.ReadAt(got, int64(off))
			want, wantErr := bytes.NewReader(body).ReadAt(make([]byte, n), int64(off))
			if n > 0 && (read != want || err != wantErr) { //nolint:errorlint // io.EOF as it is
				t.Fatalf("%d bytes at %d of %d: %d, %v; want %d, %v", n, off, size, read, err, want, wantErr)
			}
			if !bytes.Equal(got[:read], body[min(off, size):min(off+read, size)]) {
				t.Fatalf("%d bytes at %d of %d: other bytes", n, off, size)
			}
		}
	}
}

func TestLocalIsTheWholeObject(t *testing.T) {
	p := newPlace(t)
	for _, size := range sizes {
		body := noise(uint64(size), size)
		b := p.open(t, "a.jp2", body)
		if size > chunkBytes {
			if _, err := b.ReadAt(make([]byte, 10), int64(size/2)); err != nil {
				t.Fatal(err)
			}
		}
		f, err := b.Local()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d of %d bytes, %v", len(got), size, err)
		}
	}
}

func TestFetchGivesExactlyTheRanges(t *testing.T) {
	p := newPlace(t)
	const size = 3<<20 + 5
	body := noise(1, size)
	b := p.open(t, "a.jp2", body)
	before := p.Stats()
	ranges := []store.Range{{Offset: 2 << 20, Length: 1<<20 + 5}, {Offset: 100, Length: 50}, {Offset: 120, Length: 100}, {Offset: 0, Length: 0}, {Offset: 700_000, Length: 60_000}}
	r, err := b.Fetch(ranges)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range append(ranges, store.Range{Offset: 100, Length: 120}) {
		got := make([]byte, g.Length)
		if n, err := r.ReadAt(got, g.Offset); g.Length > 0 && (int64(n) != g.Length || err != nil) || !bytes.Equal(got, body[g.Offset:g.Offset+g.Length]) {
			t.Errorf("%+v: %d, %v", g, n, err)
		}
	}
	for _, g := range []store.Range{{Offset: 99, Length: 2}, {Offset: 219, Length: 2}, {Offset: 0, Length: 1}, {Offset: 1 << 20, Length: 1}} {
		if _, err := r.ReadAt(make([]byte, g.Length), g.Offset); !errors.Is(err, errNotFetched) {
			t.Errorf("%+v, which was not asked for: %v", g, err)
		}
	}
	// Three runs, one of them too long for one request; rounded to blocks.
	after := p.Stats()
	if n, got := after.Requests-before.Requests, after.Received-before.Received; n != 4 || got > 1<<20+60_000+5*blockBytes {
		t.Errorf("%d requests, %d bytes", n, got)
	}
	if _, err := b.Fetch(ranges); err != nil || p.Stats().Requests != after.Requests {
		t.Errorf("again: %v, %d requests more; want none", err, p.Stats().Requests-after.Requests)
	}
	for _, wrong := range []store.Range{{Offset: -1, Length: 2}, {Offset: size, Length: 1}, {Offset: 1, Length: size}, {Offset: 0, Length: -1}} {
		_, err := b.Fetch([]store.Range{wrong})
		wantCode(t, err, tile.Internal)
	}
}

// Holds says yes exactly where Fetch asks nothing of the store.
func TestHoldsWhatFetchAsksNothingFor(t *testing.T) {
	p := newPlace(t)
	const size = 5*chunkBytes + 17
	b := p.open(t, "a.jp2", noise(3, size)).(*blob)
	for range 200 {
		var ranges []store.Range
		for range 1 + rand.IntN(3) {
			off := rand.Int64N(size)
			ranges = append(ranges, store.Range{Offset: off, Length: rand.Int64N(min(size-off, 2*blockBytes) + 1)})
		}
		held, before := b.Holds(ranges), p.Stats().Requests
		if _, err := b.Fetch(ranges); err != nil {
			t.Fatal(err)
		}
		if asked := p.Stats().Requests > before; asked == held {
			t.Fatalf("%v: held %t, asked the store %t", ranges, held, asked)
		}
		if !b.Holds(ranges) {
			t.Fatalf("%v: not held once fetched", ranges)
		}
	}
	for _, r := range []store.Range{{Offset: -1, Length: 1}, {Offset: size, Length: 1}, {Offset: 0, Length: -1}} {
		if b.Holds([]store.Range{r}) {
			t.Errorf("%v is held", r)
		}
	}
}

// Whoever reads the same at the same time shares one request, and nobody who comes
// later needs another.
func TestEqualReadsJoin(t *testing.T) {
	p := newPlace(t)
	body := noise(1, 1<<20)
	p.put(t, "a.jp2", string(body))
	blobs := make([]store.Blob, 16)
	for i := range blobs {
		blobs[i] = p.reopen(t, "a.jp2")
	}
	before := p.Stats().Requests
	var group sync.WaitGroup
	for _, b := range blobs {
		group.Go(func() {
			got := make([]byte, 100)
			if _, err := b.ReadAt(got, 70_000); err != nil || !bytes.Equal(got, body[70_000:70_100]) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := p.Stats().Requests - before; n != 1 {
		t.Errorf("%d requests; want 1", n)
	}
	before = p.Stats().Requests
	for _, b := range blobs {
		group.Go(func() {
			if _, err := b.Local(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := p.Stats().Requests - before; n != 1 {
		t.Errorf("%d requests for the whole; want 1", n)
	}
}

// The header of a JPEG 2000 file costs a look-up and one read of it.
func TestHeaderCostsOneRead(t *testing.T) {
	p := newPlace(t, func(c *Config) { c.Recheck = 3e9 })
	body := append([]byte(codestream(20_000, 15_000, 6)), noise(1, 5<<20)...)
	p.put(t, "maps/a.jp2", string(body))
	before := p.Stats()
	b := p.reopen(t, "maps/a.jp2")
	if _, err := b.ReadAt(make([]byte, 12), 0); err != nil {
		t.Fatal(err)
	}
	h, err := jp2.ReadHeader(b, int64(len(body)), jp2.DefaultBudget())
	if err != nil || h.Width != 20_000 {
		t.Fatalf("%+v, %v", h, err)
	}
	after := p.Stats()
	if n, got := after.Requests-before.Requests, after.Received-before.Received; n != 2 || got > chunkBytes {
		t.Errorf("%d requests and %d bytes; want 2 and %d", n, got, chunkBytes)
	}
}

// A reader from front to back asks for more and more at a time.
func TestReadingOnReadsAhead(t *testing.T) {
	p := newPlace(t)
	body := noise(1, 4<<20)
	b := p.open(t, "a.jp2", body)
	before := p.Stats().Requests
	got, err := io.ReadAll(io.NewSectionReader(b, 0, int64(len(body))))
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if n := p.Stats().Requests - before; n > 8 {
		t.Errorf("%d requests for 64 chunks", n)
	}
}

func codestream(width, height, levels int) string {
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.BigEndian, v)
		}
	}
	w, h := uint32(width), uint32(height)
	put(uint16(0xFF4F))
	put(uint16(0xFF51), uint16(38+3*3), uint16(0), w, h, uint32(0), uint32(0), w, h, uint32(0), uint32(0), uint16(3))
	for range 3 {
		put(uint8(7), uint8(1), uint8(1))
	}
	put(uint16(0xFF52), uint16(12), uint8(0), uint8(2), uint16(1), uint8(1), uint8(levels), uint8(4), uint8(4), uint8(0), uint8(1))
	put(uint16(0xFF5C), uint16(4+3*levels), uint8(0x40), make([]byte, 3*levels+1))
	put(uint16(0xFF90), uint16(10), uint16(0), uint32(0), uint8(0), uint8(1), uint16(0xFF93))
	return b.String()
}

// A closed blob, or one whose caller has left, reads nothing more.
func TestBlobEndsWithItsContext(t *testing.T) {
	p := newPlace(t)
	p.put(t, "a.jp2", strings.Repeat("x", 1<<20))
	o, err := p.Find(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b, err := p.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, readErr := b.ReadAt(make([]byte, 1), 0)
	_, fetchErr := b.Fetch([]store.Range{{Length: 1}})
	_, localErr := b.Local()
	for _, err := range []error{readErr, fetchErr, localErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// Several are gone over while the object is replaced again and again: what is read
// is all of the version that was opened, or an error.
func TestNeverAMixOfVersions(t *testing.T) {
	p := newPlace(t, func(c *Config) { c.Recheck = 0 })
	const versions, size = 30, 300_000
	bodies := make([][]byte, versions)
	for i := range bodies {
		bodies[i] = noise(uint64(i), size)
	}
	p.put(t, "a.jp2", string(bodies[0]))
	var writer sync.WaitGroup
	ended := make(chan struct{})
	writer.Go(func() {
		defer close(ended)
		for _, body := range bodies {
			p.put(t, "a.jp2", string(body))
		}
	})
	whole, changed := 0, 0
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		default:
		}
		got, err := readThrice(t.Context(), p.Source)
		switch {
		case err == nil && contains(bodies, got):
			whole++
		case err == nil:
			t.Fatal("a mix of versions")
		case tile.CodeOf(err) == tile.Changed:
			changed++
		default:
			t.Fatal(err)
		}
	}
	writer.Wait()
	if whole == 0 {
		t.Errorf("nothing read as a whole, and %d times changed", changed)
	}
	t.Logf("%d times whole, %d times changed", whole, changed)
}

func contains(bodies [][]byte, got []byte) bool {
	for _, b := range bodies {
		if bytes.Equal(b, got) {
			return true
		}
	}
	return false
}

// readThrice puts an object together from small reads, ranges and a whole copy.
func readThrice(ctx context.Context, s *Source) ([]byte, error) {
	o, err := s.Find(ctx, "a")
	if err != nil {
		return nil, err
	}
	b, err := s.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	got := make([]byte, o.Size)
	third := o.Size / 3
	if _, err := b.ReadAt(got[:third], 0); err != nil {
		return nil, err
	}
	r, err := b.Fetch([]store.Range{{Offset: third, Length: 1000}, {Offset: third + 1000, Length: third - 1000}})
	if err != nil {
		return nil, err
	}
	if _, err := r.ReadAt(got[third:2*third], third); err != nil {
		return nil, err
	}
	f, err := b.Local()
	if err != nil {
		return nil, err
	}
	_, err = f.ReadAt(got[2*third:], 2*third)
	return got, err
}
