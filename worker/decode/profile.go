//go:build cgo

package decode

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// Bounds of an ICC profile: its header, and more than any printer's.
const (
	profileHeader = 128
	maxProfile    = 4 << 20
	maxTags       = 128
)

var profileSpaces = map[model]string{modelGray: "GRAY", modelRGB: "RGB ", modelCMYK: "CMYK"}

// sRGB is how the profile that nearly all sRGB files embed describes itself.
const sRGB = "sRGB IEC61966-2.1"

// usableProfile copies an ICC profile that fits the colours and changes something:
// profiles of other colour spaces and sRGB itself are dropped.
func usableProfile(icc []byte, m model) []byte {
	if len(icc) <= profileHeader || len(icc) > maxProfile || string(icc[16:20]) != profileSpaces[m] {
		return nil
	}
	if describedAs(icc) == sRGB {
		return nil
	}
	return bytes.Clone(icc)
}

// describedAs is the profile's description (ICC.1, tag desc), in its first language; ""
// where it has none.
func describedAs(icc []byte) string {
	tag := profileTag(icc, "desc")
	if len(tag) < 12 {
		return ""
	}
	count := binary.BigEndian.Uint32(tag[8:])
	switch string(tag[:4]) {
	case "desc": // version 2: ASCII that ends with a zero
		text, _, _ := bytes.Cut(within(tag, 12, count), []byte{0})
		return string(text)
	case "mluc": // version 4: records of language, country, length and offset
		if record := within(tag, 16, 12); count > 0 && record != nil {
			return fromUTF16(within(tag, binary.BigEndian.Uint32(record[8:]), binary.BigEndian.Uint32(record[4:])))
		}
	}
	return ""
}

// profileTag finds the data of a tag, nil where there is none.
func profileTag(icc []byte, name string) []byte {
	head := within(icc, profileHeader, 4)
	if head == nil {
		return nil
	}
	for i := range min(binary.BigEndian.Uint32(head), maxTags) {
		entry := within(icc, profileHeader+4+12*i, 12)
		if entry == nil {
			return nil
		}
		if string(entry[:4]) == name {
			return within(icc, binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:]))
		}
	}
	return nil
}

// within is a part of data, nil where it does not lie inside.
func within(data []byte, at, n uint32) []byte {
	if uint64(at)+uint64(n) > uint64(len(data)) {
		return nil
	}
	return data[at : at+n]
}

func fromUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
