package jp2

import "io"

// Header is all there is to know of a file without decoding it.
type Header struct {
	Facts
	Boxes
	Codestream Codestream
}

// Facts are what most callers ask for.
type Facts struct {
	Width, Height         int  // of the image area on the reference grid
	Components            int  // of the codestream
	Channels              int  // of the picture: as Components, but after a palette
	Bits                  int  // of the deepest channel
	Gray                  bool // fewer than three channels of colour
	Alpha                 bool // an opacity channel is declared
	TileWidth, TileHeight int  // 0 where there is a single tile
	Levels                int  // halvings that all components of the main header store
	HT                    bool // coded by part 15
}

// ReadHeader reads the boxes and the main header of a JP2, JPX, JPH or bare codestream
// of size bytes. It reads 64 KiB at the front and then only what those lead to.
// Errors are an *Error where the file is at fault and wrap the reader's own otherwise.
func ReadHeader(r io.ReaderAt, size int64, b Budget) (*Header, error) {
	if size > b.FileBytes {
		return nil, place{"file", 0}.fail("%d bytes: more than %s", size, power(b.FileBytes))
	}
	src := newSource(r, size, b.HeaderBytes)
	boxes, stream, err := readBoxes(src, b)
	if err != nil {
		return nil, err
	}
	cs, err := readCodestream(src, stream.begin, stream.end, b)
	if err != nil {
		return nil, err
	}
	cs.Missing = stream.missing
	h := &Header{Boxes: boxes, Codestream: cs}
	if err := boxes.check(&cs.Size); err != nil {
		return nil, err
	}
	h.Facts = h.facts()
	return h, nil
}

func (h *Header) facts() Facts {
	s := &h.Codestream.Size
	f := Facts{
		Width: int(s.Width()), Height: int(s.Height()),
		Components: len(s.Components), Channels: len(s.Components),
		Levels: h.Codestream.Levels(), HT: h.Codestream.HT(),
	}
	for _, c := range s.Components {
		f.Bits = max(f.Bits, c.Bits)
	}
	if h.Palette != nil {
		f.Channels, f.Bits = h.Palette.channels(s)
	}
	if s.Tiles() > 1 {
		f.TileWidth, f.TileHeight = int(s.XTsiz), int(s.YTsiz)
	}
	opacity := h.opacityChannels()
	f.Alpha, f.Gray = opacity > 0, f.Channels-opacity < 3
	return f
}
