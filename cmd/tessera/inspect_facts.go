package main

import (
	"fmt"
	"slices"

	"github.com/tessera-iiif/tessera/internal/jp2"
)

type pictureFacts struct {
	Bytes      int64  `json:"bytes"`
	Container  string `json:"container"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	Components int    `json:"components"`
	Bits       int    `json:"bits"`
	Colour     string `json:"colour"`
	Alpha      bool   `json:"alpha"`
}

type structureFacts struct {
	HighThroughput bool     `json:"highThroughput"`
	Reversible     bool     `json:"reversible"`
	TileWidth      int64    `json:"tileWidth"`
	TileHeight     int64    `json:"tileHeight"`
	Tiles          int64    `json:"tiles"`
	TileParts      int      `json:"tileParts,omitempty"` // where there is an index
	Levels         int      `json:"levels"`
	Layers         int      `json:"layers"`
	Progression    string   `json:"progression"`
	Precincts      []string `json:"precincts,omitempty"` // largest resolution first; none: as large as the tile
	CodeBlocks     string   `json:"codeBlocks"`
	Markers        []string `json:"markers"`
	Encoder        string   `json:"encoder,omitempty"`
}

type indexFacts struct {
	Possible bool   `json:"possible"`
	From     string `json:"from,omitempty"`    // where packet lengths were found
	Packets  int64  `json:"packets,omitempty"` // of the whole file
	Bytes    int    `json:"bytes,omitempty"`   // of the index as it is stored
	Refusal  *fault `json:"refusal,omitempty"`
}

func pictureOf(h *jp2.Header, size int64) *pictureFacts {
	return &pictureFacts{
		Bytes: size, Container: string(h.Container), Width: h.Width, Height: h.Height,
		Components: h.Components, Bits: h.Bits, Colour: colourOf(h), Alpha: h.Alpha,
	}
}

var colourSpaces = map[uint32]string{
	jp2.EnumCMYK: "CMYK", jp2.EnumCIE: "CIELab", jp2.EnumSRGB: "sRGB", jp2.EnumGray: "gray",
	jp2.EnumSYCC: "sYCC", jp2.EnumESYCC: "e-sYCC",
}

// colourOf tells the first colour specification, the one readers go by.
func colourOf(h *jp2.Header) string {
	name := "not told"
	if len(h.Colours) > 0 {
		switch c := h.Colours[0]; {
		case c.ICC != nil:
			name = fmt.Sprintf("ICC profile of %d bytes", len(c.ICC))
		case c.Method == jp2.Enumerated && colourSpaces[c.Enum] != "":
			name = colourSpaces[c.Enum]
		case c.Method == jp2.Enumerated:
			name = fmt.Sprintf("colour space %d", c.Enum)
		default:
			name = fmt.Sprintf("by method %d", c.Method)
		}
	}
	if h.Palette != nil {
		name += fmt.Sprintf(", palette of %d colours", len(h.Palette.Entries))
	}
	return name
}

func structureOf(h *jp2.Header, x *jp2.Index) *structureFacts {
	cs := &h.Codestream
	first := &cs.Params.Components[0]
	s := &structureFacts{
		HighThroughput: h.HT, Reversible: first.Reversible,
		TileWidth: min(cs.Size.XTsiz, cs.Size.Width()), TileHeight: min(cs.Size.YTsiz, cs.Size.Height()), Tiles: cs.Size.Tiles(),
		Levels: h.Levels, Layers: cs.Params.Layers, Progression: cs.Params.Progression.String(),
		CodeBlocks: powers(first.BlockX, first.BlockY), Markers: markersOf(cs, x), Encoder: cs.Comment,
	}
	if hasPrecincts(first) {
		for _, p := range slices.Backward(first.Precincts) {
			s.Precincts = append(s.Precincts, powers(p.X, p.Y))
		}
	}
	if x != nil {
		s.TileParts = x.TileParts()
	}
	return s
}

func powers(x, y uint8) string { return fmt.Sprintf("%d×%d", 1<<x, 1<<y) }

// hasPrecincts tells whether precincts of a chosen size cut the resolutions.
func hasPrecincts(c *jp2.ComponentParams) bool {
	return slices.ContainsFunc(c.Precincts, func(p jp2.Precinct) bool { return p != jp2.Precinct{X: 15, Y: 15} })
}

// markersOf names what is in the main header, once each, and what is known to be in the
// tile-parts.
func markersOf(cs *jp2.Codestream, x *jp2.Index) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, s := range cs.Segments {
		add(s.Marker.String())
	}
	if x != nil && x.Origin() == jp2.FromPLT {
		add(jp2.PLT.String())
	}
	if cs.Params.SOP {
		add(jp2.SOP.String())
	}
	if cs.Params.EPH {
		add(jp2.EPH.String())
	}
	return names
}

func indexOf(x *jp2.Index, err error) *indexFacts {
	if err != nil {
		return &indexFacts{Refusal: faultOf(err)}
	}
	n, _ := x.Packets()
	stored, _ := x.AppendBinary(nil) // its error is always nil
	return &indexFacts{Possible: true, From: string(x.Origin()), Packets: n, Bytes: len(stored)}
}
