package jp2

import "unsafe"

// Packets is how many packets the codestream has, and Bytes what they take in the file.
func (x *Index) Packets() (n, bytes int64) {
	for t := range x.tiles {
		for i := range x.tiles[t].parts {
			n += int64(x.tiles[t].parts[i].count)
			bytes += x.tiles[t].parts[i].total
		}
	}
	return n, bytes
}

// TileParts is how many tile-parts the codestream has.
func (x *Index) TileParts() (n int) {
	for t := range x.tiles {
		n += len(x.tiles[t].parts)
	}
	return n
}

// Memory bounds what the index takes in memory once all of its tiles have been asked
// for: lengths as they are stored, a place for each packet, and the grids.
func (x *Index) Memory() int64 {
	n, _ := x.Packets()
	total := int64(len(x.boxes)) + n*int64(unsafe.Sizeof(packet{}))
	for t := range x.tiles {
		total += int64(unsafe.Sizeof(tileIndex{})+unsafe.Sizeof(layout{})+unsafe.Sizeof(tileGrid{})) + x.gridMemory(t)
		if p := x.tiles[t].packed; p != nil {
			total += int64(len(p.data)+len(p.coded)) + int64(p.count)*int64(unsafe.Sizeof(packedHeader{}))
		}
		for i := range x.tiles[t].parts {
			total += int64(unsafe.Sizeof(span{})) + int64(len(x.tiles[t].parts[i].coded))
		}
	}
	return total
}

func (x *Index) gridMemory(t int) (total int64) {
	for _, c := range x.paramsOf(t).Components {
		total += int64(c.Levels+1) * int64(unsafe.Sizeof(grid{}))
	}
	return total
}
