//go:build cgo

package decode

import (
	"bytes"
	"os"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/jp2/corpus"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// mutatedBytes bounds the streams that are mutated.
const mutatedBytes = 16 << 10

// FuzzTaken decodes mutated streams by our own means and by OpenJPEG alone. Where both
// decode them they agree on every sample; where OpenJPEG refuses, so do we.
func FuzzTaken(f *testing.F) {
	for _, stream := range fuzzedStreams(f) {
		for _, at := range []uint32{0, 90, 130, uint32(len(stream) / 2), uint32(len(stream) - 9)} {
			f.Add(stream, at, byte(at), at*2, byte(at/90), byte(at))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, at uint32, by byte, again uint32, with, where byte) {
		if len(stream) == 0 || len(stream) > mutatedBytes {
			return
		}
		stream = bytes.Clone(stream)
		stream[int(at)%len(stream)] ^= by
		stream[int(again)%len(stream)] ^= with
		compareMutated(t, stream, where)
	})
}

func compareMutated(t *testing.T, stream []byte, where byte) {
	t.Helper()
	c, err := jp2.Take(stream, jp2.DefaultBudget())
	if err != nil || c.Size.Width()*c.Size.Height() > 1<<20 {
		return // OpenJPEG does it, or would take its time
	}
	req := of(jp2.Rect{X1: 64, Y1: 64}, 0)
	if where&1 != 0 {
		req = of(jp2.Rect{X0: int64(where >> 5), Y0: int64(where >> 4 & 1), X1: 9 + int64(where>>3&7), Y1: 12}, 0)
	}
	req.Budget = 1 << 20
	plain := req
	req.Stream = int64(len(stream))
	kept.clear()
	got, taken, err := samplesOf(stream, req)
	if !taken {
		return // OpenJPEG did it
	}
	want, _, refused := samplesOf(stream, plain)
	switch {
	case err != nil && refused == nil:
		t.Fatalf("refused: %v", err)
	case err == nil && refused != nil:
		t.Fatalf("decoded, though OpenJPEG says %v", refused)
	case err != nil && tile.CodeOf(err) != tile.CodeOf(refused):
		t.Fatalf("refused: %v, and by OpenJPEG: %v", err, refused)
	case !bytes.Equal(got, want):
		t.Fatalf("%s", firstDifference(got, want))
	}
	req.Threads = protocol.MaxThreads
	if again, _, err := samplesOf(stream, req); err == nil && !bytes.Equal(again, want) {
		t.Fatalf("of what is kept: %s", firstDifference(again, want))
	}
}

// fuzzedStreams are small ones of several structures.
func fuzzedStreams(f *testing.F) [][]byte {
	f.Helper()
	var streams [][]byte
	for _, c := range []coded{
		{"", "24,20,3,8,u", "-n 3 -b 8,8 -r 6,2", nil},
		{"", "24,20,1,8,u", "-n 3 -I -r 3 -b 16,16", nil},
		{"", "24,20,1,12,s", "-n 2 -M 62 -b 8,8", nil},
		{"", "24,20,3,8,u@1x1:2x2:2x2", "-n 2 -mct 0 -t 8,8 -M 4 -EPH", nil},
		{"", "19,17,3,8,u", "-n 2 -I -r 3 -t 8,8 -d 7,5 -T 3,1 -M 8", nil},
		{"", "20,20,3,8,u@1x1:4x4:4x4", "-mct 0 -t 6,6 -n 1", nil},
	} {
		file := c.file(f)
		h := header(f, file)
		stream, req := synthesised(f, indexOf(f, file), file, jp2.Rect{X1: int64(h.Width), Y1: int64(h.Height)}, 0)
		if _, taken, err := samplesOf(stream, req); err != nil || !taken {
			f.Fatalf("%s: a seed is not taken: %v", c.options, err)
		}
		streams = append(streams, stream)
	}
	return append(streams, publicStreams(f)...)
}

// publicStreams are what is made of a corner of public files, where those are at hand and it
// is taken apart.
func publicStreams(f *testing.F) (streams [][]byte) {
	f.Helper()
	for _, file := range corpus.Files(f) {
		data, err := os.ReadFile(file.Path)
		if err != nil {
			f.Fatal(err)
		}
		h, err := jp2.ReadHeader(bytes.NewReader(data), int64(len(data)), jp2.DefaultBudget())
		if err != nil {
			continue
		}
		x, err := jp2.BuildIndex(bytes.NewReader(data), int64(len(data)), h, jp2.DefaultBudget())
		if err != nil {
			continue
		}
		plan, err := x.Plan(jp2.Rect{X1: 20, Y1: 20}, 0)
		if err != nil {
			continue
		}
		if stream, err := plan.SynthesiseFile(bytes.NewReader(data)); err == nil && len(stream) <= mutatedBytes {
			if _, err := jp2.Take(stream, jp2.DefaultBudget()); err == nil {
				streams = append(streams, stream)
			}
		}
	}
	return streams
}
