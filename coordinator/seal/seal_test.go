package seal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/seal"
)

// R42: what is kept opens with its key, for its use, whole.
func TestSeal(t *testing.T) {
	a, b := seal.Key{1}, seal.Key{2}
	sealed := a.Seal("a refresh token", "refresh of s1")
	if strings.Contains(sealed, "refresh") || sealed == a.Seal("a refresh token", "refresh of s1") {
		t.Error("the text, or that two are alike, can be seen")
	}
	if text, err := a.Open(sealed, "refresh of s1"); err != nil || text != "a refresh token" {
		t.Errorf("opened: %q, %v", text, err)
	}
	for name, open := range map[string]func() (string, error){
		"R42 another key":     func() (string, error) { return b.Open(sealed, "refresh of s1") },
		"R42 another session": func() (string, error) { return a.Open(sealed, "refresh of s2") },
		"R42 damaged":         func() (string, error) { return a.Open("A"+sealed[1:], "refresh of s1") },
		"R42 cut":             func() (string, error) { return a.Open(sealed[:20], "refresh of s1") },
		"R42 not sealed":      func() (string, error) { return a.Open("a refresh token", "refresh of s1") },
	} {
		if text, err := open(); !errors.Is(err, seal.ErrSealed) || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if a.Seal("", "x") != "" {
		t.Error("nothing became something")
	}
}

func TestKeyIn(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	keys := make([]seal.Key, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			k, err := seal.KeyIn(folder)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	all.Wait()
	for _, k := range keys {
		if k != keys[0] || k == (seal.Key{}) {
			t.Fatal("two processes have two keys")
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	if info, err := os.Stat(filepath.Join(folder, "tokens.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read it: %v", info.Mode())
	}
	if err := os.WriteFile(filepath.Join(folder, "tokens.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.KeyIn(folder); err == nil {
		t.Error("a damaged key was taken")
	}
}
