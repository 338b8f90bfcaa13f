package store

import (
	"encoding/base64"
	"path/filepath"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// digest is the part of tile.Key.Hash that names a file: 96 bits are enough to find
// a result, and the key in the file's header decides whether it is the one.
type digest [12]byte

const nameLength = 16 // of a digest in base64

func digestOf(key tile.Key) digest {
	d, _ := parseDigest(key.Hash()[:nameLength])
	return d
}

func parseDigest(name string) (d digest, ok bool) {
	if len(name) != nameLength {
		return d, false
	}
	n, err := base64.RawURLEncoding.Decode(d[:], []byte(name))
	return d, err == nil && n == len(d)
}

func (d digest) String() string { return base64.RawURLEncoding.EncodeToString(d[:]) }

// path fans out by one character: 64 folders, which are soon all there. File systems find a
// name among a million well; to make a folder for most results took longer than the result.
func (d digest) path(dir string) string {
	name := d.String()
	return filepath.Join(dir, name[:1], name)
}
