package store

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// Access rules compare names letter by letter. A folder that finds a file by another
// spelling too, as shares of SMB and ext4 with casefold do, would show it by a name that
// no rule means, so nothing of such a folder is served.

// errFolds is why.
var errFolds = errors.New("names that differ in case alone lead to the same file there, so images could be seen by names that no access rule means: " +
	"mount it so that case counts (SMB without nocase, from a server with case sensitive = yes; ext4 without casefold), or copy the files to a folder where it does")

// spelled is a folder as far as its names matter.
type spelled interface {
	Lstat(name string) (fs.FileInfo, error)
	Names() iter.Seq2[string, error]
}

// foldsCase tells whether a folder finds one of its entries by another spelling. Mostly it
// costs one look for a file that is not there. Two names of one file (hard links) may
// differ in case alone: then both are listed.
func foldsCase(f spelled, name string) (bool, error) {
	other := otherCase(name)
	if other == name {
		return false, nil
	}
	twin, err := f.Lstat(other)
	if err != nil {
		return false, unlessNowhere(err)
	}
	info, err := f.Lstat(name)
	if err != nil || !os.SameFile(info, twin) {
		return false, unlessNowhere(err)
	}
	for listed, err := range f.Names() {
		switch {
		case err != nil:
			return false, err
		case listed == name:
			name = ""
		case listed == other:
			other = ""
		}
		if name+other == "" {
			return false, nil
		}
	}
	return true, nil
}

func unlessNowhere(err error) error {
	if err == nil || leadsNowhere(err) {
		return nil
	}
	return err
}

// otherCase swaps the case of ASCII letters: the extension of every image has some.
func otherCase(name string) string {
	swapped := []byte(name)
	for i, c := range swapped {
		if lower := c | 0x20; 'a' <= lower && lower <= 'z' {
			swapped[i] = c ^ 0x20
		}
	}
	return string(swapped)
}

// inFolder is a folder below a root; the empty path is the root itself.
type inFolder struct {
	*os.Root
	path string
}

func (f inFolder) Lstat(name string) (fs.FileInfo, error) {
	return f.Root.Lstat(path.Join(f.path, name))
}

// Names reads a folder in pieces: it may have a million entries.
func (f inFolder) Names() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		opened, err := f.Open(cmp.Or(f.path, "."))
		if err != nil {
			yield("", err)
			return
		}
		defer func() { _ = opened.Close() }()
		for {
			names, err := opened.Readdirnames(1000)
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield("", err)
				return
			}
		}
	}
}

// probeCase looks at the first entry whose name has letters: it is a property of the
// folder. Folders below, which may be mounted, are looked at as their files are asked for.
func probeCase(f spelled) error {
	for name, err := range f.Names() {
		if err != nil {
			return err
		}
		if otherCase(name) == name {
			continue
		}
		folds, err := foldsCase(f, name)
		if err == nil && folds {
			err = errFolds
		}
		return err
	}
	return nil
}

// tellsApart refuses a file whose folder does not tell spellings apart.
func (d *Dir) tellsApart(f spelled, key string) error {
	folds, err := foldsCase(f, path.Base(key))
	if err != nil {
		return d.failure(key, err)
	}
	if folds {
		d.complain.Do(func() { d.log.Error("nothing of this folder is served", "folder", path.Dir(key), "error", errFolds) })
		return tile.Fail(tile.Internal, "", errFolds)
	}
	return nil
}
