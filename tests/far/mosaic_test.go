package far

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// Codestream markers (ISO/IEC 15444-1, table A.2) that are looked for here.
const (
	sot = 0xFF90
	sod = 0xFF93
	siz = 0xFF51
	tlm = 0xFF55
	plt = 0xFF58
)

// sample is a small codestream taken apart.
type sample struct {
	data  []byte
	head  [][]byte // main header's segments, SOC and TLM left out
	parts []samplePart
}

type samplePart struct {
	tile     uint16
	segments [][]byte // of its header
	body     []byte
}

// head and body of a tile-part, with another tile number.
func (p *samplePart) write(tile int) []byte {
	head := slices.Concat(p.segments...)
	out := binary.BigEndian.AppendUint16(nil, sot)
	out = binary.BigEndian.AppendUint16(out, 10)
	out = binary.BigEndian.AppendUint16(out, uint16(tile))
	out = binary.BigEndian.AppendUint32(out, uint32(p.size()))
	out = append(append(out, 0, 1), head...)
	return append(binary.BigEndian.AppendUint16(out, sod), p.body...)
}

func (p *samplePart) size() int64 {
	return int64(12 + len(slices.Concat(p.segments...)) + 2 + len(p.body))
}

// lengths are those of the packets, by PLT.
func (p *samplePart) lengths() (all []int64) {
	n := int64(0)
	for _, s := range p.segments {
		if binary.BigEndian.Uint16(s) != plt {
			continue
		}
		for _, b := range s[5:] {
			if n = n<<7 | int64(b&0x7F); b < 0x80 {
				all, n = append(all, n), 0
			}
		}
	}
	return all
}

// compressed is a sample of this size, coded with these options.
func compressed(t *testing.T, side int, options string) *sample {
	t.Helper()
	path := decodertest.Compress(t, decodertest.WritePNG(t, decodertest.Texture(side, side)), ".j2k", strings.Fields(options)...)
	data := decodertest.Read(t, path)
	s := &sample{data: data}
	var off int
	s.head, off = segments(data, 2, sot)
	s.head = slices.DeleteFunc(s.head, func(b []byte) bool { return binary.BigEndian.Uint16(b) == tlm })
	for binary.BigEndian.Uint16(data[off:]) == sot {
		p := samplePart{tile: binary.BigEndian.Uint16(data[off+4:])}
		end := off + int(binary.BigEndian.Uint32(data[off+6:]))
		var body int
		p.segments, body = segments(data, off+12, sod)
		p.body = data[body+2 : end]
		s.parts = append(s.parts, p)
		off = end
	}
	return s
}

func segments(data []byte, off int, stop uint16) (all [][]byte, _ int) {
	for binary.BigEndian.Uint16(data[off:]) != stop {
		n := 2 + int(binary.BigEndian.Uint16(data[off+2:]))
		all = append(all, data[off:off+n])
		off += n
	}
	return all, off
}

// header is a main header for an image of this size; tile 0: it is one tile.
func (s *sample) header(width, height, tile int) []byte {
	head := slices.Concat(append([][]byte{{0xFF, 0x4F}}, s.head...)...)
	i := bytes.Index(head, []byte{siz >> 8, siz & 0xFF}) + 6
	if tile == 0 {
		binary.BigEndian.PutUint32(head[i+16:], uint32(width))
		binary.BigEndian.PutUint32(head[i+20:], uint32(height))
	}
	binary.BigEndian.PutUint32(head[i:], uint32(width))
	binary.BigEndian.PutUint32(head[i+4:], uint32(height))
	return head
}

// mosaic is a giant image whose tiles are those of a sample, over and over.
type mosaic struct {
	*sample
	columns, rows, tile int
	told                bool // by TLM
	full                func(column, row int) bool
}

// part is the sample's tile that is in a column and row: its corners are not at the edges.
func (m *mosaic) part(column, row int) *samplePart {
	across := 2 // the sample has two columns and rows
	return &m.parts[row%across*across+column%across]
}

func (m *mosaic) width() int  { return m.columns * m.tile }
func (m *mosaic) height() int { return m.rows * m.tile }

// front is how much of a tile-part is written at least: its header, and the packets of its
// lower resolutions.
const front = 8 << 10

// write makes the file. It has its full length, but of tiles that nobody will ask for only
// the front: the rest is a hole, for which no disk is needed.
func (m *mosaic) write(t *testing.T, path string) (size int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	put := func(b []byte, off int64) {
		if _, err := f.WriteAt(b, off); err != nil {
			t.Fatal(err)
		}
	}
	head := m.header(m.width(), m.height(), m.tile)
	if m.told {
		head = append(head, m.lengthsOfParts()...)
	}
	put(head, 0)
	size = int64(len(head))
	for row := range m.rows {
		for column := range m.columns {
			p := m.part(column, row)
			b := p.write(row*m.columns + column)
			if !m.full(column, row) {
				b = b[:min(len(b), front)]
			}
			put(b, size)
			size += p.size()
		}
	}
	put([]byte{0xFF, 0xD9}, size)
	return size + 2
}

