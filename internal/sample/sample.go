// Package sample paints the images that a first run of Tessera shows: a large
// map, a mosaic floor and the pages of a book. They are computed, the same on
// every machine, and carry no rights of others.
package sample

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
)

// Painter gives the colour of any pixel of an image of a fixed size.
// Safe for concurrent use.
type Painter interface {
	Size() (width, height int)
	// Row paints row y into out, three bytes (RGB) a pixel.
	Row(y int, out []byte)
}

// WritePPM writes the picture as a binary PPM, painting rows on all cores and
// holding a few hundred of them at a time.
func WritePPM(w io.Writer, p Painter) error {
	width, height := p.Size()
	out := bufio.NewWriterSize(w, 1<<20)
	fmt.Fprintf(out, "P6\n%d %d\n255\n", width, height)
	band := 64 * runtime.GOMAXPROCS(0)
	buf := make([]byte, band*width*3)
	for y := 0; y < height; y += band {
		rows := min(band, height-y)
		paintBand(p, y, rows, width, buf)
		if _, err := out.Write(buf[:rows*width*3]); err != nil {
			return fmt.Errorf("couldn't write row %d: %w", y, err)
		}
	}
	return out.Flush()
}

func paintBand(p Painter, y, rows, width int, buf []byte) {
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for i := range workers {
		wg.Go(func() {
			for r := i; r < rows; r += workers {
				p.Row(y+r, buf[r*width*3:(r+1)*width*3])
			}
		})
	}
	wg.Wait()
}

type rgb struct{ r, g, b float64 }

func hex(v uint32) rgb {
	return rgb{float64(v >> 16), float64(v >> 8 & 255), float64(v & 255)}
}

func mix(a, b rgb, t float64) rgb {
	t = clamp(t)
	return rgb{a.r + (b.r-a.r)*t, a.g + (b.g-a.g)*t, a.b + (b.b-a.b)*t}
}

func (c rgb) scale(f float64) rgb { return rgb{c.r * f, c.g * f, c.b * f} }

func (c rgb) put(out []byte) {
	out[0], out[1], out[2] = channel(c.r), channel(c.g), channel(c.b)
}

func channel(v float64) byte { return byte(math.Round(max(0, min(255, v)))) }

func clamp(t float64) float64 { return max(0, min(1, t)) }

// step rises smoothly from 0 at a to 1 at b.
func step(a, b, x float64) float64 {
	t := clamp((x - a) / (b - a))
	return t * t * (3 - 2*t)
}
