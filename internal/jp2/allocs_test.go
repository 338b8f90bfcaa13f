package jp2

import (
	"bytes"
	"testing"
)

// TestTileAllocations: what the engine allocates for one tile, from the plan to the file
// that the decoder gets, is bounded whatever the number of packets.
func TestTileAllocations(t *testing.T) {
	const most = 20
	_, data := encode(t, picture(t, 1024, 1024, 3), "out.j2k", "-p RPCL -n 3 -c [32,32],[32,32] -b 16,16 -I -r 20 -PLT")
	x, src := mustIndex(t, data), bytes.NewReader(data)
	n := testing.AllocsPerRun(100, func() {
		plan, err := x.Plan(tileOf256, 1)
		if err != nil || plan.Ranges(16<<10) == nil {
			t.Fatal(err)
		}
		if _, err := plan.SynthesiseFile(src); err != nil {
			t.Fatal(err)
		}
	})
	if n > most {
		t.Errorf("%v allocations a tile, more than %d", n, most)
	}
}
