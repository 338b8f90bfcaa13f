package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
)

// export writes a record of n entries by an actor as `admin audit export` does.
func export(t *testing.T, n int, actor string) (lines []string, head audit.Head) {
	t.Helper()
	for range n {
		e, err := head.Next(t.Context(), time.Now(), audit.Event{Name: audit.UserUpdated, Actor: actor})
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		lines, head = append(lines, string(line)), e.Head()
	}
	return lines, head
}

// R64: an export is checked without asking anybody.
func TestVerifyExport(t *testing.T) {
	lines, head := export(t, 9, "a")
	_, other := export(t, 9, "b")
	altered := append([]string{}, lines...)
	altered[3] = strings.Replace(altered[3], `"actor":"a"`, `"actor":"b"`, 1)
	for name, test := range map[string]struct {
		lines  []string
		args   []string
		status int
		says   string
	}{
		"whole":       {lines, nil, 0, "9 entries, none altered or missing"},
		"noted":       {lines, []string{"--head", "9:" + head.Hash.String()}, 0, "9 entries"},
		"altered":     {altered, nil, 1, "audit entry 4 was altered"},
		"removed":     {append(lines[:3:3], lines[4:]...), nil, 1, "audit entry 4 is missing"},
		"cut off":     {lines[:8], []string{"--head", "9:" + head.Hash.String()}, 1, "entry 9, which was noted, is not there"},
		"all forged":  {lines, []string{"--head", "9:" + other.Hash.String()}, 1, "entry 9 is not the one"},
		"no entry":    {append(lines[:2:2], "{"), nil, 1, "line 3"},
		"no head":     {lines, []string{"--head", "9"}, 2, "NUMBER:HASH"},
		"no argument": {lines, []string{"x"}, 2, "admin audit verify"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "audit.jsonl")
			if err := os.WriteFile(file, []byte(strings.Join(test.lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			status, said := call(append([]string{"admin", "audit", "verify", "--file", file}, test.args...)...)
			if status != test.status || !strings.Contains(said, test.says) {
				t.Errorf("%d %s, want %d %q", status, said, test.status, test.says)
			}
		})
	}
	if status, said := call("admin", "audit", "verify", "--file", "/nowhere/at/all"); status != 2 || !strings.Contains(said, "cannot read") {
		t.Errorf("%d %s", status, said)
	}
}
