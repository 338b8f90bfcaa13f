package jp2

import (
	"bytes"
	"slices"
	"testing"
)

// structures spans what decides the order and shape of packets.
var structures = []struct {
	name, options string
	w, h, chans   int
}{
	{"untiled RPCL with precincts", "-p RPCL -n 4 -c [64,64],[32,32] -b 16,16", 301, 207, 3},
	{"untiled LRCP with layers", "-p LRCP -r 40,20,5 -c [64,64],[64,64],[32,32] -b 16,16", 301, 207, 3},
	{"RLCP", "-p RLCP -n 5 -r 30,8 -c [64,64] -b 32,32", 301, 207, 3},
	{"PCRL", "-p PCRL -n 4 -c [64,32],[32,64] -b 16,16", 301, 207, 3},
	{"CPRL", "-p CPRL -n 4 -c [64,64],[32,32] -r 20,4 -b 8,8", 301, 207, 3},
	{"no precincts", "-b 16,16", 301, 207, 3},
	{"lossy", "-I -r 12 -p RPCL -c [64,64] -b 16,16", 301, 207, 3},
	{"tiles", "-t 64,64 -n 4 -p RPCL", 301, 207, 3},
	{"tiles with precincts", "-t 128,128 -n 4 -p PCRL -c [32,32] -b 16,16", 301, 207, 3},
	{"uneven tiles", "-t 100,75 -n 3 -c [32,32] -b 16,16 -p CPRL", 301, 207, 3},
	{"tile-parts by resolution", "-TP R -p RPCL -t 128,128 -n 4", 301, 207, 3},
	{"tile-parts by layer", "-TP L -p LRCP -r 30,10,2 -n 4", 301, 207, 3},
	{"tile-parts by component", "-TP C -p CPRL -n 4", 301, 207, 3},
	{"EPH", "-EPH -c [64,64] -b 16,16", 301, 207, 3},
	{"bypass", "-M 1 -b 16,16 -c [64,64] -r 8,1", 301, 207, 1},
	{"terminate all", "-M 4 -b 16,16 -c [64,64] -r 8,1", 301, 207, 1},
	{"bypass and terminate all", "-M 5 -b 16,16 -c [64,64]", 301, 207, 1},
	{"all styles", "-M 63 -b 16,16 -c [64,64] -r 8,1", 301, 207, 1},
	{"reset, vertical, segmentation", "-M 42 -b 16,16", 301, 207, 1},
	{"subsampled", "-s 2,2 -p PCRL -n 4 -c [64,64],[32,32] -b 16,16", 301, 207, 3},
	{"sampling of 3 by 1", "-s 3,1 -p RPCL -n 4 -c [64,64],[32,32] -b 16,16", 301, 207, 3},
	{"image origin", "-d 37,53 -p RPCL -n 4 -c [64,64],[32,32] -b 16,16", 301, 207, 3},
	{"image and tile origins", "-d 37,53 -T 11,13 -t 96,80 -n 3 -p PCRL -c [32,32] -b 16,16", 301, 207, 3},
	{"tile origin and layers", "-d 9,9 -T 3,5 -t 128,64 -n 4 -p RLCP -r 20,5 -c [32,32] -b 8,8", 301, 207, 3},
	{"progression changes", "-n 4 -POC T1=0,0,1,2,3,RLCP/T1=2,0,1,4,3,CPRL -c [64,64] -b 16,16", 301, 207, 3},
	{"progression changes with layers", "-r 30,8,2 -n 4 -POC T1=0,0,3,2,3,LRCP/T1=2,0,3,4,3,RPCL -c [64,64] -b 16,16", 301, 207, 3},
	{"progression changes by component", "-r 30,8,2 -n 4 -POC T1=0,0,3,4,1,RPCL/T1=0,1,3,4,3,PCRL -c [64,64] -b 16,16", 301, 207, 3},
	{"one level", "-n 2 -c [32,32] -b 16,16", 301, 207, 1},
	{"no levels", "-n 1 -c [32,32] -b 16,16", 301, 207, 1},
	{"more levels than pixels", "-n 6 -p RPCL", 37, 33, 3},
	{"deep trees", "-b 4,4 -n 3 -r 50,20,10,5,2", 301, 207, 1},
	{"code-blocks of 4 by 1024", "-b 4,1024", 301, 207, 1},
}

