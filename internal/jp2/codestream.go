package jp2

import (
	"encoding/binary"
	"slices"
)

// Codestream is the main header of a codestream (annex A), merged for use and kept
// as a list of where each segment lies for whoever copies or follows them.
type Codestream struct {
	Offset   int64 // of SOC in the file
	End      int64 // of the codestream in the file, as its box or the file's end says
	Missing  int64 // bytes that the box promises beyond the end of the file
	Tiles    int64 // offset in the file of the first SOT
	Size     Size
	Params   Params    // what holds in tiles that do not override it
	CAP      []byte    // contents of the capabilities segment (A.5.2), Pcap first
	Comment  string    // first text comment, which usually names the encoder
	Segments []Segment // all of the main header but SOC, in order
}

// maxComment bounds the text kept from a COM segment.
const maxComment = 256

// htPart is the bit of Pcap for part 15, counted from the most significant as bit 1.
const htPart = 1 << (32 - 15)

// mainHeader reads one main header segment by segment.
type mainHeader struct {
	*Codestream
	src    *source
	budget Budget
	own    *overrides
}

// readCodestream reads the main header of the codestream in [off, end).
func readCodestream(src *source, off, end int64, budget Budget) (Codestream, error) {
	cs := Codestream{Offset: off, End: end}
	h := mainHeader{Codestream: &cs, src: src, budget: budget}
	soc, err := nextSegment(src, off, end)
	if err == nil && soc.Marker != SOC {
		err = place{"codestream", off}.fail("begins with %s instead of SOC", soc.Marker)
	}
	if err == nil {
		err = h.readSegments(off + 2)
	}
	if err == nil {
		err = h.finish()
	}
	return cs, err
}

func (h *mainHeader) readSegments(off int64) error {
	for {
		seg, err := nextSegment(h.src, off, h.End)
		if err != nil {
			return err
		}
		if seg.Marker == SOT {
			h.Tiles = off
			return nil
		}
		if len(h.Segments) >= h.budget.Markers {
			return seg.place().fail("more than %d segments in the main header", h.budget.Markers)
		}
		if err := h.readSegment(seg); err != nil {
			return err
		}
		h.Segments = append(h.Segments, seg)
		off += int64(seg.Length)
	}
}

func (h *mainHeader) readSegment(seg Segment) error {
	if first := len(h.Segments) == 0; first != (seg.Marker == SIZ) {
		return seg.place().fail("SIZ is the first segment, and only that")
	}
	switch seg.Marker {
	case SIZ, CAP, COD, COC, QCD, QCC, RGN, POC, COM:
		off, n := seg.body()
		c, err := h.src.cursor(seg.place(), off, n)
		if err != nil {
			return err
		}
		return h.readContents(c, seg.Marker)
	case SOC, SOP, EPH, SOD, EOC, PLT, PPT:
		return seg.place().fail("has no place in the main header")
	}
	return nil // left to those who follow Segments, or unknown and so to be skipped (A.1)
}

func (h *mainHeader) readContents(c *cursor, m Marker) (err error) {
	switch m {
	case SIZ:
		h.Size, err = parseSize(c, h.budget)
		h.own = newOverrides(len(h.Size.Components))
		return err
	case CAP:
		h.CAP = slices.Clone(c.b)
		c.u32()
		return c.done()
	case COM:
		h.readComment(c)
		return nil
	}
	_, err = h.own.take(c, m, h.budget)
	return err
}

// readComment keeps the first Latin text (Rcom 1, A.9.2), widened to UTF-8.
func (h *mainHeader) readComment(c *cursor) {
	if c.u16() != 1 || h.Comment != "" {
		return
	}
	text := make([]rune, 0, maxComment)
	for _, b := range c.b[:min(len(c.b), maxComment)] {
		text = append(text, rune(b))
	}
	h.Comment = string(text)
}

func (h *mainHeader) finish() error {
	p := place{"SOT", h.Tiles}
	switch {
	case h.Size.Components == nil:
		return p.fail("comes before SIZ")
	case h.own.cod == nil:
		return p.fail("comes before COD")
	case h.own.qcd == nil:
		return p.fail("comes before QCD")
	}
	h.Params = h.own.over(Params{Components: make([]ComponentParams, len(h.Size.Components))})
	if err := h.Params.check(p); err != nil {
		return err
	}
	return checkLoad(p, &h.Size, &h.Params, h.budget)
}

// HT tells whether any block may be coded by part 15.
func (cs *Codestream) HT() bool {
	if len(cs.CAP) >= 4 && binary.BigEndian.Uint32(cs.CAP)&htPart != 0 {
		return true
	}
	for _, c := range cs.Params.Components {
		if c.Blocks&HTBlocks != 0 {
			return true
		}
	}
	return false
}

// Levels is the least number of wavelet levels among the components.
func (cs *Codestream) Levels() int { return cs.Params.levels() }

func (p *Params) levels() int {
	levels := 32
	for _, c := range p.Components {
		levels = min(levels, c.Levels)
	}
	return levels
}
