// Package corpus finds the JPEG 2000 files of others that tests run over. They are never
// part of the repository.
package corpus

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Variable names a folder of JPEG 2000 files in the environment of tests: a checkout of
// openjpeg-data, say.
const Variable = "JPEG2000_CORPUS"

const (
	maxFiles = 5000
	maxBytes = 256 << 20 // of one file
)

// File is one file of the corpus.
type File struct {
	Name string // within the folder
	Path string
}

// Files lists the corpus; none where the environment names no folder.
func Files(t testing.TB) []File {
	t.Helper()
	dir := os.Getenv(Variable)
	if dir == "" {
		return nil
	}
	var all []File
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() <= maxBytes {
			name, _ := filepath.Rel(dir, path)
			all = append(all, File{filepath.ToSlash(name), path})
		}
		return err
	})
	if err != nil || len(all) == 0 || len(all) > maxFiles {
		t.Fatalf("%d JPEG 2000 files in %s, which %s names: %v", len(all), dir, Variable, err)
	}
	return all
}

var extensions = []string{".jp2", ".jpx", ".jpf", ".jph", ".j2k", ".j2c", ".jpc", ".jhc"}
