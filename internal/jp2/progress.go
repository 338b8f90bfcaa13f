package jp2

import (
	"cmp"
	"iter"
	"slices"
)

// packetRef names a packet of a tile.
type packetRef struct {
	component, resolution int
	precinct              int // number within the tile
	layer                 int
}

// slot is the packet's place in a table by precinct, then layer.
func (r packetRef) slot(layers int) int { return r.precinct*layers + r.layer }

// sequence gives the packets of a tile in codestream order (B.12).
func (t *tileGrid) sequence(s *Size) iter.Seq[packetRef] {
	if len(t.params.Changes) > 0 {
		return t.changed(s)
	}
	return func(yield func(packetRef) bool) { t.volume(s, t.everything(), yield) }
}

// everything is the volume of all packets in the tile's own progression.
func (t *tileGrid) everything() Change {
	return Change{
		Progression: t.params.Progression,
		Layer:       t.params.Layers,
		Resolution1: 33,
		Component1:  len(t.grids),
	}
}

// changed follows the progression order changes. Volumes overlap, and a packet is sent
// by the first that names it: since every volume begins at layer 0, what was sent of a
// precinct is always its first few layers.
func (t *tileGrid) changed(s *Size) iter.Seq[packetRef] {
	return func(yield func(packetRef) bool) {
		sent, left := make([]int, t.precincts), t.packets()
		once := func(r packetRef) bool {
			if r.layer < sent[r.precinct] {
				return true
			}
			sent[r.precinct] = r.layer + 1
			left--
			return yield(r) && left > 0
		}
		for _, change := range t.params.Changes {
			change.Layer = min(change.Layer, t.params.Layers)
			if !t.volume(s, change, once) {
				return
			}
		}
	}
}

// volume visits the packets of one volume in its order, until yield says stop.
func (t *tileGrid) volume(s *Size, v Change, yield func(packetRef) bool) bool {
	switch v.Progression {
	case LRCP:
		return t.byLayer(v, yield)
	case RLCP:
		for _, one := range v.resolutions() {
			if !t.byLayer(one, yield) {
				return false
			}
		}
	case RPCL:
		for _, one := range v.resolutions() {
			if !t.byPosition(s, one, yield) {
				return false
			}
		}
	case PCRL:
		return t.byPosition(s, v, yield)
	case CPRL:
		for _, one := range v.components() {
			if !t.byPosition(s, one, yield) {
				return false
			}
		}
	}
	return true
}

// resolutions cuts a volume into one for each resolution.
func (v Change) resolutions() []Change {
	var cut []Change
	for r := v.Resolution0; r < min(v.Resolution1, 33); r++ {
		one := v
		one.Resolution0, one.Resolution1 = r, r+1
		cut = append(cut, one)
	}
	return cut
}

// components cuts a volume into one for each component.
func (v Change) components() []Change {
	var cut []Change
	for c := v.Component0; c < v.Component1; c++ {
		one := v
		one.Component0, one.Component1 = c, c+1
		cut = append(cut, one)
	}
	return cut
}

// byLayer visits by layer, resolution, component, precinct.
func (t *tileGrid) byLayer(v Change, yield func(packetRef) bool) bool {
	for l := range v.Layer {
		for r := v.Resolution0; r < v.Resolution1; r++ {
			for c := v.Component0; c < v.Component1; c++ {
				if r < len(t.grids[c]) && !t.grids[c][r].visit(packetRef{component: c, resolution: r, layer: l}, yield) {
					return false
				}
			}
		}
	}
	return true
}

// visit visits the precincts of one resolution in raster order.
func (g *grid) visit(r packetRef, yield func(packetRef) bool) bool {
	for p := range g.cells.area() {
		r.precinct = g.first + p
		if !yield(r) {
			return false
		}
	}
	return true
}

// spot is where on the reference grid the position progressions meet a precinct.
type spot struct {
	y, x                  int64
	precinct              int32
	component, resolution uint16
}

func (s spot) compare(o spot) int {
	return cmp.Or(cmp.Compare(s.y, o.y), cmp.Compare(s.x, o.x), cmp.Compare(s.precinct, o.precinct))
}

// byPosition visits by position, component, resolution, layer. Where the volume holds
// one resolution or one component alone this is RPCL's and CPRL's inner order too.
func (t *tileGrid) byPosition(s *Size, v Change, yield func(packetRef) bool) bool {
	var spots []spot
	for c := v.Component0; c < v.Component1; c++ {
		for r := v.Resolution0; r < min(v.Resolution1, len(t.grids[c])); r++ {
			spots = t.appendSpots(spots, s, c, r)
		}
	}
	slices.SortFunc(spots, spot.compare)
	for _, at := range spots {
		ref := packetRef{component: int(at.component), resolution: int(at.resolution), precinct: int(at.precinct)}
		for ref.layer = range v.Layer {
			if !yield(ref) {
				return false
			}
		}
	}
	return true
}

func (t *tileGrid) appendSpots(spots []spot, s *Size, c, r int) []spot {
	g, scale := &t.grids[c][r], t.params.Components[c].Levels-r
	stepX := s.Components[c].DX << (scale + int(g.precinct.X))
	stepY := s.Components[c].DY << (scale + int(g.precinct.Y))
	spots = slices.Grow(spots, g.cells.area())
	for y := g.cells.Y0; y < g.cells.Y1; y++ {
		for x := g.cells.X0; x < g.cells.X1; x++ {
			spots = append(spots, spot{
				y:         max(y*stepY, t.rect.Y0), // the first precinct may begin before the tile
				x:         max(x*stepX, t.rect.X0),
				precinct:  int32(g.number(x, y)),
				component: uint16(c), resolution: uint16(r),
			})
		}
	}
	return spots
}
