package main

import (
	"cmp"
	"fmt"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// recommended is the profile that costs least, as opj_compress takes it.
const recommended = "opj_compress -p RPCL -t 1024,1024 -c [256,256],[256,256],[128,128] -b 64,64 -n 7 -PLT -TLM"

const (
	largeImage   = 4 << 20 // pixels from which structure matters
	dearTile     = 1 << 20 // bytes of the file for one tile
	manyRanges   = 32      // for one tile
	smallestView = 512     // pixels of the smallest stored resolution

	recommendedTile = 1024
)

// adviceOn says what would make tiles cheaper, most important first; that all is well
// where it is.
func adviceOn(h *jp2.Header, r inspection) []string {
	advice := make([]string, 0, 4)
	say := func(when bool, format string, args ...any) {
		if when {
			advice = append(advice, fmt.Sprintf(format, args...))
		}
	}
	large := int64(h.Width)*int64(h.Height) > largeImage
	say(!r.Index.Possible, "Every tile is decoded from the whole file, because it cannot be indexed. Convert it: %s.", recommended)
	say(r.Index.Possible && large && r.Structure.Tiles == 1 && r.Structure.Precincts == nil,
		"The file has neither tiles nor precincts, so that a tile at full size takes most of it. Convert it: %s.", recommended)
	say(r.Index.From == string(jp2.FromHeaders) || r.Index.From == string(jp2.FromSOP), "The file does not tell packet lengths: the first tile waits until all of it has been read once. Have PLT markers written (opj_compress -PLT).")
	say(firstWhole(r.Tiles, packets.Region) > 0, "Tiles of %d×%d pixels do not halve often enough: from scale factor %d on tiles are decoded from the whole file. Use tiles whose sides are powers of two.", r.Structure.TileWidth, r.Structure.TileHeight, firstWhole(r.Tiles, packets.Region))
	cut := r.Structure.Tiles > 1 || r.Structure.Precincts != nil
	most := cmp.Or(firstWhole(r.Tiles, packets.Most), firstWhole(r.Tiles, packets.Large))
	say(most > 0 && cut, "A tile at scale factor %d takes so much of the file that all of it is decoded. Convert it: %s.", most, recommended)
	smallest := max(h.Width, h.Height) >> h.Levels
	say(smallest > smallestView, "The smallest of the %d stored resolutions has %d pixels: small sizes are scaled down from it. Store more levels, until 256 are left.", h.Levels+1, smallest)
	bytes, ranges := dearest(r.Tiles)
	say(cut && bytes.Bytes > dearTile, "A tile at scale factor %d takes %d KB of the file: precincts of 256 pixels, 128 at smaller resolutions, would take less.", bytes.ScaleFactor, bytes.Bytes>>10)
	say(r.Structure.TileWidth < recommendedTile && ranges.Ranges > manyRanges, "A tile at scale factor %d takes %d separate reads, which object storage is slow at: larger tiles, of 1024 pixels, take fewer.", ranges.ScaleFactor, ranges.Ranges)
	if len(advice) == 0 {
		advice = append(advice, "Nothing to improve: a tile takes a small part of the file in few reads.")
	}
	return advice
}

// firstWhole is the first scale factor with tiles that need the whole file for the reason, or 0.
func firstWhole(costs []tileCost, why packets.Reason) int {
	for _, c := range costs {
		if c.Why == why {
			return c.ScaleFactor
		}
	}
	return 0
}

// dearest are the scale factors whose tiles take most bytes and most reads.
func dearest(costs []tileCost) (bytes, ranges tileCost) {
	for _, c := range costs {
		if c.Bytes > bytes.Bytes {
			bytes = c
		}
		if c.Ranges > ranges.Ranges {
			ranges = c
		}
	}
	return bytes, ranges
}
