package jp2

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2/corpus"
)

// FuzzPacketHeaders follows packet headers of any style: in their places, packed into
// PPT, or shown by SOP markers.
func FuzzPacketHeaders(f *testing.F) {
	for style := range 8 {
		f.Add(byte(style*9), byte(style), byte(2), []byte{0, 0, oneByteHeader, 0xAA, 0, 0}, []byte(nil))
	}
	f.Add(byte(HTBlocks), byte(0), byte(1), []byte{0xAA, 0xBB}, []byte{oneByteHeader, 0})
	f.Add(byte(HTBlocks|Mixed), byte(2), byte(1), []byte("\xFF\x91\x00\x04\x00\x00\x00\xFF\x91\x00\x04\x00\x01\x00"), []byte(nil))
	f.Add(byte(Bypass|TermAll), byte(6), byte(3), []byte("\xFF\x91\x00\x04\x00\x00\x00\xFF\x92"), []byte{0xFF, 0x92})
	f.Fuzz(func(t *testing.T, style, markers, layers byte, body, packed []byte) {
		cod := []byte{markers & 6, markers >> 3 % 5, 0, layers, 0, 1, 0, 0, style, 1}
		var segments [][]byte
		if len(packed) > 0 {
			segments = append(segments, segment(PPT, append([]byte{0}, packed[:min(len(packed), 1000)]...)...))
		}
		stream := forge{cod: cod}.stream()
		data := slices.Concat(stream[:len(stream)-len(emptyTilePart)], partOf(0, 0, body, segments...), eoc)
		checkBuild(t, data)
	})
}

// checkBuild: an index is refused with a reason, or sound: of what it says the packets
// are, a codestream can be made that is indexed in its turn.
func checkBuild(t *testing.T, data []byte) {
	t.Helper()
	h, err := parse(data)
	if err != nil {
		return
	}
	x, err := BuildIndex(bytes.NewReader(data), int64(len(data)), h, DefaultBudget())
	var refusal *Error
	if err != nil {
		if !errors.As(err, &refusal) {
			t.Fatalf("%v is no *Error", err)
		}
		return
	}
	exercise(t, x, data)
	stored := store(t, x)
	back, err := ParseIndex(stored, DefaultBudget())
	if err != nil || !bytes.Equal(store(t, back), stored) {
		t.Fatalf("does not come back as it was stored: %v", err)
	}
}

// FuzzPlan asks for any region of files of several structures. What is synthesised is
// sound as a codestream, and all of its packets are found where they should be.
func FuzzPlan(f *testing.F) {
	files := fuzzedFiles(f)
	indices := make([]*Index, len(files))
	for i, data := range files {
		indices[i] = mustIndex(f, data)
		f.Add(byte(i), int16(3), int16(5), int16(20), int16(9), byte(i%3))
		f.Add(byte(i), int16(-9), int16(14), int16(200), int16(1), byte(0))
	}
	f.Fuzz(func(t *testing.T, which byte, left, top, width, height int16, reduce byte) {
		i := int(which) % len(files)
		x := indices[i]
		plan, err := x.Plan(Rect{int64(left), int64(top), int64(left) + int64(width), int64(top) + int64(height)}, int(reduce))
		if err != nil {
			return
		}
		if !x.size.Area().contains(plan.Pixels()) && plan.Pixels().Empty() {
			t.Fatalf("plans %+v", plan.Pixels())
		}
		stream, err := plan.Synthesise(fetched{files[i], plan.Ranges(int64(which))})
		if err != nil {
			t.Fatal(err)
		}
		again := mustIndex(t, stream)
		if _, needed := plan.Packets(); again.size.Area() != plan.size.Area() || int64(len(stream)) < needed/2 {
			t.Fatalf("%d bytes for %d", len(stream), needed)
		}
	})
}

// seedBytes bounds the files of others that fuzzing begins with.
const seedBytes = 64 << 10

// publicFiles are the small ones of a public corpus, where there is one (corpus.Variable).
func publicFiles(f *testing.F) (all [][]byte) {
	f.Helper()
	for _, file := range corpus.Files(f) {
		data, err := os.ReadFile(file.Path)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) <= seedBytes {
			all = append(all, data)
		}
	}
	return all
}

// fuzzedFiles are small files of several structures, and public ones that can be indexed.
func fuzzedFiles(f *testing.F) [][]byte {
	f.Helper()
	files := [][]byte{tinyFile()}
	for _, options := range []string{
		"-n 3 -PLT -p RPCL -c [16,16] -b 8,8", "-t 16,16 -n 3 -SOP -EPH -r 9,2", "-d 5,3 -T 2,1 -t 20,16 -n 2 -p PCRL",
		"-n 3 -I -r 4 -M 5 -p CPRL", "-s 2,2 -n 3 -p RLCP",
	} {
		_, data := encode(f, picture(f, 41, 33, 3), "seed.j2k", options)
		files = append(files, data)
	}
	for _, name := range []string{"testdata/ht.j2c", "testdata/ht_lossy.j2c"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, data)
	}
	for _, pack := range []func(*recut, []unpackedPart){ppm, ppt} {
		r := takeApart(f, files[2])
		pack(r, unpack(f, files[2]))
		files = append(files, r.join())
	}
	for _, data := range publicFiles(f) {
		if h, err := parse(data); err == nil {
			if _, err := BuildIndex(bytes.NewReader(data), int64(len(data)), h, DefaultBudget()); err == nil {
				files = append(files, data)
			}
		}
	}
	return files
}
