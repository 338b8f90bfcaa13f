package sample

import "math"

// Mosaic is a floor of small stones around a wave border and a rosette.
type Mosaic struct{ Side int }

// stone is the mean distance between stones in pixels.
const stone = 26

// Size implements Painter.
func (m Mosaic) Size() (int, int) { return m.Side, m.Side }

// Row implements Painter.
func (m Mosaic) Row(y int, out []byte) {
	for x := range m.Side {
		m.pixel(float64(x), float64(y)).put(out[x*3:])
	}
}

// pixel finds the two nearest stones: the colour is the nearest's, the joint is
// where both are equally near.
func (m Mosaic) pixel(x, y float64) rgb {
	gx, gy := int(x)/stone, int(y)/stone
	first, second := math.Inf(1), math.Inf(1)
	var sx, sy float64
	for j := gy - 1; j <= gy+1; j++ {
		for i := gx - 1; i <= gx+1; i++ {
			px := (float64(i) + 0.22 + 0.56*hash(i, j, 51)) * stone
			py := (float64(j) + 0.22 + 0.56*hash(i, j, 53)) * stone
			// Stones are square-ish: a norm between the round and the square.
			dx, dy := math.Abs(px-x), math.Abs(py-y)
			d := 0.55*math.Hypot(dx, dy) + 0.45*math.Max(dx, dy)
			if d < first {
				first, second, sx, sy = d, first, px, py
			} else if d < second {
				second = d
			}
		}
	}
	shade := 0.9 + 0.2*hash(int(sx), int(sy), 57) + 0.05*noise(x/3, y/3, 59) - 0.012*(x-sx+y-sy)/2
	return mix(m.pattern(sx, sy).scale(shade), hex(0x9a8f80), 1-step(1.2, 3.4, second-first))
}

var (
	bone, lapis, terracotta   = hex(0xe9dfc9), hex(0x2f5a8f), hex(0xb4472e)
	ochre, olive, night, rose = hex(0xc9963c), hex(0x6f7f45), hex(0x2a2d33), hex(0xd9a08a)
)

// pattern is the drawing the stones follow.
func (m Mosaic) pattern(x, y float64) rgb {
	u, v := 2*x/float64(m.Side)-1, 2*y/float64(m.Side)-1
	edge := math.Max(math.Abs(u), math.Abs(v))
	if edge > 0.80 {
		return border(u, v, edge)
	}
	r, a := math.Hypot(u, v), math.Atan2(v, u)
	if r > 0.76 {
		return corner(u, v)
	}
	return rosette(r, a)
}

func border(u, v, edge float64) rgb {
	along := u
	if math.Abs(u) > math.Abs(v) {
		along = v
	}
	wave := 0.885 + 0.028*math.Sin(along*36)
	switch {
	case edge > 0.965, edge < 0.815:
		return night
	case edge > 0.95, edge < 0.83:
		return bone
	case math.Abs(edge-wave) < 0.014:
		return bone
	case edge > wave:
		return lapis
	}
	return terracotta
}

func corner(u, v float64) rgb {
	leaf := math.Sin(9*u)*math.Sin(9*v) + 0.35*math.Sin(23*(u+v))
	switch {
	case leaf > 0.62:
		return olive
	case leaf > 0.42:
		return night
	}
	return bone
}

// rosette is a guilloche of petals around a star.
func rosette(r, a float64) rgb {
	if r > 0.72 {
		return night
	}
	petals := []struct {
		inner, outer float64
		n            float64
		colours      [3]rgb
	}{
		{0.54, 0.72, 24, [3]rgb{lapis, bone, night}},
		{0.36, 0.54, 16, [3]rgb{terracotta, rose, bone}},
		{0.18, 0.36, 12, [3]rgb{olive, ochre, bone}},
		{0.00, 0.18, 8, [3]rgb{ochre, terracotta, lapis}},
	}
	for i, p := range petals {
		if r < p.inner {
			continue
		}
		t := (r - p.inner) / (p.outer - p.inner)
		phase := math.Cos(p.n*a + float64(i)*math.Pi)
		bow := math.Sin(math.Pi * t)
		switch {
		case math.Abs(math.Abs(phase)-bow) < 0.10:
			return night
		case phase > bow:
			return p.colours[0]
		case phase < -bow:
			return p.colours[1]
		}
		return p.colours[2]
	}
	return bone
}
