//go:build cgo

package decode

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/davidbyttow/govips/v2/vips"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

const rawW, rawH = 64, 48

// rawJ2K compresses samples as they are; layout is the last part of opj_compress -F.
func rawJ2K(t *testing.T, samples []byte, components int, layout string) []byte {
	t.Helper()
	path := decodertest.WriteFile(t, "samples.raw", samples)
	return decodertest.Read(t, decodertest.Compress(t, path, ".j2k", "-F",
		fmt.Sprintf("%d,%d,%d,%s", rawW, rawH, components, layout), "-n", "3", "-mct", "0"))
}

// TestBitDepths: A-137; every depth spans the whole range of the answer.
func TestBitDepths(t *testing.T) {
	for _, signed := range []bool{false, true} {
		for bits := 1; bits <= 16; bits++ {
			t.Run(fmt.Sprintf("%d bits, signed %t", bits, signed), func(t *testing.T) {
				top := 1<<bits - 1
				var samples []byte
				for i := range rawW * rawH {
					v := i % (top + 1)
					if signed {
						v -= (top + 1) / 2
					}
					samples = appendSample(samples, v, bits)
				}
				sign := map[bool]string{false: "u", true: "s"}[signed]
				im := render(t, rawJ2K(t, samples, 1, fmt.Sprintf("%d,%s", bits, sign)), whole(tile.J2K, rawW, rawH))
				for i := range rawW * rawH {
					want := float64(i%(top+1)) / float64(top)
					got := float64(gray16(im, i%rawW, i/rawW)) / 65535
					if math.Abs(got-want) > 1.0/255/2 && bits <= 8 || math.Abs(got-want) > 1.0/65535 && bits > 8 {
						t.Fatalf("sample %d: %.5f, want %.5f", i, got, want)
					}
				}
			})
		}
	}
}

// appendSample writes what opj_compress reads: big endian above 8 bits.
func appendSample(to []byte, v, bits int) []byte {
	if bits > 8 {
		return binary.BigEndian.AppendUint16(to, uint16(v))
	}
	return append(to, byte(v))
}

func gray16(im image.Image, x, y int) uint16 {
	return color.Gray16Model.Convert(im.At(x, y)).(color.Gray16).Y
}

// TestDepthOfOutputs: png and tif keep 16 bits, everything else gets 8.
func TestDepthOfOutputs(t *testing.T) {
	var samples []byte
	for i := range rawW * rawH {
		samples = appendSample(samples, i*13, 16)
	}
	data := rawJ2K(t, samples, 1, "16,u")
	for output, want := range map[string]color.Model{
		"png": color.Gray16Model, "tif": color.Gray16Model, "jpg": color.GrayModel,
	} {
		req := whole(tile.J2K, rawW, rawH)
		req.Output = output
		if got := render(t, data, req).ColorModel(); got != want {
			t.Errorf("%s: another colour model", output)
		}
	}
}

// TestSubsampledYCC: luminance at every pixel, chroma once for 2x2 or 2x1.
func TestSubsampledYCC(t *testing.T) {
	for _, c := range []struct {
		name, layout string
		dx, dy       int
	}{{"4:2:0", "8,u@1x1:2x2:2x2", 2, 2}, {"4:2:2", "8,u@1x1:2x1:2x1", 2, 1}} {
		t.Run(c.name, func(t *testing.T) {
			cw, ch := rawW/c.dx, rawH/c.dy
			var samples []byte
			for i := range rawW * rawH {
				samples = append(samples, byte(i*3))
			}
			for i := range cw * ch {
				samples = append(samples, byte(100+i%40))
			}
			for i := range cw * ch {
				samples = append(samples, byte(90+i%60))
			}
			data := rawJ2K(t, samples, 3, c.layout)
			want := image.NewNRGBA(image.Rect(0, 0, rawW, rawH))
			for y := range rawH {
				for x := range rawW {
					chroma := rawW*rawH + y/c.dy*cw + x/c.dx
					r, g, b := color.YCbCrToRGB(samples[y*rawW+x], samples[chroma], samples[chroma+cw*ch])
					want.SetNRGBA(x, y, color.NRGBA{r, g, b, 255})
				}
			}
			for _, r := range []image.Rectangle{want.Bounds(), image.Rect(3, 5, 4, 6), image.Rect(17, 9, 50, 40)} {
				got := render(t, data, region(tile.J2K, r.Min.X, r.Min.Y, r.Dx(), r.Dy()))
				checkSame(t, got, want.SubImage(r), 1)
			}
		})
	}
}

