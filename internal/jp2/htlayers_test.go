package jp2

import (
	"bytes"
	"math/bits"
	"os"
	"slices"
	"strings"
	"testing"
)

// bitWriter writes packet headers: a zero bit is stuffed in after every byte FF (B.10.1).
type bitWriter struct {
	out  []byte
	left int // bits of the last byte not written yet
}

func (w *bitWriter) bit(b int) {
	if w.left == 0 {
		w.left = 8
		if n := len(w.out); n > 0 && w.out[n-1] == 0xFF {
			w.left = 7
		}
		w.out = append(w.out, 0)
	}
	w.left--
	w.out[len(w.out)-1] |= byte(b) << w.left
}

func (w *bitWriter) number(n, bits int) {
	for i := bits - 1; i >= 0; i-- {
		w.bit(n >> i & 1)
	}
}

func (w *bitWriter) ones(n int) {
	for range n {
		w.bit(1)
	}
	w.bit(0)
}

// align ends the header; none ends in FF.
func (w *bitWriter) align() []byte {
	if w.out[len(w.out)-1] == 0xFF {
		w.out = append(w.out, 0)
	}
	return w.out
}

// treeWriter is the other side of tagTree: values are leaves, by raster.
type treeWriter struct {
	tagTree
	values [][]int32 // by level: minima of the level below
}

func newTreeWriter(w, h int, leaves []int32) *treeWriter {
	t := &treeWriter{tagTree: newTagTree(w, h), values: [][]int32{leaves}}
	for k := 1; k < len(t.levels); k++ {
		up := make([]int32, len(t.levels[k].nodes))
		for i := range up {
			up[i] = 1 << 20
		}
		for i, v := range t.values[k-1] {
			x, y := i%t.levels[k-1].width, i/t.levels[k-1].width
			at := y/2*t.levels[k].width + x/2
			up[at] = min(up[at], v)
		}
		t.values = append(t.values, up)
	}
	return t
}

// tell writes as much as it takes to tell whether the value at (x, y) is below limit.
func (t *treeWriter) tell(w *bitWriter, x, y int, limit int32) {
	low := int32(0)
	for k := len(t.levels) - 1; k >= 0; k-- {
		i := y>>k*t.levels[k].width + x>>k
		node := &t.levels[k].nodes[i]
		for node.low = max(node.low, low); !node.known && node.low < limit; {
			if node.known = t.values[k][i] == node.low; node.known {
				w.bit(1)
			} else {
				w.bit(0)
				node.low++
			}
		}
		low = node.low
	}
}

// htBlock is a block's contribution: one cleanup pass.
type htBlock struct {
	there  bool
	planes int32
	data   []byte
}

// htBlocks takes the only packet of a precinct apart, by band.
func htBlocks(t *testing.T, data []byte, bands []band, off int64) [][]htBlock {
	t.Helper()
	b := &bitReader{src: packedSource(data), next: off, end: int64(len(data))}
	all := make([][]htBlock, len(bands))
	lengths := [][]int64{}
	present := b.bit() == 1
	for i := range bands {
		d := &bands[i]
		if d.width*d.height > 0 {
			d.grow()
		}
		all[i] = make([]htBlock, len(d.blocks))
		lengths = append(lengths, make([]int64, len(d.blocks)))
		for j := range d.blocks {
			if !present || d.barred(&d.blocks[j], b, j%d.width, j/d.width, 1) >= 0 {
				continue
			}
			if n := readPasses(b); n != 1 {
				t.Fatalf("%d passes", n)
			}
			lengths[i][j] = b.number(3 + b.ones(30))
			all[i][j] = htBlock{there: true, planes: d.planes.levels[0].nodes[j].low}
		}
	}
	b.align()
	for i := range all {
		for j, n := range lengths[i] {
			all[i][j].data = data[b.next : b.next+n]
			b.next += n
		}
	}
	return all
}

