package main

import (
	"math/rand/v2"
	"slices"
)

// The part of the screen in which a viewer shows an image.
const (
	screenWidth  = 1600
	screenHeight = 1000
)

// A trace zooms in from the whole image and moves about.
const (
	closePans = 6 // at full size
	nearPans  = 4 // at half of it
	farPans   = 2 // at a quarter
)

// view is what a viewer shows at a moment: all of the tiles of one scale that lie on the
// screen around a point of the image.
type view struct{ scale, x, y int }

// itinerary is the way of one reader through an image: all of it, then in towards a point,
// about there by half a screen at a time, and out again. The seed alone decides it.
func itinerary(seed uint64, width, height int) []view {
	rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a way that can be repeated is the point
	x, y := width/4+rnd.IntN(width/2), height/4+rnd.IntN(height/2)
	s := 1
	for width > 2*s*screenWidth || height > 2*s*screenHeight {
		s *= 2
	}
	views := []view{{s, width / 2, height / 2}}
	for s /= 2; s >= 1; s /= 2 {
		views = append(views, view{s, x, y})
	}
	for _, leg := range []struct{ scale, pans int }{{1, closePans}, {2, nearPans}, {4, farPans}} {
		dx, dy := direction(rnd)
		for i := range leg.pans {
			if i%3 == 2 {
				dx, dy = direction(rnd)
			}
			x = within(x+dx*leg.scale*screenWidth/2, width)
			y = within(y+dy*leg.scale*screenHeight/2, height)
			views = append(views, view{leg.scale, x, y})
		}
	}
	return views
}

func direction(rnd *rand.Rand) (dx, dy int) {
	d := [][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, -1}}[rnd.IntN(6)]
	return d[0], d[1]
}

func within(v, size int) int { return min(max(v, 0), size-1) }

// tiles lists what the view shows, nearest to its middle first, as OpenSeadragon asks.
func (v view) tiles(width, height, side int) []tile {
	halfW, halfH := v.scale*screenWidth/2, v.scale*screenHeight/2
	var shown []tile
	for _, t := range grid(width, height, v.scale, side) {
		if t.X < v.x+halfW && t.X+t.W > v.x-halfW && t.Y < v.y+halfH && t.Y+t.H > v.y-halfH {
			shown = append(shown, t)
		}
	}
	slices.SortStableFunc(shown, func(a, b tile) int { return v.distance(a) - v.distance(b) })
	return shown
}

// distance of a tile's middle from the view's, squared, in pixels of the answer.
func (v view) distance(t tile) int {
	dx, dy := (t.X+t.W/2-v.x)/v.scale, (t.Y+t.H/2-v.y)/v.scale
	return dx*dx + dy*dy
}