// box is a JP2 box.
func box(kind string, content ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))
	return append(append(b, kind...), content...)
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// boxed puts a codestream of rawW by rawH into a JP2 file with these header boxes.
func boxed(codestream []byte, components byte, header ...[]byte) []byte {
	ihdr := box("ihdr", 0, 0, 0, rawH, 0, 0, 0, rawW, 0, components, 7, 7, 0, 0)
	return join(
		box("jP  ", 0x0d, 0x0a, 0x87, 0x0a), box("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 ")...),
		box("jp2h", join(append([][]byte{ihdr}, header...)...)...), box("jp2c", codestream...),
	)
}

func colourSpace(enumerated uint32) []byte {
	return box("colr", binary.BigEndian.AppendUint32([]byte{1, 0, 0}, enumerated)...)
}

// planes fills each component with one value.
func planes(values ...byte) []byte {
	var out []byte
	for _, v := range values {
		for range rawW * rawH {
			out = append(out, v)
		}
	}
	return out
}

func TestColourSpaces(t *testing.T) {
	const sRGB, gray, sYCC, eYCC, cmyk, lab = 16, 17, 18, 24, 12, 14
	opacity := box("cdef", 0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 3, 0, 3, 0, 1, 0, 0)
	swapped := box("cdef", 0, 3, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 1)
	premultiplied := box("cdef", 0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 3, 0, 3, 0, 2, 0, 0)
	for _, c := range []struct {
		name      string
		values    []byte
		header    [][]byte
		want      color.NRGBA
		tolerance int
	}{
		{"sRGB", []byte{10, 200, 90}, [][]byte{colourSpace(sRGB)}, color.NRGBA{10, 200, 90, 255}, 0},
		{"gray", []byte{77}, [][]byte{colourSpace(gray)}, color.NRGBA{77, 77, 77, 255}, 0},
		{"sYCC", []byte{128, 128, 255}, [][]byte{colourSpace(sYCC)}, color.NRGBA{255, 37, 128, 255}, 1},
		{"e-YCC", []byte{128, 128, 255}, [][]byte{colourSpace(eYCC)}, color.NRGBA{255, 37, 128, 255}, 1},
		{"blue first", []byte{10, 200, 90}, [][]byte{colourSpace(sRGB), swapped}, color.NRGBA{90, 200, 10, 255}, 0},
		{"opacity", []byte{10, 200, 90, 128}, [][]byte{colourSpace(sRGB), opacity}, color.NRGBA{10, 200, 90, 128}, 0},
		{"premultiplied opacity", []byte{10, 100, 60, 128}, [][]byte{colourSpace(sRGB), premultiplied}, color.NRGBA{20, 199, 120, 128}, 1},
		{"fourth component without definition", []byte{10, 200, 90, 33}, [][]byte{colourSpace(sRGB)}, color.NRGBA{10, 200, 90, 33}, 0},
		{"A-137 CMYK paper", []byte{0, 0, 0, 0}, [][]byte{colourSpace(cmyk)}, color.NRGBA{255, 255, 255, 255}, 3},
		{"A-137 CMYK ink", []byte{255, 255, 255, 255}, [][]byte{colourSpace(cmyk)}, color.NRGBA{35, 31, 32, 255}, 15},
		{"A-137 CIELab white", []byte{255, 128, 96}, [][]byte{colourSpace(lab)}, color.NRGBA{255, 255, 255, 255}, 3},
		{"A-137 CIELab red", []byte{136, 128 + 120, 96 + 85}, [][]byte{colourSpace(lab)}, color.NRGBA{255, 0, 0, 255}, 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := boxed(rawJ2K(t, planes(c.values...), len(c.values), "8,u"), byte(len(c.values)), c.header...)
			got := at(render(t, data, whole(tile.JP2, rawW, rawH)), rawW/2, rawH/2)
			if d := distance(got, c.want); d > c.tolerance {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestPalette: one component becomes three, in one block and in several.
func TestPalette(t *testing.T) {
	var samples []byte
	for i := range rawW * rawH {
		samples = append(samples, byte(i/7%4))
	}
	colours := [4]color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {1, 2, 3, 255}, {250, 240, 230, 255}}
	data := indexed(t, samples, colours[:])
	im := render(t, data, whole(tile.JP2, rawW, rawH))
	for i, s := range samples {
		if got := at(im, i%rawW, i/rawW); got != colours[s] {
			t.Fatalf("pixel %d: %v, want %v", i, got, colours[s])
		}
	}
	req := whole(tile.JP2, rawW, rawH)
	if pixelsOf(t, data, req, 500) != pixelsOf(t, data, req, blockPixels) {
		t.Error("other pixels in several blocks")
	}
}

// indexed is a JP2 file whose samples stand for these colours.
func indexed(t *testing.T, samples []byte, colours []color.NRGBA) []byte {
	t.Helper()
	palette := []byte{0, byte(len(colours)), 3, 7, 7, 7}
	for _, c := range colours {
		palette = append(palette, c.R, c.G, c.B)
	}
	return boxed(rawJ2K(t, samples, 1, "8,u"), 1, colourSpace(16), box("pclr", palette...),
		box("cmap", 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 2))
}

// TestReducedPalette: colours are averaged, never the indices that stand for them.
func TestReducedPalette(t *testing.T) {
	var samples []byte
	for i := range rawW * rawH {
		samples = append(samples, byte(i%rawW+i/rawW)%2*2)
	}
	data := indexed(t, samples, []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}})
	for reduce, size := range map[int]image.Point{1: {rawW / 2, rawH / 2}, 2: {rawW / 4, rawH / 4}, 3: {3, 2}} {
		req := whole(tile.JP2, rawW, rawH)
		req.Reduce, req.Width, req.Height = reduce, size.X, size.Y
		im := render(t, data, req)
		for y := range size.Y {
			for x := range size.X {
				if c := at(im, x, y); c.G > 2 || max(c.R, c.B)-min(c.R, c.B) > 60 {
					t.Fatalf("at 1/%d pixel %d,%d is %v, want a mixture of red and blue", 1<<reduce, x, y, c)
				}
			}
		}
	}
}

// TestProfile: A-137; an embedded profile is applied, and none is left in the answer.
func TestProfile(t *testing.T) {
	profile, inP3 := p3(t, color.NRGBA{200, 60, 30, 255})
	colr := box("colr", append([]byte{2, 0, 0}, profile...)...)
	data := boxed(rawJ2K(t, planes(inP3.R, inP3.G, inP3.B), 3, "8,u"), 3, colr)
	for _, output := range []string{"png", "jpg", "tif"} {
		req := whole(tile.JP2, rawW, rawH)
		req.Output = output
		got := at(render(t, data, req), 10, 10)
		if d := distance(got, color.NRGBA{200, 60, 30, 255}); d > 3 {
			t.Errorf("%s: %v", output, got)
		}
	}
}

// p3 gives a Display P3 profile and what it calls a colour of sRGB.
func p3(t *testing.T, c color.NRGBA) ([]byte, color.NRGBA) {
	t.Helper()
	path := decodertest.WritePNG(t, flat(image.Rect(0, 0, 8, 8), c))
	im, err := vips.LoadImageFromBuffer(decodertest.Read(t, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	if err := im.TransformICCProfileWithFallback("p3", "srgb"); err != nil {
		t.Fatal(err)
	}
	point, err := im.GetPoint(4, 4)
	if err != nil {
		t.Fatal(err)
	}
	return im.GetICCProfile(), color.NRGBA{uint8(point[0]), uint8(point[1]), uint8(point[2]), 255}
}