// TestStructures holds each structure against all that is promised of it.
func TestStructures(t *testing.T) {
	for _, tc := range structures {
		t.Run(tc.name, func(t *testing.T) {
			path, data := encode(t, picture(t, tc.w, tc.h, tc.chans), "out.jp2", tc.options+" -PLT -SOP")
			x := mustIndex(t, data)
			checkLengths(t, x, data)
			checkScan(t, x, data)
			checkForm(t, x, data)
			compareRegions(t, path, data, 4)
		})
	}
}

// checkLengths: what PLT says and what the packet headers add up to are found in ways
// that share nothing but the progression, and SOP shows where packets begin.
func checkLengths(t *testing.T, x *Index, data []byte) {
	t.Helper()
	walked := walkAll(t, data, mustParse(t, data))
	for i := range x.tiles {
		if !slices.EqualFunc(x.tiles[i].Load().parts, walked[i], equalSpans) {
			t.Fatalf("tile %d: PLT and headers differ", i)
		}
		checkNumbers(t, x, i, data)
	}
}

func mustIndex(t testing.TB, data []byte) *Index {
	t.Helper()
	x, err := BuildIndex(bytes.NewReader(data), int64(len(data)), mustParse(t, data), DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// checkScan: the SOP markers of every structure show the same packets.
func checkScan(t *testing.T, x *Index, data []byte) {
	t.Helper()
	for i := range x.tiles {
		var parts []tilePart
		own := x.tiles[i].Load().parts
		for _, p := range own {
			parts = append(parts, tilePart{body: p.offset, end: p.offset + p.total})
		}
		if err := scanPackets(newSource(bytes.NewReader(data), int64(len(data)), 1<<30), parts); err != nil {
			t.Fatal(err)
		}
		for j, p := range parts {
			if !equalSpans(span{p.body, p.lengths}, own[j]) {
				t.Errorf("tile %d, part %d: SOP shows other packets", i, j)
			}
		}
	}
}

// walkAll indexes by packet headers whatever PLT says.
func walkAll(t *testing.T, data []byte, h *Header) [][]span {
	t.Helper()
	src := newSource(bytes.NewReader(data), int64(len(data)), 1<<30)
	walk := newPartWalker(src, &h.Codestream, DefaultBudget(), newEffort(1<<20))
	if err := walk.follow(); err != nil {
		t.Fatal(err)
	}
	all := make([][]span, len(walk.tiles))
	for i, heads := range walk.tiles {
		params := heads.own.over(h.Codestream.Params)
		grid := newTileGrid(&h.Codestream.Size, &params, h.Codestream.Size.Tile(int64(i)))
		if err := walkPackets(src, &h.Codestream.Size, grid, heads.parts, nil, DefaultBudget(), newEffort(1<<20)); err != nil {
			t.Fatalf("tile %d: %v", i, err)
		}
		for _, p := range heads.parts {
			all[i] = append(all[i], span{p.body, p.lengths})
		}
	}
	return all
}

func equalSpans(a, b span) bool {
	return a.offset == b.offset && a.count == b.count && bytes.Equal(a.coded, b.coded)
}

// checkNumbers: packet number n of a tile in codestream order carries Nsop n (A.8.1).
func checkNumbers(t *testing.T, x *Index, tile int, data []byte) {
	t.Helper()
	l, err := x.layoutOf(tile)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ref := range l.sequence(&x.size) {
		p := l.packets[ref.slot(l.params.Layers)]
		want := []byte{0xFF, 0x91, 0, 4, byte(n >> 8), byte(n)}
		if !bytes.HasPrefix(data[p.offset:], want) {
			t.Fatalf("tile %d, packet %d (%+v): % x", tile, n, ref, data[p.offset:p.offset+6])
		}
		n++
	}
	if n != l.tileGrid.packets() {
		t.Errorf("tile %d: %d packets, want %d", tile, n, l.tileGrid.packets())
	}
}
