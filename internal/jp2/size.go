package jp2

import "math"

// Size is the SIZ marker segment (A.5.1). Coordinates are on the reference grid.
type Size struct {
	Rsiz           uint16 // capabilities; bit 14: part 15 (HT), bit 15: part 2
	Xsiz, Ysiz     int64  // end of the image area, exclusive
	XOsiz, YOsiz   int64  // its begin
	XTsiz, YTsiz   int64  // tile
	XTOsiz, YTOsiz int64  // begin of the first tile
	Components     []Component
}

// Component is the sampling of one component.
type Component struct {
	Bits   int
	Signed bool
	DX, DY int64 // reference grid points per sample: XRsiz, YRsiz
}

// Width is the width of the image area in grid points.
func (s *Size) Width() int64 { return s.Xsiz - s.XOsiz }

// Height is the height of the image area in grid points.
func (s *Size) Height() int64 { return s.Ysiz - s.YOsiz }

// Columns is the number of tiles in a row (B-5).
func (s *Size) Columns() int64 { return ceilDiv(s.Xsiz-s.XTOsiz, s.XTsiz) }

// Rows is the number of rows of tiles (B-5).
func (s *Size) Rows() int64 { return ceilDiv(s.Ysiz-s.YTOsiz, s.YTsiz) }

// Tiles is the number of tiles.
func (s *Size) Tiles() int64 { return s.Columns() * s.Rows() }

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

func parseSize(c *cursor, budget Budget) (Size, error) {
	s := Size{Rsiz: c.u16()}
	for _, field := range []*int64{
		&s.Xsiz, &s.Ysiz, &s.XOsiz, &s.YOsiz, &s.XTsiz, &s.YTsiz, &s.XTOsiz, &s.YTOsiz,
	} {
		*field = int64(c.u32())
	}
	components := int(c.u16())
	if err := c.done(); err != nil {
		return s, err
	}
	if len(c.b) != 3*components {
		return s, c.fail("%d components do not fit its length", components)
	}
	if components < 1 || components > budget.Components {
		return s, c.fail("%d components: more than 1 to %d", components, budget.Components)
	}
	if err := s.checkGrid(c.place, budget); err != nil {
		return s, err
	}
	s.Components = make([]Component, components)
	for i := range s.Components {
		if err := s.parseComponent(c, i, budget); err != nil {
			return s, err
		}
	}
	return s, s.checkTile(c.place, budget)
}

func (s *Size) checkGrid(p place, budget Budget) error {
	switch {
	case s.XOsiz >= s.Xsiz || s.YOsiz >= s.Ysiz:
		return p.fail("empty image area %d,%d to %d,%d", s.XOsiz, s.YOsiz, s.Xsiz, s.Ysiz)
	case s.Width() > budget.Side || s.Height() > budget.Side:
		return p.fail("image of %d×%d pixels: sides up to %d are allowed", s.Width(), s.Height(), budget.Side)
	case s.XTsiz == 0 || s.YTsiz == 0:
		return p.fail("tile of %d×%d pixels", s.XTsiz, s.YTsiz)
	case max(s.Xsiz, s.Ysiz, s.XTsiz, s.YTsiz) > math.MaxInt32: // decoders calculate in 32 bits
		return p.fail("tile of %d×%d in an area to %d,%d: beyond 2^31", s.XTsiz, s.YTsiz, s.Xsiz, s.Ysiz)
	case s.XTOsiz > s.XOsiz || s.YTOsiz > s.YOsiz,
		s.XTOsiz+s.XTsiz <= s.XOsiz, s.YTOsiz+s.YTsiz <= s.YOsiz:
		return p.fail("first tile at %d,%d does not meet the image", s.XTOsiz, s.YTOsiz)
	case s.Columns() > budget.Tiles || s.Rows() > budget.Tiles || s.Tiles() > budget.Tiles:
		return p.fail("%d×%d tiles: up to %d are allowed", s.Columns(), s.Rows(), budget.Tiles)
	}
	return nil
}

func (s *Size) parseComponent(c *cursor, i int, budget Budget) error {
	depth := c.u8()
	k := Component{Bits: int(depth&0x7F) + 1, Signed: depth&0x80 != 0, DX: int64(c.u8()), DY: int64(c.u8())}
	switch {
	case k.Bits > budget.Bits:
		return c.fail("component %d has %d bits: up to %d are allowed", i, k.Bits, budget.Bits)
	case k.DX == 0 || k.DY == 0:
		return c.fail("component %d has sampling %d×%d", i, k.DX, k.DY)
	case ceilDiv(s.Xsiz, k.DX) == ceilDiv(s.XOsiz, k.DX), ceilDiv(s.Ysiz, k.DY) == ceilDiv(s.YOsiz, k.DY):
		return c.fail("component %d has no samples", i)
	}
	s.Components[i] = k
	return nil
}

// checkTile bounds the samples of a tile as far as it covers the image: a lone tile
// may lawfully be declared far larger than that.
func (s *Size) checkTile(p place, budget Budget) error {
	w, h := min(s.XTsiz, s.Width()), min(s.YTsiz, s.Height())
	var samples int64
	for _, c := range s.Components {
		samples += ceilDiv(w, c.DX) * ceilDiv(h, c.DY)
	}
	if samples > budget.TileSamples {
		return p.fail("tile of %d×%d pixels: more than %s samples", w, h, power(budget.TileSamples))
	}
	return nil
}
