package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/tessera-iiif/tessera/worker/packets"
)

// print writes the inspection for people.
func (r inspection) print(w io.Writer) {
	fmt.Fprintln(w, r.File)
	if r.Error != nil {
		fmt.Fprintf(w, "  cannot be inspected: %s\n\n", r.Error)
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	p, s := r.Picture, r.Structure
	line("picture", "%d×%d pixels, %d components, %d bits, %s", p.Width, p.Height, p.Components, p.Bits, p.Colour)
	line("file", "%s, %d bytes%s", p.Container, p.Bytes, optional(", written by ", s.Encoder))
	line("coding", "%s, %s, %d levels, %d layers, code-blocks %s", coder(s), s.Progression, s.Levels, s.Layers, s.CodeBlocks)
	line("tiles", "%s", tiling(s))
	line("precincts", "%s", precincts(s))
	line("markers", "%s", strings.Join(s.Markers, " "))
	line("index", "%s", r.Index)
	_ = t.Flush()
	printCosts(w, r.Tiles)
	for _, a := range r.Advice {
		fmt.Fprintf(w, "  * %s\n", a)
	}
	fmt.Fprintln(w)
}

func optional(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

func coder(s *structureFacts) string {
	name := "lossy (9/7)"
	if s.Reversible {
		name = "lossless (5/3)"
	}
	if s.HighThroughput {
		name += ", high throughput"
	}
	return name
}

func tiling(s *structureFacts) string {
	parts := ""
	if s.TileParts > 0 {
		parts = fmt.Sprintf(", %d tile-parts", s.TileParts)
	}
	if s.Tiles == 1 {
		return "none" + parts
	}
	return fmt.Sprintf("%d of %d×%d pixels%s", s.Tiles, s.TileWidth, s.TileHeight, parts)
}

func precincts(s *structureFacts) string {
	if s.Precincts == nil {
		return "none"
	}
	return strings.Join(s.Precincts, ", ")
}

func (x *indexFacts) String() string {
	if !x.Possible {
		return "not possible: " + x.Refusal.String()
	}
	return fmt.Sprintf("from %s: %d packets in %d bytes", x.From, x.Packets, x.Bytes)
}

// whyWhole are reasons in words.
var whyWhole = map[packets.Reason]string{
	packets.Region: "it has no part of that reduction",
	packets.Large:  "they take too much of it",
	packets.Most:   "they take most of it",
}

func printCosts(w io.Writer, costs []tileCost) {
	if len(costs) == 0 {
		return
	}
	fmt.Fprintln(w, "  a tile of 256 pixels takes of the file, on average:")
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tscale factor\tbytes\treads\tpackets\t\n")
	for _, c := range costs {
		note := ""
		if c.Whole > 0 {
			note = fmt.Sprintf("  %d %% of tiles: the whole file, since %s", c.Whole, whyWhole[c.Why])
		}
		fmt.Fprintf(t, "\t%d\t%d\t%d\t%d\t%s\n", c.ScaleFactor, c.Bytes, c.Ranges, c.Packets, note)
	}
	_ = t.Flush()
}
