package jp2

// checkLoad refuses geometries whose mere bookkeeping, precincts and code-blocks and
// packets, would cost a decoder more than the budget. All counts are upper bounds in
// closed form, so that the check itself costs nothing.
func checkLoad(p place, s *Size, params *Params, budget Budget) error {
	precincts, blocks, all := s.loadOf(params)
	switch {
	case precincts > budget.TilePrecincts:
		return p.fail("%d precincts in a tile: more than %s", precincts, power(budget.TilePrecincts))
	case blocks > budget.TileBlocks:
		return p.fail("%d code-blocks in a tile: more than %s", blocks, power(budget.TileBlocks))
	}
	packets := all * int64(params.Layers) // now that precincts are few this cannot overflow
	if packets > budget.Packets {
		return p.fail("%d packets: more than %s", packets, power(budget.Packets))
	}
	return nil
}

// loadOf counts precincts and code-blocks of a tile, and the precincts of all tiles.
func (s *Size) loadOf(params *Params) (precincts, blocks, all int64) {
	for i := range params.Components {
		for r := 0; r <= params.Components[i].Levels; r++ {
			x, y := s.loadAt(i, r, &params.Components[i])
			precincts += x.precincts * y.precincts
			blocks += x.blocks * y.blocks * int64(bandCount(r))
			all += x.allPrecincts * y.allPrecincts
		}
	}
	return precincts, blocks, all
}

// bandCount is the number of sub-bands of a resolution.
func bandCount(r int) int {
	if r == 0 {
		return 1
	}
	return 3
}

// load counts the cells that one axis is cut into at one resolution.
type load struct {
	precincts    int64 // in one tile
	blocks       int64 // in one tile and band
	allPrecincts int64 // summed over the tiles
}

func (s *Size) loadAt(component, r int, c *ComponentParams) (x, y load) {
	size, scale, prec := s.Components[component], c.Levels-r, c.Precincts[r]
	x = axis{s.XOsiz, s.Xsiz, s.XTOsiz, s.XTsiz}.load(size.DX, scale, r, prec.X, c.BlockX)
	y = axis{s.YOsiz, s.Ysiz, s.YTOsiz, s.YTsiz}.load(size.DY, scale, r, prec.Y, c.BlockY)
	return x, y
}

// axis is the image and its tiles along x or y, on the reference grid.
type axis struct{ begin, end, tileOrigin, tile int64 }

func (a axis) load(step int64, scale, r int, precinct, block uint8) load {
	inBand := min(r, 1) // bands of higher resolutions have half its size
	block = min(block, precinct-uint8(inBand))
	cell := step << (scale + int(precinct))
	perTile, all := a.cells(cell)
	blocks, _ := a.cells(step << (scale + inBand + int(block)))
	return load{precincts: perTile, blocks: blocks, allPrecincts: all}
}

// cells bounds the cells of a grid anchored at 0 that one tile meets, and the sum of
// that over all tiles.
func (a axis) cells(cell int64) (perTile, all int64) {
	tile := min(a.tile, a.end-a.begin)
	whole := (a.end-1)/cell - a.begin/cell + 1
	tiles := ceilDiv(a.end-a.tileOrigin, a.tile)
	switch {
	case tiles == 1:
		return whole, whole
	case a.tile%cell == 0 && a.tileOrigin%cell == 0: // cells never straddle tiles
		return min(a.tile/cell, whole), whole
	case cell%a.tile == 0 && a.tileOrigin%a.tile == 0: // tiles never straddle cells
		return 1, tiles
	}
	return (tile-1)/cell + 2, whole + tiles - 1
}
