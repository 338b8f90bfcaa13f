package jp2

import "fmt"

// Marker is a codestream marker (15444-1 table A.2 and 15444-15).
type Marker uint16

// The markers this package names.
const (
	SOC Marker = 0xFF4F
	CAP Marker = 0xFF50
	SIZ Marker = 0xFF51
	COD Marker = 0xFF52
	COC Marker = 0xFF53
	TLM Marker = 0xFF55
	PRF Marker = 0xFF56
	PLM Marker = 0xFF57
	PLT Marker = 0xFF58
	CPF Marker = 0xFF59
	QCD Marker = 0xFF5C
	QCC Marker = 0xFF5D
	RGN Marker = 0xFF5E
	POC Marker = 0xFF5F
	PPM Marker = 0xFF60
	PPT Marker = 0xFF61
	CRG Marker = 0xFF63
	COM Marker = 0xFF64
	SOT Marker = 0xFF90
	SOP Marker = 0xFF91
	EPH Marker = 0xFF92
	SOD Marker = 0xFF93
	EOC Marker = 0xFFD9
)

var markerNames = map[Marker]string{
	SOC: "SOC", CAP: "CAP", SIZ: "SIZ", COD: "COD", COC: "COC", TLM: "TLM", PRF: "PRF",
	PLM: "PLM", PLT: "PLT", CPF: "CPF", QCD: "QCD", QCC: "QCC", RGN: "RGN", POC: "POC",
	PPM: "PPM", PPT: "PPT", CRG: "CRG", COM: "COM", SOT: "SOT", SOP: "SOP", EPH: "EPH",
	SOD: "SOD", EOC: "EOC",
}

// String is the marker's name, or its value in hexadecimal where it has none here.
func (m Marker) String() string {
	if name := markerNames[m]; name != "" {
		return name
	}
	return fmt.Sprintf("marker %04X", uint16(m))
}

// bare tells markers that no length follows.
func (m Marker) bare() bool {
	switch m {
	case SOC, EPH, SOD, EOC:
		return true
	}
	return m >= 0xFF30 && m <= 0xFF3F
}

// Segment is where a marker segment lies in the file.
type Segment struct {
	Marker Marker
	Offset int64 // of the marker
	Length int   // of the whole segment, marker included
}

func (s Segment) place() place { return place{s.Marker.String(), s.Offset} }

// followed refuses the segments that would change what packets mean in ways that an
// index does not follow.
func (s Segment) followed() error {
	if s.Marker >= 0xFF70 && s.Marker <= 0xFF7F {
		return s.place().fail("an extension of part 2 is not followed")
	}
	return nil
}

// body is the offset and length of what follows the length field.
func (s Segment) body() (int64, int) { return s.Offset + 4, max(0, s.Length-4) }

// nextSegment reads the marker at off and the length after it, up to end.
func nextSegment(src *source, off, end int64) (Segment, error) {
	p := place{"marker", off}
	if off > end-2 {
		return Segment{}, p.fail("codestream ends at %d inside its headers", end)
	}
	b, err := src.bytes(p, off, 2)
	if err != nil {
		return Segment{}, err
	}
	seg := Segment{Marker: Marker(uint16(b[0])<<8 | uint16(b[1])), Offset: off, Length: 2}
	if b[0] != 0xFF || b[1] < 0x01 || b[1] == 0xFF {
		return seg, p.fail("%02X%02X is not a marker", b[0], b[1])
	}
	if seg.Marker.bare() {
		return seg, nil
	}
	return seg, seg.measure(src, end)
}

func (s *Segment) measure(src *source, end int64) error {
	b, err := src.bytes(s.place(), s.Offset+2, 2)
	if err != nil {
		return err
	}
	length := int(b[0])<<8 | int(b[1])
	if length < 2 {
		return s.place().fail("length %d is shorter than itself", length)
	}
	if s.Length = 2 + length; s.Offset+int64(s.Length) > end {
		return s.place().fail("length %d reaches past the end of the codestream at %d", length, end)
	}
	return nil
}
