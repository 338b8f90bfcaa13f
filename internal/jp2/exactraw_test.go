package jp2

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestExactSamples: depths, signs and sampling that PNM files cannot hold.
func TestExactSamples(t *testing.T) {
	for _, tc := range []struct{ name, format, options string }{
		{"16 bits", "200,150,3,16,u", "-n 4 -p RPCL -c [64,64] -b 16,16"},
		{"16 bits lossy", "200,150,1,16,u", "-n 4 -I -r 8 -p PCRL -c [64,64] -b 16,16"},
		{"12 bits signed", "200,150,1,12,s", "-n 3 -c [32,32] -b 8,8"},
		{"4 bits", "200,150,1,4,u", "-n 3 -c [32,32] -b 8,8"},
		{"5 components", "100,80,5,8,u", "-n 3 -mct 0 -p CPRL -c [32,32] -b 8,8"},
		{"4:2:0", "400,300,3,8,u@1x1:2x2:2x2", "-n 3 -mct 0 -p RPCL -c [64,64],[32,32] -b 16,16"},
		{"4:2:2 in tiles", "400,300,3,8,u@1x1:2x1:2x1", "-n 3 -mct 0 -p PCRL -t 128,128 -c [32,32] -b 16,16"},
		{"sampling by 3", "400,300,3,8,u@1x1:3x3:3x1", "-n 3 -mct 0 -p CPRL -c [64,64],[32,32] -b 16,16"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw := filepath.Join(t.TempDir(), "in.raw")
			if err := os.WriteFile(raw, bytes.Repeat(texture(400, 150, 1), 10), 0o600); err != nil {
				t.Fatal(err)
			}
			path, data := encode(t, raw, "out.j2k", "-F "+tc.format+" "+tc.options)
			compareRegions(t, path, data, 4)
		})
	}
}
