package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// folding finds names as a share without regard to case does.
type folding struct{ store.Spelled }

func (f folding) Lstat(name string) (fs.FileInfo, error) {
	for listed, err := range f.Names() {
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(listed, name) {
			return f.Spelled.Lstat(listed)
		}
	}
	return f.Spelled.Lstat(name)
}

func spelling(t *testing.T, folder string) store.Spelled {
	t.Helper()
	root, err := os.OpenRoot(folder)
	must(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return store.Spelling(root, "")
}

// R30: policy and storage see the same identifier, so a folder that has several for one
// file is not served.
func TestFoldersThatFoldCase(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "Map.jp2", "one")
	write(t, folder, "map.jp2", "another")
	write(t, folder, "sheet.jp2", "one")
	must(t, os.Link(filepath.Join(folder, "sheet.jp2"), filepath.Join(folder, "SHEET.JP2")))
	write(t, folder, "1890", "no letters")
	plain := spelling(t, folder)
	alone := t.TempDir()
	write(t, alone, "linked.jp2", "one")
	must(t, os.Link(filepath.Join(alone, "linked.jp2"), filepath.Join(folder, "elsewhere.jp2")))
	for name, test := range map[string]struct {
		folder store.Spelled
		file   string
		folds  bool
	}{
		"R30 alone":                          {plain, "Map.jp2", false},
		"R30 hard links":                     {plain, "sheet.jp2", false},
		"R30 no letters":                     {plain, "1890", false},
		"R30 gone":                           {plain, "gone.jp2", false},
		"R30 share":                          {folding{spelling(t, alone)}, "linked.jp2", true},
		"R30 share, asked by the other":      {folding{spelling(t, alone)}, "LINKED.JP2", true},
		"R30 share, asked by one in between": {folding{spelling(t, alone)}, "Linked.jp2", true},
	} {
		t.Run(name, func(t *testing.T) {
			folds, err := store.FoldsCase(test.folder, test.file)
			if err != nil || folds != test.folds {
				t.Errorf("folds: %v, %v", folds, err)
			}
		})
	}
	t.Run("R30 at start", func(t *testing.T) {
		must(t, store.ProbeCase(plain))
		must(t, store.ProbeCase(spelling(t, t.TempDir())))
		err := store.ProbeCase(folding{spelling(t, alone)})
		if err == nil || !strings.Contains(err.Error(), "mount it so that case counts") {
			t.Errorf("started, or does not say what to do: %v", err)
		}
	})
	t.Run("R30 mounted below", func(t *testing.T) {
		d := openDir(t, folder, quiet)
		if err := d.TellsApart(folding{spelling(t, alone)}, "below/linked.jp2"); tile.CodeOf(err) != tile.Internal {
			t.Errorf("found: %v", err)
		}
	})
}
