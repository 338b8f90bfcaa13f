package store

import (
	"io/fs"
	"iter"
	"os"
)

// Spelled is a folder as far as its names matter.
type Spelled interface {
	Lstat(name string) (fs.FileInfo, error)
	Names() iter.Seq2[string, error]
}

// FoldsCase and ProbeCase are what a Dir goes by.
var (
	FoldsCase = foldsCase
	ProbeCase = probeCase
)

// Spelling is a real folder.
func Spelling(root *os.Root, path string) Spelled { return inFolder{root, path} }

// TellsApart is asked of each file that was found.
func (d *Dir) TellsApart(f Spelled, key string) error { return d.tellsApart(f, key) }
