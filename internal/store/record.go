package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// A record is one file of the result cache: a header, the body, and the CRC-32C of
// the body. Integers are little-endian.
//
//	0  magic
//	4  CRC-32C of the header from 8 on
//	8  size of the body, 8 bytes
//	16 lengths of id, version, canonical request and media type, 2 bytes each
//	24 those strings
const (
	recordMagic   = "TsR1"
	fixedHeader   = 24
	recordTrailer = 4
	maxHeader     = 4096
	// Bodies up to this size are read and checked before a byte is given out.
	smallBody = 4 << 20
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("damaged record")
)

type recordHeader struct {
	key    tile.Key
	media  string
	length int64 // of the header itself
	size   int64 // of the body
}

// fileSize is what the whole record must have: a torn file has less.
func (h recordHeader) fileSize() int64 { return h.length + h.size + recordTrailer }

func encodeHeader(key tile.Key, media string, size int64) ([]byte, error) {
	b := append([]byte(recordMagic), 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	fields := []string{key.ID, key.Version, key.Canonical, media}
	total := fixedHeader
	for _, s := range fields {
		total += len(s)
		b = binary.LittleEndian.AppendUint16(b, uint16(min(len(s), maxHeader)))
	}
	if total > maxHeader {
		return nil, fmt.Errorf("key of %d bytes: %w", total, ErrNotStored)
	}
	for _, s := range fields {
		b = append(b, s...)
	}
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return b, nil
}

// decodeHeader reads a header from the first bytes of a record.
func decodeHeader(b []byte) (recordHeader, error) {
	if len(b) < fixedHeader || string(b[:4]) != recordMagic {
		return recordHeader{}, errDamaged
	}
	var fields [4]string
	at := fixedHeader
	for i := range fields {
		n := int(binary.LittleEndian.Uint16(b[16+2*i:]))
		if at+n > min(len(b), maxHeader) {
			return recordHeader{}, errDamaged
		}
		fields[i] = string(b[at : at+n])
		at += n
	}
	size := binary.LittleEndian.Uint64(b[8:])
	if crc32.Checksum(b[8:at], castagnoli) != binary.LittleEndian.Uint32(b[4:]) || size > 1<<62 {
		return recordHeader{}, errDamaged
	}
	key := tile.Key{ID: fields[0], Version: fields[1], Canonical: fields[2]}
	return recordHeader{key: key, media: fields[3], length: int64(at), size: int64(size)}, nil
}

// writeRecord writes a whole record; body must have size bytes.
func writeRecord(w io.Writer, header []byte, body io.Reader, size int64) error {
	if _, err := w.Write(header); err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	_, err := io.CopyN(io.MultiWriter(w, sum), body, size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("body ends before its %d bytes: %w", size, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// readHeader reads the header of a record alone.
func readHeader(f *os.File) (recordHeader, error) {
	var b [maxHeader]byte
	n, err := f.ReadAt(b[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return recordHeader{}, err
	}
	return decodeHeader(b[:n])
}

// openRecord reads a record of fileSize bytes. The body is memory where it is small,
// and f is then closed; else it reads from f, and damage is found out, and reported
// to damaged, at its end. After an error f is left open.
func openRecord(f *os.File, fileSize int64, damaged func()) (recordHeader, io.ReadCloser, error) {
	if fileSize <= smallBody {
		return readSmall(f, fileSize)
	}
	h, err := readHeader(f)
	if err != nil {
		return h, nil, err
	}
	if h.fileSize() != fileSize {
		return h, nil, errDamaged
	}
	body := io.NewSectionReader(f, h.length, h.size+recordTrailer)
	return h, &checkedBody{Closer: f, from: body, left: h.size, sum: crc32.New(castagnoli), damaged: damaged}, nil
}

func readSmall(f *os.File, fileSize int64) (recordHeader, io.ReadCloser, error) {
	b := make([]byte, fileSize)
	if _, err := io.ReadFull(f, b); err != nil {
		return recordHeader{}, nil, errDamaged
	}
	h, body, err := split(b)
	if err != nil {
		return h, nil, err
	}
	return h, io.NopCloser(bytes.NewReader(body)), f.Close()
}

// split takes a whole record apart.
func split(b []byte) (recordHeader, []byte, error) {
	h, err := decodeHeader(b)
	if err != nil {
		return h, nil, err
	}
	if h.fileSize() != int64(len(b)) {
		return h, nil, errDamaged
	}
	body, sum := b[h.length:h.length+h.size], b[h.length+h.size:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(sum) {
		return h, nil, errDamaged
	}
	return h, body, nil
}

// EncodeRecord writes a result of size bytes as a record: bytes that prove
// themselves whole, and whose they are. The caller bounds size.
func EncodeRecord(key tile.Key, media string, body io.Reader, size int64) ([]byte, error) {
	header, err := encodeHeader(key, media, size)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(len(header) + int(size) + recordTrailer)
	err = writeRecord(&b, header, body, size)
	return b.Bytes(), err
}

// DecodeRecord finds the result of key in a record; not where the record is damaged
// or another key's.
func DecodeRecord(b []byte, key tile.Key) (tile.Result, bool) {
	h, body, err := split(b)
	if err != nil || h.key != key {
		return tile.Result{}, false
	}
	return tile.Result{Type: h.media, Size: h.size, Body: io.NopCloser(bytes.NewReader(body))}, true
}

// checkedBody reads a large body and withholds its last bytes where the checksum
// does not fit, so that nobody takes the whole for whole.
type checkedBody struct {
	io.Closer
	from    io.Reader // body and trailer
	left    int64     // of the body
	sum     hash.Hash32
	damaged func()
	err     error // sticky
}

func (c *checkedBody) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	_, _ = c.sum.Write(p[:n])
	if err != nil || c.left == 0 && !c.fits() {
		c.err = errors.Join(errDamaged, err)
		c.damaged()
		return 0, c.err
	}
	return n, nil
}

func (c *checkedBody) fits() bool {
	var want [recordTrailer]byte
	_, err := io.ReadFull(c.from, want[:])
	return err == nil && binary.LittleEndian.Uint32(want[:]) == c.sum.Sum32()
}
