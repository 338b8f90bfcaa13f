package jp2

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2/jp2test"
)

// TestExactJoined: headers that outrank each other, where what they say differs.
func TestExactJoined(t *testing.T) {
	for _, tc := range jp2test.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			data := tc.Make(func(skip int, layout, options string) []byte {
				raw := filepath.Join(t.TempDir(), "in.raw")
				if err := os.WriteFile(raw, texture(400, 600, 1)[skip:], 0o600); err != nil {
					t.Fatal(err)
				}
				_, data := encode(t, raw, "part.j2k", "-F "+layout+" "+options)
				return data
			})
			compareRegions(t, save(t, data), data, 12)
		})
	}
}
