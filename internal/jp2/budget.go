package jp2

import (
	"fmt"
	"math/bits"
	"strconv"
)

// Budget bounds what a file may claim. Zero values admit nothing: start from
// [DefaultBudget].
type Budget struct {
	FileBytes     int64 // size of the whole file
	HeaderBytes   int64 // bytes read to understand boxes and headers, and so memory held
	ICCBytes      int   // one colour profile
	Boxes         int   // boxes before and in the JP2 header, nested ones included
	Markers       int   // marker segments of one header
	Side          int64 // width and height on the reference grid
	Components    int   // of the codestream, and columns of a palette
	Bits          int   // of a sample
	Tiles         int64
	TileSamples   int64 // of one tile, over all components
	TileBlocks    int64 // code-blocks of one tile: a decoder keeps state for each
	TilePrecincts int64 // precincts of one tile
	TilePackets   int   // of one tile, to be indexed: each takes 16 bytes
	TileParts     int
	Packets       int64 // of the whole codestream: precincts × layers × tiles
	WalkBytes     int64 // of packets whose headers may be read to learn their lengths
	IndexBytes    int64 // packet lengths held, at one byte and a half or so a packet
	Levels        int   // wavelet decompositions

	// Stop is asked now and then whether to go on; its error ends the work. It may be nil.
	Stop func() error
}

// DefaultBudget admits every image a library is likely to own, an untiled one of a
// gigapixel included, and keeps a header of a few bytes from promising more work or
// memory than that.
func DefaultBudget() Budget {
	return Budget{
		FileBytes:     1 << 38,
		HeaderBytes:   8 << 20,
		ICCBytes:      4 << 20,
		Boxes:         1024,
		Markers:       1024,
		Side:          1 << 22,
		Components:    5,
		Bits:          31,
		Tiles:         65535,
		TileSamples:   1 << 32,
		TileBlocks:    1 << 21,
		TilePrecincts: 1 << 20,
		TilePackets:   1 << 22,
		TileParts:     1 << 18,
		Packets:       1 << 25,
		WalkBytes:     1 << 38,
		IndexBytes:    1 << 25,
		Levels:        32,
	}
}

// stopped asks Stop, after each thousand steps.
func (b *Budget) stopped(step int) error {
	if b.Stop == nil || step&1023 != 0 {
		return nil
	}
	return b.Stop()
}

// power writes a limit the way people read it: 2^28 rather than 268435456.
func power(n int64) string {
	if e := bits.TrailingZeros64(uint64(n)); n > 1<<16 && n == 1<<e {
		return fmt.Sprintf("2^%d", e)
	}
	return strconv.FormatInt(n, 10)
}
