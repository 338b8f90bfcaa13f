package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/packets"
)

var update = flag.Bool("update", false, "write the golden files anew")

// inspected runs the command in the folder of samples and returns what it prints.
func inspected(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	t.Chdir(filepath.Join("testdata", "inspect"))
	var out, complaints bytes.Buffer
	env := environment{args: append([]string{"inspect"}, args...), stdout: &out, stderr: &complaints}
	status = run(t.Context(), context.Background(), env)
	return out.String(), complaints.String(), status
}

// TestInspect: the JSON of each sample is as it was. The samples: the recommended profile;
// tiles that do not halve, layers and no PLT; neither tiles nor precincts; lengths that do
// not add up; a file cut short.
func TestInspect(t *testing.T) {
	for _, name := range []string{"profile.jp2", "walked.j2k", "uncut.jp2", "refused.jp2", "broken.jp2"} {
		t.Run(name, func(t *testing.T) {
			got, _, status := inspected(t, "--json", name)
			if (status != 0) != (name == "broken.jp2") {
				t.Errorf("status %d", status)
			}
			golden := name + ".json"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || got != string(want) {
				t.Errorf("%v; got\n%s", err, got)
			}
		})
	}
}

// TestInspectForPeople: plain words, and all files in spite of one that is none.
func TestInspectForPeople(t *testing.T) {
	out, complaint, status := inspected(t, "missing.jp2", "walked.j2k", "refused.jp2", "broken.jp2")
	if status != 1 || complaint != "tessera: some files could not be inspected\n" {
		t.Errorf("status %d: %s", status, complaint)
	}
	for _, want := range []string{
		"missing.jp2\n  cannot be inspected: open missing.jp2: no such file or directory\n",
		"picture    700×500 pixels, 1 components, 8 bits, not told",
		"tiles      56 of 100×70 pixels, 56 tile-parts",
		"index      from packet headers: ",
		"index      not possible: SOT at byte ",
		"broken.jp2\n  cannot be inspected: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

// TestInspectForesees: what the server will decode from the whole file is told, and why.
func TestInspectForesees(t *testing.T) {
	noise := image.NewGray(image.Rect(0, 0, 1500, 1500))
	for i := range noise.Pix {
		noise.Pix[i] = byte(i*i>>7 ^ i*13)
	}
	path := decodertest.JP2(t, noise, "-n", "3")
	t.Run("JSON", func(t *testing.T) {
		out, _, _ := inspected(t, "--json", path)
		var reports []inspection
		if err := json.Unmarshal([]byte(out), &reports); err != nil {
			t.Fatal(err)
		}
		if first, last := reports[0].Tiles[0], reports[0].Tiles[2]; first.Whole != 100 || first.Why != packets.Most || last.Whole != 0 || last.Why != "" {
			t.Errorf("tiles %+v", reports[0].Tiles)
		}
	})
	t.Run("words", func(t *testing.T) {
		if out, _, _ := inspected(t, path); !strings.Contains(out, "100 % of tiles: the whole file, since they take most of it") {
			t.Errorf("%s", out)
		}
	})
}

func TestInspectUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"--yaml", "profile.jp2"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			if _, complaint, status := inspected(t, args...); status != 2 || complaint == "" {
				t.Errorf("status %d, %q", status, complaint)
			}
		})
	}
	if out, _, status := inspected(t, "--help"); status != 0 || !strings.Contains(out, "--json") {
		t.Errorf("help: status %d, %q", status, out)
	}
}
