package jp2

import "unsafe"

// Packets is how many packets the known tiles have, and Bytes what they take in the file.
func (x *Index) Packets() (n, bytes int64) {
	for tile := range x.eachTile() {
		for i := range tile.parts {
			n += int64(tile.parts[i].count)
			bytes += tile.parts[i].total
		}
	}
	return n, bytes
}

// TileParts is how many tile-parts the known tiles have.
func (x *Index) TileParts() (n int) {
	for tile := range x.eachTile() {
		n += len(tile.parts)
	}
	return n
}

// eachTile visits the tiles that are known.
func (x *Index) eachTile() func(yield func(*tileIndex) bool) {
	return func(yield func(*tileIndex) bool) {
		for t := range x.tiles {
			if tile := x.tiles[t].Load(); tile != nil && !yield(tile) {
				return
			}
		}
	}
}

// Memory is about what the index takes in memory, or will once all tiles are known: lengths
// as they are stored, and as many tiles laid out as are kept.
func (x *Index) Memory() int64 {
	_, _, precincts := x.size.loadOf(&x.params)
	n := int64(len(x.tiles))
	packets := precincts * int64(x.params.Layers)
	each := int64(unsafe.Sizeof(tileIndex{})+unsafe.Sizeof(span{})) + int64(unsafe.Sizeof(x.tiles[0]))
	total := int64(len(x.boxes)) + x.params.memory() + n*each + x.outline.memory() + lengthBytes*packets
	laid := packets*int64(unsafe.Sizeof(packet{})) + n*gridMemory(&x.params)
	for tile := range x.eachTile() {
		told, _ := tile.packed.memory()
		total += told + tile.own()
	}
	return total + min(laid, max(layoutBytes, laid/n))
}

// lengthBytes bounds the mean packet length as it is stored.
const lengthBytes = 2

func (o *outline) memory() int64 {
	if o == nil {
		return 0
	}
	return int64(len(o.parts))*int64(unsafe.Sizeof(toldPart{})) + int64(len(o.first))*4
}

// layoutMemory is what one tile takes that is laid out.
func (x *Index) layoutMemory(tile *tileIndex) (total int64) {
	for i := range tile.parts {
		total += int64(tile.parts[i].count) * int64(unsafe.Sizeof(packet{}))
	}
	_, laid := tile.packed.memory()
	return total + laid + gridMemory(x.paramsOf(tile))
}

func gridMemory(p *Params) int64 {
	total := int64(unsafe.Sizeof(layout{}) + unsafe.Sizeof(tileGrid{}))
	for _, c := range p.Components {
		total += int64(c.Levels+1) * int64(unsafe.Sizeof(grid{}))
	}
	return total
}
