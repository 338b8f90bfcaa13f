package jp2

// Palette turns samples into channels (pclr and cmap; I.5.3.4, I.5.3.5).
type Palette struct {
	Columns []Component // depth and sign of each column; no sampling
	Entries [][]uint32  // by row, then column; sign bit as stored
	Mapping []Mapping   // one for each channel
	at      place
}

// Mapping is how one channel is made.
type Mapping struct {
	Component int
	Indexed   bool // through Column; else the component itself
	Column    int
}

// maxEntries is the most rows a palette may have (I.5.3.4).
const maxEntries = 1024

func parsePalette(parts *headerParts, c *cursor, _ *Boxes, budget Budget) error {
	entries, columns := int(c.u16()), int(c.u8())
	switch {
	case parts.palette != nil:
		return c.fail("given twice")
	case entries < 1 || entries > maxEntries:
		return c.fail("%d entries: 1 to %d are allowed", entries, maxEntries)
	case columns < 1 || columns > budget.Components:
		return c.fail("%d columns: 1 to %d are allowed", columns, budget.Components)
	}
	p := &Palette{Columns: make([]Component, columns)}
	for i := range p.Columns {
		depth := c.u8()
		p.Columns[i] = Component{Bits: int(depth&0x7F) + 1, Signed: depth&0x80 != 0}
		if p.Columns[i].Bits > min(budget.Bits, 32) {
			return c.fail("column %d has %d bits: up to %d are allowed", i, p.Columns[i].Bits, min(budget.Bits, 32))
		}
	}
	parts.palette, parts.at = p, c.place
	return p.parseEntries(c, entries)
}

func (p *Palette) parseEntries(c *cursor, n int) error {
	p.Entries = make([][]uint32, n)
	for i := range p.Entries {
		row := make([]uint32, len(p.Columns))
		for j, column := range p.Columns {
			for range (column.Bits + 7) / 8 {
				row[j] = row[j]<<8 | uint32(c.u8())
			}
		}
		p.Entries[i] = row
	}
	return c.exact()
}

func parseMapping(parts *headerParts, c *cursor, _ *Boxes, budget Budget) error {
	n := len(c.b) / 4
	if n < 1 || n > budget.Components || len(c.b)%4 != 0 || parts.mapping != nil {
		return c.fail("%d bytes, or given twice: one box of 1 to %d channels is allowed", len(c.b), budget.Components)
	}
	parts.mapping, parts.at = make([]Mapping, n), c.place
	for i := range parts.mapping {
		component, kind, column := c.u16(), c.u8(), c.u8()
		if kind > 1 {
			return c.fail("channel %d is mapped in way %d", i, kind)
		}
		parts.mapping[i] = Mapping{Component: int(component), Indexed: kind == 1, Column: int(column)}
	}
	return nil
}

// check refuses mappings of components or columns that are not there.
func (p *Palette) check(s *Size) error {
	for i, m := range p.Mapping {
		if m.Component >= len(s.Components) {
			return p.at.fail("channel %d is made of component %d of %d", i, m.Component, len(s.Components))
		}
		if m.Indexed && m.Column >= len(p.Columns) {
			return p.at.fail("channel %d is made by column %d of %d", i, m.Column, len(p.Columns))
		}
	}
	return nil
}

// channels is the number of channels the palette makes, and the bits of the deepest.
func (p *Palette) channels(s *Size) (n, bits int) {
	for _, m := range p.Mapping {
		if m.Indexed {
			bits = max(bits, p.Columns[m.Column].Bits)
		} else {
			bits = max(bits, s.Components[m.Component].Bits)
		}
	}
	return len(p.Mapping), bits
}
