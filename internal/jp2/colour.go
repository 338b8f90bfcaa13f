package jp2

// ColourMethod is how a colr box tells the colour space (I.5.3.3, 15444-2 M.11.7.2).
type ColourMethod uint8

// The colour methods.
const (
	Enumerated    ColourMethod = 1
	RestrictedICC ColourMethod = 2
	AnyICC        ColourMethod = 3
	Vendor        ColourMethod = 4
	Parameterised ColourMethod = 5 // code points of 23091-2
)

// Colour space numbers (EnumCS) that decoders must handle apart.
const (
	EnumCMYK  = 12
	EnumCIE   = 14 // CIELab
	EnumSRGB  = 16
	EnumGray  = 17
	EnumSYCC  = 18
	EnumESYCC = 24 // e-sYCC
)

// Colour is one colr box.
type Colour struct {
	Method     ColourMethod
	Precedence int8
	Enum       uint32 // where Method is Enumerated: EnumCS
	Parameters []byte // what follows EnumCS, e.g. the ranges of CIELab
	ICC        []byte // where Method is one of the ICC ones and a profile is there
}

// iccHeader is the least length of a colour profile.
const iccHeader = 128

func parseColour(_ *headerParts, c *cursor, b *Boxes, _ Budget) error {
	k := Colour{Method: ColourMethod(c.u8()), Precedence: int8(c.u8())}
	c.u8() // approximation
	switch k.Method {
	case Enumerated:
		k.Enum = c.u32()
		k.Parameters = c.b
	case RestrictedICC, AnyICC:
		if len(c.b) >= iccHeader { // scanners are known to write empty ones
			k.ICC = c.b
		}
	}
	b.Colours = append(b.Colours, k)
	return c.done()
}

// ChannelType is what a channel is good for (table I.16).
type ChannelType uint16

// The channel types.
const (
	ColourChannel        ChannelType = 0
	Opacity              ChannelType = 1
	PremultipliedOpacity ChannelType = 2
	Unspecified          ChannelType = 0xFFFF
)

// ChannelDef is one entry of cdef (I.5.3.6).
type ChannelDef struct {
	Channel     int
	Type        ChannelType
	Association uint16 // 0 the whole image, 65535 none, else the colour, from 1
	at          place
}

func parseChannelDefs(_ *headerParts, c *cursor, b *Boxes, budget Budget) error {
	n := int(c.u16())
	if n == 0 || n > budget.Components || b.ChannelDefs != nil {
		return c.fail("%d definitions, or given twice: one box of 1 to %d is allowed", n, budget.Components)
	}
	b.ChannelDefs = make([]ChannelDef, n)
	for i := range b.ChannelDefs {
		b.ChannelDefs[i] = ChannelDef{int(c.u16()), ChannelType(c.u16()), c.u16(), c.place}
	}
	return c.exact()
}

func checkChannelDefs(defs []ChannelDef, channels int) error {
	seen := make([]bool, channels)
	for _, d := range defs {
		if d.Channel >= channels || seen[d.Channel] {
			return d.at.fail("channel %d of %d is not there or defined twice", d.Channel, channels)
		}
		seen[d.Channel] = true
		if d.Association > uint16(channels) && d.Association != 0xFFFF {
			return d.at.fail("channel %d stands for colour %d of %d", d.Channel, d.Association, channels)
		}
	}
	return nil
}

// opacityChannels counts the channels that are opacity rather than colour.
func (b *Boxes) opacityChannels() int {
	n := 0
	for _, d := range b.ChannelDefs {
		if d.Type == Opacity || d.Type == PremultipliedOpacity {
			n++
		}
	}
	return n
}
