package jp2

import (
	"bytes"
	"errors"
	"testing"
)

var errDisk = errors.New("disk on fire")

// failing is a file that cannot be read in one place.
type failing struct {
	data []byte
	at   int64
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off <= f.at && off+int64(len(p)) > f.at {
		return 0, errDisk
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}

// TestReaderFailsAnywhere: wherever reading fails, that is never taken for a fault of the
// file, which would be remembered.
func TestReaderFailsAnywhere(t *testing.T) {
	psot := partOf(1, 0, twoPackets, segment(PLT, 0, 1, 1))
	clear(psot[6:10])
	eph := partOf(0, 0, []byte{0, 0xFF, 0x92, 0, 0xFF, 0x92}, segment(COD, 4, 0, 0, 1, 0, 1, 4, 4, 0, 1))
	for name, data := range map[string][]byte{
		"Psot 0": chain(partOf(0, 0, twoPackets), psot, eoc),
		"EPH":    chain(eph, partOf(1, 0, twoPackets), eoc),
	} {
		h := mustParse(t, data)
		for at := h.Codestream.Tiles; at < int64(len(data)); at++ {
			// Every byte is asked for by itself, so that each read fails in its turn.
			ready := make([]Range, 0, len(data))
			for i := range data {
				ready = append(ready, Range{int64(i), 1})
			}
			x, err := NewIndex(h)
			if err != nil {
				t.Fatal(err)
			}
			err = x.Follow(failing{data, at}, int64(len(data)), h, ready, DefaultBudget(), nil)
			var refusal *Error
			if errors.As(err, &refusal) {
				t.Errorf("%s: byte %d not read: %v", name, at, err)
			}
		}
	}
}
