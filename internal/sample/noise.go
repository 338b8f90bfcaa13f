package sample

import "math"

// hash maps a lattice point to [0, 1), the same everywhere.
func hash(x, y int, seed uint32) float64 {
	h := uint32(x)*0x9E3779B1 ^ uint32(y)*0x85EBCA77 ^ seed*0xC2B2AE3D
	h ^= h >> 15
	h *= 0x2C1B3C6D
	h ^= h >> 12
	h *= 0x297A2D39
	h ^= h >> 15
	return float64(h) / (1 << 32)
}

// noise is smooth value noise in [-1, 1].
func noise(x, y float64, seed uint32) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	tx, ty := fade(x-fx), fade(y-fy)
	top := lerp(hash(ix, iy, seed), hash(ix+1, iy, seed), tx)
	bottom := lerp(hash(ix, iy+1, seed), hash(ix+1, iy+1, seed), tx)
	return 2*lerp(top, bottom, ty) - 1
}

func fade(t float64) float64 { return t * t * t * (t*(t*6-15) + 10) }

func lerp(a, b, t float64) float64 { return a + (b-a)*t }

// fractal sums octaves of noise, each twice as fine and half as strong.
func fractal(x, y float64, octaves int, seed uint32) float64 {
	sum, amplitude, total := 0.0, 1.0, 0.0
	for i := range octaves {
		sum += amplitude * noise(x, y, seed+uint32(i))
		total += amplitude
		// An irrational turn between octaves hides the lattice.
		x, y = 2*(0.8*x-0.6*y)+17.3, 2*(0.6*x+0.8*y)-9.1
		amplitude /= 2
	}
	return sum / total
}
