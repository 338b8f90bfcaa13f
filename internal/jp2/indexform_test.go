package jp2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// checkForm: a stored index comes back as it was.
func checkForm(t testing.TB, x *Index, data []byte) {
	t.Helper()
	stored := store(t, x)
	back, err := ParseIndex(stored, DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(store(t, back), stored) {
		t.Error("stored again it differs")
	}
	area := x.size.Area()
	region := Rect{3, 5, min(area.width(), 40), min(area.height(), 30)}
	if !bytes.Equal(synthesise(t, back, data, region, 0), synthesise(t, x, data, region, 0)) {
		t.Error("its synthesis differs")
	}
}

// TestIndexSize: about a byte and a half a packet, besides headers.
func TestIndexSize(t *testing.T) {
	_, data := encode(t, picture(t, 601, 407, 3), "out.j2k", "-p RPCL -n 4 -c [32,32] -b 16,16 -I -r 20")
	x := mustIndex(t, data)
	packets := x.tiles[0].Load().parts[0].count
	if size := len(store(t, x)); size > packets*3/2+400 {
		t.Errorf("%d bytes for %d packets", size, packets)
	}
}

func store(t testing.TB, x *Index) []byte {
	t.Helper()
	stored, err := x.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func synthesise(t testing.TB, x *Index, data []byte, region Rect, reduce int) []byte {
	t.Helper()
	plan, err := x.Plan(region, reduce)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := plan.Synthesise(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// sealed puts the right checksum at the end, so that damage gets past it.
func sealed(body []byte) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(body), crc32.Checksum(body, castagnoli))
}

// tinyIndex is the index of a file forged with two packets.
func tinyIndex(t testing.TB) []byte { return store(t, mustIndex(t, tinyFile())) }

// tinyFile has one tile of two empty packets.
func tinyFile() []byte {
	stream := forge{}.stream()
	body := stream[:len(stream)-len(emptyTilePart)]
	return append(body, 0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 16, 0, 1, 0xFF, 0x93, 0, 0, 0xFF, 0xD9)
}

func TestIndexDamage(t *testing.T) {
	stored := tinyIndex(t)
	for i := range stored {
		damaged := bytes.Clone(stored)
		damaged[i] ^= 0x10
		if _, err := ParseIndex(damaged, DefaultBudget()); err == nil {
			t.Errorf("byte %d changed, and not noticed", i)
		}
		if _, err := ParseIndex(stored[:i], DefaultBudget()); err == nil {
			t.Errorf("cut at %d, and not noticed", i)
		}
		if _, err := ParseIndex(sealed(stored[:i]), DefaultBudget()); i < len(stored)-crc32.Size && err == nil {
			t.Errorf("cut at %d and sealed, and not noticed", i)
		}
	}
	if _, err := ParseIndex(sealed(append(stored[:len(stored)-crc32.Size], 0)), DefaultBudget()); err == nil {
		t.Error("a byte too many was not noticed")
	}
}

// FuzzParseIndex: whatever a stored index says, planning with it fails in good order.
func FuzzParseIndex(f *testing.F) {
	stored := tinyIndex(f)
	f.Add(stored[:len(stored)-crc32.Size])
	f.Add([]byte(indexMagic))
	f.Add(longPacket(f))
	for _, data := range fuzzedFiles(f) {
		stored = store(f, mustIndex(f, data))
		f.Add(stored[:len(stored)-crc32.Size])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		x, err := ParseIndex(sealed(body), DefaultBudget())
		var refusal *Error
		if err != nil {
			if !errors.As(err, &refusal) {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		exercise(t, x, tinyFile())
	})
}

// longPacket is a stored index, without its checksum, of a small file with a first packet of
// 32 GB.
func longPacket(t testing.TB) []byte {
	t.Helper()
	stored, x := tinyIndex(t), mustIndex(t, tinyFile())
	part := x.tiles[0].Load().parts[0]
	body := stored[:len(stored)-crc32.Size]
	body = body[:len(body)-6] // one part of two packets
	lengths := binary.AppendUvarint(binary.AppendUvarint(nil, 1<<35), 1)
	body = binary.AppendVarint(append(body, 1), part.offset)
	return append(append(body, byte(len(lengths))), lengths...)
}

// TestIndexNotTrusted: for packets that a stored index makes longer than the file, no more
// memory is taken than for those of a sound one, but for a little.
func TestIndexNotTrusted(t *testing.T) {
	x, err := ParseIndex(sealed(longPacket(t)), DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := x.Plan(Rect{0, 0, 8, 8}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, needed := plan.Packets(); needed < 1<<35 {
		t.Fatalf("a plan for %d bytes", needed)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = plan.Synthesise(bytes.NewReader(tinyFile()))
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, io.ErrUnexpectedEOF) || n > 3*trusted {
		t.Errorf("%d bytes allocated: %v", n, err)
	}
}

// exercise plans and synthesises, and checks that the result is a sound codestream.
func exercise(t *testing.T, x *Index, data []byte) {
	t.Helper()
	plan, err := x.Plan(Rect{1, 1, 100, 100}, 0)
	if err != nil {
		return
	}
	stream, err := plan.Synthesise(bytes.NewReader(data))
	if err != nil {
		return
	}
	h, err := parse(stream)
	if err != nil {
		t.Fatalf("synthetic header: %v", err)
	}
	if file, err := plan.SynthesiseFile(bytes.NewReader(data)); err != nil || !bytes.HasSuffix(file, stream) {
		t.Fatalf("synthetic file: %v", err)
	}
	if h.Width < 1 || h.Codestream.Size.Tiles() != int64(len(plan.tiles)) {
		t.Fatalf("synthetic facts: %+v", h.Facts)
	}
}

// FuzzBuildIndex: from bytes to a synthetic codestream.
func FuzzBuildIndex(f *testing.F) {
	f.Add(tinyFile())
	f.Add(richFile())
	for _, tc := range hostileParts() {
		f.Add(tc.data)
	}
	for _, options := range []string{"-n 2 -PLT -SOP -EPH", "-t 16,16 -n 2 -TLM", "-n 3 -t 16,16 -M 5 -r 4,1", "-n 2 -p PCRL -TP R -c [16,16] -b 4,4"} {
		_, data := encode(f, picture(f, 33, 21, 1), "seed.j2k", options)
		f.Add(data)
	}
	for _, data := range slices.Concat(fuzzedFiles(f), publicFiles(f)) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parse(data)
		if err != nil {
			return
		}
		fuzzOutline(t, data, h)
		checkBuild(t, data)
	})
}

// TestIndexPartsBounded: what is made for the tile-parts that a stored index announces is
// bounded by the bytes that are there for them, and by the budget.
func TestIndexPartsBounded(t *testing.T) {
	stored := tinyIndex(t)
	body := stored[:len(stored)-crc32.Size]
	body = body[:len(body)-6] // one part of two packets: where, its lengths, and their number before
	many := append(binary.AppendUvarint(bytes.Clone(body), 1<<20), make([]byte, 1<<20)...)
	room := append(binary.AppendUvarint(bytes.Clone(body), 1<<20), make([]byte, 1<<21)...)
	for name, form := range map[string][]byte{"more than bytes": many, "more than the budget": room} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ParseIndex(sealed(form), DefaultBudget())
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "has 1048576 tile-parts") {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
}
