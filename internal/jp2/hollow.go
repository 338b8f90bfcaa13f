package jp2

import (
	"bytes"
	"encoding/binary"
)

// Hollow is a file with the same headers around an image of hardly a pixel, all of whose
// packets are empty: by it a decoder tells what it makes of colours and channels.
func (c *Coded) Hollow() []byte {
	file := append([]byte(nil), c.head...)
	size := file[c.siz+6:] // Xsiz, Ysiz, XOsiz, YOsiz (A.5.1)
	width, height := int64(1), int64(1)
	for _, s := range c.Size.Components {
		width, height = max(width, s.DX), max(height, s.DY)
	}
	binary.BigEndian.PutUint32(size, uint32(c.Size.XOsiz+width))
	binary.BigEndian.PutUint32(size[4:], uint32(c.Size.YOsiz+height))
	if ihdr := bytes.Index(file[:c.siz], []byte("ihdr")); ihdr >= 0 && c.siz-int64(ihdr) > 12 { // which repeats it (I.5.3.1)
		binary.BigEndian.PutUint32(file[ihdr+4:], uint32(height))
		binary.BigEndian.PutUint32(file[ihdr+8:], uint32(width))
	}
	for _, k := range c.Tiles[0].Components {
		for range c.params.Layers * (k.Levels + 1) {
			file = append(file, emptyPacket(c.params)...)
		}
	}
	binary.BigEndian.PutUint32(file[c.sot+6:], uint32(int64(len(file))-c.sot)) // Psot
	return append(file, 0xFF, byte(EOC&0xFF))
}
