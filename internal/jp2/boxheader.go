package jp2

// Boxes is what the boxes say about the picture.
type Boxes struct {
	Container   Container
	Colours     []Colour     // in order; readers of part 1 use the first alone
	Palette     *Palette     // nil where samples are not indices
	ChannelDefs []ChannelDef // empty where channels are colours in their usual order
	Capture     Density      // resolution at capture; zero where not told
	Display     Density      // resolution wished for at display; likewise

	image imageHeader
	kept  []byte // ihdr and the boxes of jp2h that say how to show samples, as they are
}

// Density is a resolution in pixels per metre.
type Density struct{ X, Y float64 }

// imageHeader is the part of ihdr that must agree with SIZ.
type imageHeader struct {
	place
	width, height int64
	components    int
}

// readHeader walks jp2h, whose first box is ihdr (I.5.3).
func (r *boxReader) readHeader(super box) error {
	var parts headerParts
	for off := super.body; off < super.end; {
		b, err := r.next(off, super.end)
		if err != nil {
			return err
		}
		if b.missing > 0 {
			return b.fail("reaches %d bytes past the end of jp2h", b.missing)
		}
		if first := off == super.body; first != (b.part == "ihdr") {
			return b.fail("ihdr is the first box of jp2h, and only that")
		}
		if err := r.readHeaderBox(b, &parts); err != nil {
			return err
		}
		off = b.end
	}
	if r.image.components == 0 {
		return super.fail("has no ihdr")
	}
	return parts.join(&r.Boxes)
}

func (r *boxReader) readHeaderBox(b box, parts *headerParts) error {
	if b.part == "res " {
		return r.readResolution(b)
	}
	parse, known := headerBoxes[b.part]
	if !known {
		return nil
	}
	c, err := r.contents(b, int64(r.budget.ICCBytes))
	if err != nil {
		return err
	}
	r.kept = appendBox(r.kept, b.part, c.b)
	return parse(parts, c, &r.Boxes, r.budget)
}

// headerParts holds boxes of jp2h that only make sense together, whatever their order.
type headerParts struct {
	palette *Palette
	mapping []Mapping
	at      place // of the later of the two
}

var headerBoxes = map[string]func(*headerParts, *cursor, *Boxes, Budget) error{
	"ihdr": parseImageHeader,
	"bpcc": parseBitDepths,
	"colr": parseColour,
	"pclr": parsePalette,
	"cmap": parseMapping,
	"cdef": parseChannelDefs,
}

// join makes one palette of pclr and cmap, which must come together (I.5.3.5).
func (p *headerParts) join(b *Boxes) error {
	if (p.palette == nil) != (p.mapping == nil) {
		return p.at.fail("pclr and cmap must come together")
	}
	if p.palette != nil {
		p.palette.Mapping, p.palette.at = p.mapping, p.at
		b.Palette = p.palette
	}
	return nil
}

// parseImageHeader reads ihdr (I.5.3.1). Bit depths are left to SIZ, which outranks them.
func parseImageHeader(_ *headerParts, c *cursor, b *Boxes, _ Budget) error {
	h := imageHeader{place: c.place}
	h.height, h.width = int64(c.u32()), int64(c.u32())
	h.components = int(c.u16())
	c.u8() // bits per component
	if compression := c.u8(); compression != 7 && !c.short {
		return c.fail("compression %d is not JPEG 2000", compression)
	}
	c.take(2) // colour space known, intellectual property
	if h.components == 0 {
		return c.fail("no components")
	}
	b.image = h
	return c.exact()
}

// parseBitDepths checks bpcc (I.5.3.2), whose contents repeat SIZ.
func parseBitDepths(_ *headerParts, c *cursor, b *Boxes, _ Budget) error {
	if len(c.b) != b.image.components {
		return c.fail("%d depths for %d components", len(c.b), b.image.components)
	}
	return nil
}

// check holds the boxes against the codestream: decoders have overrun their buffers
// where these disagree.
func (b *Boxes) check(s *Size) error {
	if b.Container == Bare {
		return nil
	}
	if h := b.image; h.components != len(s.Components) {
		return h.fail("%d components, but %d in the codestream", h.components, len(s.Components))
	} else if h.width != s.Width() || h.height != s.Height() {
		return h.fail("%d×%d pixels, but %d×%d in the codestream", h.width, h.height, s.Width(), s.Height())
	}
	channels := len(s.Components)
	if b.Palette != nil {
		if err := b.Palette.check(s); err != nil {
			return err
		}
		channels = len(b.Palette.Mapping)
	}
	return checkChannelDefs(b.ChannelDefs, channels)
}
