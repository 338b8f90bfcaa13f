package jp2

import "encoding/binary"

const (
	// imageHeaderBox is the length of the box ihdr (I.5.3.1).
	imageHeaderBox = 8 + 14
	// fileOverhead bounds what stands around the codestream besides the boxes kept:
	// signature, file type, the headers of jp2h and jp2c.
	fileOverhead = 12 + 20 + 8 + 8
)

// appendBox appends a box with these contents (I.4).
func appendBox(out []byte, name string, contents []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(8+len(contents)))
	return append(append(out, name...), contents...)
}

// appendFileHead appends all that comes before the codestream of a JP2 file whose image
// has this size. boxes are Boxes.kept, whose ihdr tells another.
func appendFileHead(out, boxes []byte, width, height int64) []byte {
	out = append(out, "\x00\x00\x00\x0cjP  \r\n\x87\n"...)
	out = appendBox(out, "ftyp", []byte("jp2 \x00\x00\x00\x00jp2 "))
	out = appendBox(out, "jp2h", boxes)
	ihdr := out[len(out)-len(boxes):]
	binary.BigEndian.PutUint32(ihdr[8:], uint32(height))
	binary.BigEndian.PutUint32(ihdr[12:], uint32(width))
	return out
}
