package sample

import (
	"math"
	"sync"
)

// coarse is the spacing in pixels of the grid on which heights are computed;
// pixels between are interpolated and roughened.
const coarse = 4

// Island is a map of islands that do not exist, in the manner of an engraved
// chart: tinted relief, shaded hills, contours, soundings lines, a graticule.
type Island struct {
	width, height int
	gridW         int
	heights       []float32
	labels        []label
}

// NewIsland computes the relief of a map of the given size.
func NewIsland(width, height int) *Island {
	m := &Island{width: width, height: height, gridW: width/coarse + 5}
	rows := height/coarse + 5
	m.heights = make([]float32, m.gridW*rows)
	var wg sync.WaitGroup
	const workers = 8
	for i := range workers {
		wg.Go(func() {
			for gy := i; gy < rows; gy += workers {
				for gx := range m.gridW {
					m.heights[gy*m.gridW+gx] = float32(m.relief(float64((gx-1)*coarse), float64((gy-1)*coarse)))
				}
			}
		})
	}
	wg.Wait()
	m.labels = m.nameTowns()
	return m
}

// Size implements Painter.
func (m *Island) Size() (int, int) { return m.width, m.height }

// relief is the height at a pixel, about -1 (deep sea) to 1 (peaks); 0 is the shore.
func (m *Island) relief(px, py float64) float64 {
	span := float64(max(m.width, m.height))
	x, y := px/span*5, py/span*5
	wx, wy := fractal(x*0.9+3, y*0.9+7, 4, 11), fractal(x*0.9-8, y*0.9+1, 4, 23)
	h := fractal(x+1.3*wx+40, y+1.3*wy+12, 8, 5)
	cx, cy := px/float64(m.width)-0.5, py/float64(m.height)-0.5
	edge := step(0.28, 0.49, math.Max(math.Abs(cx), math.Abs(cy)))
	return 1.6*h + 0.14 - 1.5*edge
}

// at is the height anywhere, smoothed by a quadratic B-spline so that the grid
// leaves no facets in the shading.
func (m *Island) at(x, y float64) float64 {
	gx, gy := x/coarse+0.5, y/coarse+0.5
	ix, iy := int(gx), int(gy)
	wx, wy := spline(gx-float64(ix)), spline(gy-float64(iy))
	sum := 0.0
	for j, w := range wy {
		row := m.heights[(iy+j)*m.gridW+ix:]
		sum += w * (wx[0]*float64(row[0]) + wx[1]*float64(row[1]) + wx[2]*float64(row[2]))
	}
	return sum
}

func spline(t float64) [3]float64 {
	return [3]float64{(1 - t) * (1 - t) / 2, 0.5 + t - t*t, t * t / 2}
}

var (
	seaDeep, seaShore   = hex(0x9db8bd), hex(0xd7e3dc)
	sand, meadow, heath = hex(0xefe3c2), hex(0xd3d3a0), hex(0xd9bf8c)
	rock, snow          = hex(0xb58f6c), hex(0xf6f1e6)
	ink, redInk         = hex(0x46352a), hex(0xa2402f)
	paper               = hex(0xf3e9d2)
)

// Row implements Painter.
func (m *Island) Row(y int, out []byte) {
	for x := range m.width {
		m.pixel(x, y).put(out[x*3:])
	}
	for _, l := range m.labels {
		l.row(y, m.width, out)
	}
}

func (m *Island) pixel(x, y int) rgb {
	fx, fy := float64(x), float64(y)
	if d := m.margin(x, y); d < 150 {
		return m.frame(x, y, d)
	}
	h := m.at(fx, fy)
	dx, dy := m.at(fx+2, fy)-m.at(fx-2, fy), m.at(fx, fy+2)-m.at(fx, fy-2)
	grain := noise(fx/1.7, fy/1.7, 77)*0.6 + noise(fx/5.3, fy/5.3, 78)*0.4
	slope := math.Hypot(dx, dy) / 4
	c := m.water(h, slope)
	if h > 0 {
		c = m.land(h, dx, dy, slope)
	}
	c = mix(c, ink, shoreline(h, slope))
	return m.graticule(c, x, y).scale(1 + 0.035*grain)
}

func (m *Island) water(h, slope float64) rgb {
	c := mix(seaShore, seaDeep, step(0, 0.55, -h))
	if h > -0.16 { // the engraver's lines along the coast
		c = mix(c, hex(0x7699a2), 0.55*line(h, slope, 0.02))
	}
	return c
}

func (m *Island) land(h, dx, dy, slope float64) rgb {
	c := mix(sand, meadow, step(0.0, 0.12, h))
	c = mix(c, heath, step(0.15, 0.38, h))
	c = mix(c, rock, step(0.38, 0.62, h))
	c = mix(c, snow, step(0.66, 0.80, h))
	c = c.scale(1 + max(-0.34, min(0.16, -34*(dx+dy))))
	strength := 0.22
	if math.Mod(h, 0.125) < 0.0125 {
		strength = 0.5
	}
	return mix(c, hex(0x7a4f33), strength*line(h, slope, 0.025))
}

// line is 1 on a contour of the given spacing and fades within about a pixel of it.
func line(h, slope, spacing float64) float64 {
	d := math.Abs(math.Mod(math.Abs(h)+spacing/2, spacing)-spacing/2) / max(slope, 1e-6)
	return clamp(1.6 - d)
}

func shoreline(h, slope float64) float64 {
	return 0.9 * clamp(2.4-math.Abs(h)/max(slope, 1e-6))
}

func (m *Island) graticule(c rgb, x, y int) rgb {
	const spacing = 1024
	dx, dy := (x+spacing/2)%spacing-spacing/2, (y+spacing/2)%spacing-spacing/2
	if dx >= -1 && dx <= 1 || dy >= -1 && dy <= 1 {
		return mix(c, redInk, 0.35)
	}
	return c
}

func (m *Island) margin(x, y int) int {
	return min(x, y, m.width-1-x, m.height-1-y)
}

// frame paints the border: paper, a neat line, and a scale of alternating degrees.
func (m *Island) frame(x, y, d int) rgb {
	grain := 1 + 0.04*noise(float64(x)/3, float64(y)/3, 91)
	along := x
	if x == d || m.width-1-x == d {
		along = y
	}
	switch {
	case d >= 144, d >= 96 && d < 100, d >= 64 && d < 66:
		return ink
	case d >= 100 && d < 120 && along/256%2 == 0:
		return ink.scale(1.3)
	}
	return paper.scale(grain)
}