// relayered writes the packets of a precinct anew, one for each layer: a block comes in
// the layer that pick names. Blocks named again add a pass without a byte.
func relayered(bands []band, blocks [][]htBlock, layers int, pick func(htBlock) []int) []byte {
	trees := make([][2]*treeWriter, len(bands))
	for i := range bands {
		first, planes := make([]int32, len(blocks[i])), make([]int32, len(blocks[i]))
		for j, k := range blocks[i] {
			if first[j], planes[j] = int32(layers), k.planes; k.there {
				first[j] = int32(pick(k)[0])
			}
		}
		trees[i] = [2]*treeWriter{newTreeWriter(bands[i].width, bands[i].height, first), newTreeWriter(bands[i].width, bands[i].height, planes)}
	}
	var out []byte
	for l := range layers {
		w, body := &bitWriter{}, []byte(nil)
		w.bit(1)
		for i := range bands {
			for j, k := range blocks[i] {
				x, y := j%bands[i].width, j/bands[i].width
				switch {
				case !k.there || l < pick(k)[0]:
					trees[i][0].tell(w, x, y, int32(l)+1)
				case l == pick(k)[0]:
					trees[i][0].tell(w, x, y, int32(l)+1)
					for n := range k.planes + 1 {
						trees[i][1].tell(w, x, y, n+1)
					}
					w.bit(0) // one pass
					width := max(3, bits.Len(uint(len(k.data))))
					w.ones(width - 3)
					w.number(len(k.data), width)
					body = append(body, k.data...)
				case slices.Contains(pick(k), l):
					w.number(0b100, 3) // comes again, one pass, lengths as before
					w.number(0, max(3, bits.Len(uint(len(k.data)))))
				default:
					w.bit(0)
				}
			}
		}
		out = append(append(out, w.align()...), body...)
	}
	return out
}

// layeredHT is a file of part 15 whose only layer is dealt out over several. The order
// must be one in which layers come last.
func layeredHT(t *testing.T, name string, layers byte, pick func(htBlock) []int) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	x, h := mustIndex(t, data), mustParse(t, data)
	l, err := x.layoutOf(0)
	if err != nil || len(x.tiles) != 1 || h.Codestream.Params.Progression < RPCL {
		t.Fatalf("%d tiles in %v: %v", len(x.tiles), h.Codestream.Params.Progression, err)
	}
	w := &packetWalker{effort: newEffort(1 << 20), size: &x.size, grid: l.tileGrid, precincts: make([][]band, l.precincts), left: 1 << 30}
	var body []byte
	for ref := range l.sequence(&x.size) {
		bands, err := w.bands(place{}, ref)
		if err != nil {
			t.Fatal(err)
		}
		blocks := htBlocks(t, data, bands, l.packets[ref.precinct].offset)
		body = append(body, relayered(bands, blocks, int(layers), pick)...)
	}
	r := takeApart(t, data)
	(*r.find(COD))[7] = layers
	r.parts = []recutPart{{body: body}}
	return r.join()
}

// TestExactHTLayers: several layers of part 15, each block with all of its passes in one.
func TestExactHTLayers(t *testing.T) {
	for _, name := range []string{"ht.j2c", "ht_lossy.j2c"} {
		data := layeredHT(t, name, 3, func(k htBlock) []int { return []int{len(k.data) % 3} })
		path := save(t, data)
		if !bytes.Equal(decodeWhole(t, path, 0), decodeWhole(t, "testdata/"+name, 0)) {
			t.Fatalf("%s: not the same picture in layers", name)
		}
		compareHT(t, path, data)
	}
}

// TestHTLayersThatGoOn: OpenJPEG reads what comes of a block in another layer as if it
// began anew; such files are left to it as they are.
func TestHTLayersThatGoOn(t *testing.T) {
	data := layeredHT(t, "ht.j2c", 2, func(htBlock) []int { return []int{0, 1} })
	_, err := BuildIndex(bytes.NewReader(data), int64(len(data)), mustParse(t, data), DefaultBudget())
	if err == nil || !strings.Contains(err.Error(), "a high-throughput code-block goes on in another layer") {
		t.Errorf("got %v", err)
	}
}
