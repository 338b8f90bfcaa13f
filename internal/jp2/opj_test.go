package jp2

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool runs one of OpenJPEG's programs (package libopenjp2-tools) and returns what it says.
func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// texture is a deterministic picture with both smooth parts and detail, interleaved,
// one byte a sample.
func texture(w, h, channels int) []byte {
	pix := make([]byte, 0, w*h*channels)
	noise := uint32(1)
	for y := range h {
		for x := range w {
			for c := range channels {
				noise = noise*1664525 + 1013904223
				pix = append(pix, byte(x*(c+2)/3+y*2+(x*y>>6)+int(noise>>30)*(x>>5&3)))
			}
		}
	}
	return pix
}

// picture writes a PGM (1 channel) or PPM (3 channels) for opj_compress to read.
func picture(t testing.TB, w, h, channels int) string {
	t.Helper()
	kind := map[int]int{1: 5, 3: 6}[channels]
	pnm := append(fmt.Appendf(nil, "P%d\n%d %d\n255\n", kind, w, h), texture(w, h, channels)...)
	path := filepath.Join(t.TempDir(), fmt.Sprintf("in.p%cm", "xgxp"[channels]))
	if err := os.WriteFile(path, pnm, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// encode compresses a picture; name's extension chooses boxes or a bare codestream.
func encode(t testing.TB, in, name, options string) (path string, data []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	tool(t, "opj_compress", append([]string{"-i", in, "-o", path}, strings.Fields(options)...)...)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, data
}

// parse reads the header of a file held in memory.
func parse(data []byte) (*Header, error) {
	return ReadHeader(bytes.NewReader(data), int64(len(data)), DefaultBudget())
}

func mustParse(t testing.TB, data []byte) *Header {
	t.Helper()
	h, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