// lengthsOfParts are TLM segments with the tile in two bytes and the length in four.
func (m *mosaic) lengthsOfParts() (out []byte) {
	const most = 10_000 // of a segment
	for from := 0; from < m.columns*m.rows; from += most {
		to := min(from+most, m.columns*m.rows)
		out = binary.BigEndian.AppendUint16(out, tlm)
		out = binary.BigEndian.AppendUint16(out, uint16(4+6*(to-from)))
		out = append(out, byte(from/most), 0x60)
		for i := from; i < to; i++ {
			out = binary.BigEndian.AppendUint16(out, uint16(i))
			out = binary.BigEndian.AppendUint32(out, uint32(m.part(i%m.columns, i/m.columns).size()))
		}
	}
	return out
}

// carpet is a giant image in one tile whose packets are those of a sample, over and over:
// RPCL, with all precincts of the sample full.
type carpet struct {
	*sample
	across int // so many samples in each direction
	side   int // of the sample, in pixels
	levels int
	full   func(x, y int) bool // of the samples
}

// packetsAcross is how many precincts the sample has in each direction at a resolution.
func (c *carpet) packetsAcross(resolution int) int {
	if resolution == c.levels {
		return c.side / 256
	}
	return c.side >> 1 / 256 // and so on: precincts halve with the resolutions
}

// write makes the file; of samples that nobody will ask for the packets of the highest
// resolution are left out.
func (c *carpet) write(t *testing.T, path string) (size int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	type placed struct {
		data []byte
		off  int64
	}
	var told []byte
	var all []placed
	body := int64(0)
	lengths, first, begin := c.parts[0].lengths(), 0, int64(0)
	for r := range c.levels + 1 {
		n := c.packetsAcross(r)
		starts := make([]int64, 3*n*n+1)
		for i := range 3 * n * n {
			starts[i] = begin
			begin += lengths[first+i]
		}
		starts[3*n*n] = begin
		first += 3 * n * n
		for y := range n * c.across {
			for x := range n * c.across {
				i := 3 * (y%n*n + x%n)
				for j := i; j < i+3; j++ {
					told = appendLength(told, starts[j+1]-starts[j])
				}
				if r < c.levels-1 || c.full(x/n, y/n) {
					all = append(all, placed{c.parts[0].body[starts[i]:starts[i+3]], body})
				}
				body += starts[i+3] - starts[i]
			}
		}
	}
	head := c.header(c.across*c.side, c.across*c.side, 0)
	at := int64(len(head))
	head = append(head, 0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1)
	for i := byte(0); len(told) > 0; i++ {
		n := min(len(told), 65_000)
		head = binary.BigEndian.AppendUint16(head, plt)
		head = append(binary.BigEndian.AppendUint16(head, uint16(3+n)), i)
		head, told = append(head, told[:n]...), told[n:]
	}
	head = binary.BigEndian.AppendUint16(head, sod)
	binary.BigEndian.PutUint32(head[at+6:], uint32(int64(len(head))-at+body))
	all = append(all, placed{[]byte{0xFF, 0xD9}, body})
	for _, p := range all {
		if _, err := f.WriteAt(p.data, int64(len(head))+p.off); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		t.Fatal(err)
	}
	return int64(len(head)) + body + 2
}

// appendLength writes a packet length as PLT does (A.7.3).
func appendLength(b []byte, n int64) []byte {
	for shift := 28; shift > 0; shift -= 7 {
		if n>>shift > 0 {
			b = append(b, byte(n>>shift&0x7F)|0x80)
		}
	}
	return append(b, byte(n&0x7F))
}

// block is a square of samples or tiles of which all is in the file, and whose upper left
// corner is there.
type block struct{ column, row int }

const blockAcross = 4

// within tells whether one of the blocks has it.
func within(blocks []block) func(column, row int) bool {
	return func(column, row int) bool {
		return slices.Contains(blocks, block{column / blockAcross * blockAcross, row / blockAcross * blockAcross})
	}
}

// inside is a tile of 256 pixels in the middle of a tile or sample, whose pixels are there
// what they are in a file of the sample alone.
func (b block) inside() (there, alone iiifurl.Rect) {
	alone = iiifurl.Rect{X: side, Y: side, W: side, H: side}
	there = alone
	there.X, there.Y = there.X+b.column*giantSide, there.Y+b.row*giantSide
	return there, alone
}
