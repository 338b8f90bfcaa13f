package worker

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// memoryBody is up to where results are shared in memory, in bytes.
const memoryBody = decoder.MemoryBody

// rendition is a result that several waiters share: bytes or, where large, a file.
type rendition struct {
	media   string
	size    int64
	from    string // a value of tile.Result.Cache
	damaged bool   // as in tile.Result: not to be kept
	timing  tile.Timing
	data    []byte
	file    *sharedFile // nil where data is the body
}

// open gives a reader of its own to one waiter. With a file the caller must hold it.
func (r *rendition) open() io.ReadCloser {
	if r.file == nil {
		return io.NopCloser(bytes.NewReader(r.data))
	}
	return r.file.open(r.size)
}

// adopt takes the body of a decoder's output over.
func adopt(out decoder.Output) (*rendition, error) {
	if out.Body == nil {
		return nil, tile.Fail(tile.Internal, "", errors.New("output of a decoder without a body"))
	}
	r := &rendition{media: out.Type, size: out.Size, from: tile.FromMiss}
	if out.Size <= memoryBody {
		data, err := readAll(out.Body, out.Size)
		r.data = data
		return r, err
	}
	spool, ok := out.Body.(spool)
	if !ok {
		_ = out.Body.Close()
		return nil, tile.Fail(tile.Internal, "", errors.New("large body of a decoder that cannot be read at an offset"))
	}
	r.file = &sharedFile{spool: spool, holders: 1}
	return r, nil
}

// discard lets go of a rendition that nobody will see.
func (r *rendition) discard() {
	if r.file != nil {
		_ = r.file.release()
	}
}

// readAll reads and closes a body of exactly size bytes.
func readAll(body io.ReadCloser, size int64) ([]byte, error) {
	data := make([]byte, max(size, 0))
	_, err := io.ReadFull(body, data)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, tile.Fail(tile.Internal, "", err)
	}
	return data, nil
}

// spool is a file that many can read at once.
type spool interface {
	io.ReaderAt
	io.Closer
}

// sharedFile is closed when the last of its holders lets go.
type sharedFile struct {
	spool spool

	mu      sync.Mutex
	holders int
}

// hold adds a holder. The caller is one, or keeps one from letting go.
func (s *sharedFile) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holders++
}

func (s *sharedFile) release() error {
	s.mu.Lock()
	s.holders--
	last := s.holders == 0
	s.mu.Unlock()
	if last {
		return s.spool.Close()
	}
	return nil
}

// open returns a reader from the beginning, which is a holder until closed.
func (s *sharedFile) open(size int64) io.ReadCloser {
	s.hold()
	return &section{SectionReader: io.NewSectionReader(s.spool, 0, size), release: sync.OnceValue(s.release)}
}

// section is one reader of a sharedFile.
type section struct {
	*io.SectionReader
	release func() error
}

func (s *section) Close() error { return s.release() }

// callers counts who waits for each key, from before they join equal work until they
// have opened its result, so that a large result's file lives exactly that long.
type callers struct {
	mu    sync.Mutex
	byKey map[tile.Key]*calling
}

type calling struct {
	n     int
	files []*sharedFile
}

// enter counts a caller until leave is called.
func (c *callers) enter(key tile.Key) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = make(map[tile.Key]*calling)
	}
	k := c.byKey[key]
	if k == nil {
		k = &calling{}
		c.byKey[key] = k
	}
	k.n++
	return func() { c.leave(key, k) }
}

func (c *callers) leave(key tile.Key, k *calling) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.n--; k.n > 0 {
		return
	}
	delete(c.byKey, key)
	for _, f := range k.files {
		_ = f.release()
	}
}

// entrust hands over one hold on a file, let go when the last caller has left; nil is none.
func (c *callers) entrust(key tile.Key, f *sharedFile) {
	if f == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.byKey[key]; k != nil {
		k.files = append(k.files, f)
		return
	}
	_ = f.release()
}
