//go:build cgo

package decode

import (
	"fmt"
	"image"
	"strconv"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// files are structures of JPEG 2000 files, as arguments of opj_compress.
var files = []struct {
	name string
	args []string
}{
	{"untiled", nil},
	{"untiled precincts RPCL PLT", []string{"-p", "RPCL", "-c", "[128,128],[64,64]", "-PLT"}},
	{"tiled 64", []string{"-t", "64,64", "-n", "3"}},
	{"tiled 100x70, levels do not divide tiles", []string{"-t", "100,70", "-n", "4"}},
	{"tile-parts by resolution", []string{"-t", "128,128", "-n", "3", "-TP", "R"}},
	{"image offset", []string{"-d", "37,53"}},
	{"image and tile offset", []string{"-d", "37,53", "-T", "11,19", "-t", "90,90", "-n", "3"}},
	{"three layers", []string{"-r", "20,10,1"}},
}

const texW, texH = 331, 277

// TestRegionsAgainstReference compares regions at every resolution with what
// opj_decompress makes of the same area of the reference grid.
func TestRegionsAgainstReference(t *testing.T) {
	texture := decodertest.Texture(texW, texH)
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			path := decodertest.JP2(t, texture, file.args...)
			data := decodertest.Read(t, path)
			x0, y0 := origin(t, data)
			for reduce := range 3 {
				for _, r := range []image.Rectangle{
					image.Rect(0, 0, texW, texH),
					image.Rect(0, 0, 64, 64), image.Rect(64, 128, 192, 256), image.Rect(13, 17, 102, 203),
					image.Rect(texW-9, texH-5, texW, texH), image.Rect(100, 100, 108, 108),
				} {
					want := decodertest.Reference(t, path, "-r", strconv.Itoa(reduce), "-d",
						fmt.Sprintf("%d,%d,%d,%d", x0+r.Min.X, y0+r.Min.Y, x0+r.Max.X, y0+r.Max.Y))
					req := region(tile.JP2, r.Min.X, r.Min.Y, r.Dx(), r.Dy())
					req.Reduce, req.Width, req.Height = reduce, want.Bounds().Dx(), want.Bounds().Dy()
					checkSame(t, render(t, data, req), want, 0)
				}
			}
		})
	}
}

// origin is where the image begins on the reference grid.
func origin(t *testing.T, data []byte) (x, y int) {
	t.Helper()
	c, err := openCodestream(data, protocol.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.image().x0, c.image().y0
}

// TestSubPixelRegions: areas between two samples of a reduced image get one pixel.
func TestSubPixelRegions(t *testing.T) {
	for _, args := range [][]string{nil, {"-d", "5,3"}, {"-t", "64,64", "-n", "4"}} {
		data := decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(200, 100), args...))
		for _, r := range []image.Rectangle{
			image.Rect(0, 0, 1, 1), image.Rect(1, 1, 2, 2), image.Rect(199, 99, 200, 100), image.Rect(5, 0, 6, 100),
		} {
			for reduce := range 5 {
				req := region(tile.JP2, r.Min.X, r.Min.Y, r.Dx(), r.Dy())
				req.Reduce, req.Width, req.Height = reduce, 1, 1
				render(t, data, req)
			}
		}
	}
}

func TestSquares(t *testing.T) {
	data := decodertest.Read(t, decodertest.JP2(t, decodertest.Squares(), "-t", "256,256", "-n", "4"))
	for cell := range 100 {
		x, y := cell%10, cell/10
		req := region(tile.JP2, x*decodertest.SquareSide, y*decodertest.SquareSide, decodertest.SquareSide, decodertest.SquareSide)
		im := render(t, data, req)
		if d := difference(im, flat(im.Bounds(), decodertest.Square(x, y))); d != 0 {
			t.Errorf("square %d,%d differs by %d", x, y, d)
		}
	}
}

// TestBlocks decodes in many blocks what is small enough for one, and expects the same.
func TestBlocks(t *testing.T) {
	texture := decodertest.Texture(texW, texH)
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			data := decodertest.Read(t, decodertest.JP2(t, texture, file.args...))
			for reduce := range 3 {
				req := whole(tile.JP2, texW, texH)
				req.Reduce = reduce
				want := pixelsOf(t, data, req, blockPixels)
				for _, budget := range []int{200, 5000, 20_000} {
					if got := pixelsOf(t, data, req, budget); got != want {
						t.Errorf("reduce %d, blocks of %d pixels: other pixels", reduce, budget)
					}
				}
			}
		})
	}
}

// TestThreads: several threads make the pixels that one makes.
func TestThreads(t *testing.T) {
	texture := decodertest.Texture(texW, texH)
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			data := decodertest.Read(t, decodertest.JP2(t, texture, file.args...))
			req := region(tile.JP2, 13, 17, texW-40, texH-30)
			want := pixelsOf(t, data, req, blockPixels)
			for req.Threads = 2; req.Threads <= protocol.MaxThreads; req.Threads++ {
				if pixelsOf(t, data, req, blockPixels) != want {
					t.Errorf("%d threads: other pixels", req.Threads)
				}
			}
		})
	}
}

func pixelsOf(t *testing.T, data []byte, req protocol.Request, budget int) string {
	t.Helper()
	c, err := openCodestream(data, req)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.blockPixels = budget
	p, err := c.decode(req, false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.free()
	row := p.width * p.bands
	var out []byte
	for y := range p.height {
		at := p.room + y*p.stride()
		out = append(out, p.memory[at:at+row]...)
	}
	return string(out)
}

// TestHighThroughput: regions of files of part 15 are those of the whole picture, which
// OpenJPEG decodes right.
func TestHighThroughput(t *testing.T) {
	for _, name := range []string{"ht.j2c", "ht_lossy.j2c"} {
		data := decodertest.Read(t, "../../internal/jp2/testdata/"+name)
		for reduce := range 3 {
			want := decodertest.Reference(t, "../../internal/jp2/testdata/"+name, "-r", strconv.Itoa(reduce))
			for _, r := range []image.Rectangle{image.Rect(0, 0, 96, 64), image.Rect(16, 8, 80, 40), image.Rect(32, 32, 36, 36)} {
				small := image.Rect(r.Min.X>>reduce, r.Min.Y>>reduce, r.Max.X>>reduce, r.Max.Y>>reduce)
				req := region(tile.J2K, r.Min.X, r.Min.Y, r.Dx(), r.Dy())
				req.Reduce, req.Width, req.Height = reduce, small.Dx(), small.Dy()
				got := render(t, data, req)
				for y := range small.Dy() {
					for x := range small.Dx() {
						if at(got, x, y) != at(want, small.Min.X+x, small.Min.Y+y) {
							t.Fatalf("%s, reduced by %d, %v: pixel %d,%d is %v, want %v", name, reduce, r, x, y, at(got, x, y), at(want, small.Min.X+x, small.Min.Y+y))
						}
					}
				}
			}
		}
	}
}
