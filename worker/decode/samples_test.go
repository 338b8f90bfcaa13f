//go:build cgo

package decode

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/layout"
)

// Values of TIFF's SampleFormat.
const (
	sampleUint    = 1
	sampleInt     = 2
	sampleFloat   = 3
	sampleComplex = 6
)

// rawTIFF is an uncompressed file of one strip.
type rawTIFF struct {
	width, height, bits, kind int
	photometric, samples      int
	extra                     int // samples beyond the colours: unassociated alpha
	pixels                    []byte
}

func (r rawTIFF) bytes() []byte {
	shorts := func(v, n int) []byte {
		return bytes.Repeat(binary.LittleEndian.AppendUint16(nil, uint16(v)), n)
	}
	long := func(v int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }
	fields := []struct {
		tag, kind uint16
		count     int
		data      []byte
	}{
		{256, 4, 1, long(r.width)},
		{257, 4, 1, long(r.height)},
		{258, 3, r.samples, shorts(r.bits, r.samples)},
		{259, 3, 1, shorts(1, 1)},
		{262, 3, 1, shorts(r.photometric, 1)},
		{273, 4, 1, nil},
		{277, 3, 1, shorts(r.samples, 1)},
		{278, 4, 1, long(r.height)},
		{279, 4, 1, long(len(r.pixels))},
		{284, 3, 1, shorts(1, 1)},
		{338, 3, r.extra, shorts(2, r.extra)},
		{339, 3, r.samples, shorts(r.kind, r.samples)},
	}
	if r.extra == 0 {
		fields = append(fields[:10], fields[11])
	}
	head := binary.LittleEndian.AppendUint16([]byte("II*\x00\x08\x00\x00\x00"), uint16(len(fields)))
	at := 8 + 2 + 12*len(fields) + 4
	var outside []byte
	strip := at + 2*4*r.samples
	for _, f := range fields {
		if f.tag == 273 {
			f.data = long(strip)
		}
		head = binary.LittleEndian.AppendUint16(head, f.tag)
		head = binary.LittleEndian.AppendUint16(head, f.kind)
		head = binary.LittleEndian.AppendUint32(head, uint32(f.count))
		if len(f.data) <= 4 {
			head = append(head, append(f.data, 0, 0, 0, 0)[:4]...)
			continue
		}
		head = binary.LittleEndian.AppendUint32(head, uint32(at+len(outside)))
		outside = append(outside, f.data...)
	}
	file := append(append(head, 0, 0, 0, 0), outside...)
	return append(append(file, make([]byte, strip-len(file))...), r.pixels...)
}

// packer writes samples one after the other, those of less than 8 bits packed by row.
type packer struct {
	to         []byte
	bits, used int
	last       byte
}

func (p *packer) small(v int) {
	p.last |= byte(v << (8 - p.bits - p.used))
	if p.used += p.bits; p.used == 8 {
		p.row()
	}
}

func (p *packer) row() {
	if p.used > 0 {
		p.to = append(p.to, p.last)
		p.last, p.used = 0, 0
	}
}

// sampleKinds are the samples a TIFF file can have. write appends the one nearest to a
// fraction of the whole range.
var sampleKinds = []struct {
	name       string
	bits, kind int
	write      func(p *packer, v float64)
}{
	{"1 bit", 1, sampleUint, func(p *packer, v float64) { p.small(int(math.Round(v))) }},
	{"2 bits", 2, sampleUint, func(p *packer, v float64) { p.small(int(math.Round(v * 3))) }},
	{"4 bits", 4, sampleUint, func(p *packer, v float64) { p.small(int(math.Round(v * 15))) }},
	{"8 bits", 8, sampleUint, func(p *packer, v float64) { p.to = append(p.to, byte(math.Round(v*255))) }},
	{"8 bits signed", 8, sampleInt, func(p *packer, v float64) { p.to = append(p.to, byte(int8(math.Round(v*255)-128))) }},
	{"16 bits", 16, sampleUint, func(p *packer, v float64) { p.to = binary.LittleEndian.AppendUint16(p.to, uint16(math.Round(v*65535))) }},
	{"16 bits signed", 16, sampleInt, func(p *packer, v float64) {
		p.to = binary.LittleEndian.AppendUint16(p.to, uint16(int16(math.Round(v*65535)-32768)))
	}},
	{"32 bits", 32, sampleUint, func(p *packer, v float64) {
		p.to = binary.LittleEndian.AppendUint32(p.to, uint32(math.Round(v*math.MaxUint32)))
	}},
	{"32 bits signed", 32, sampleInt, func(p *packer, v float64) {
		p.to = binary.LittleEndian.AppendUint32(p.to, uint32(int32(math.Round(v*math.MaxUint32)+math.MinInt32)))
	}},
	{"float", 32, sampleFloat, func(p *packer, v float64) {
		p.to = binary.LittleEndian.AppendUint32(p.to, math.Float32bits(float32(v*255)))
	}},
}

const sampledW, sampledH = 61, 33

// fraction is what the sample at a place is of the whole range.
func fraction(x, y, band int) float64 {
	return float64((x*7+y*13+band*50)%256) / 255
}

// TestSamples: pictures of every kind of sample have their own brightness at full size,
// and no row of them is larger than the room for it.
func TestSamples(t *testing.T) {
	for _, k := range sampleKinds {
		for _, c := range []struct {
			name                        string
			photometric, samples, extra int
		}{{"gray", 1, 1, 0}, {"white is zero", 0, 1, 0}, {"gray alpha", 1, 2, 1}, {"RGB", 2, 3, 0}, {"RGBA", 2, 4, 1}} {
			if c.samples > 1 && k.bits < 8 || c.photometric == 0 && k.kind != sampleUint {
				continue // libtiff's own bounds, and a meaning nobody has defined
			}
			t.Run(k.name+" "+c.name, func(t *testing.T) {
				// Colours of real numbers are scRGB: linear light from 0 to 1.
				linear := c.photometric == 2 && k.kind == sampleFloat
				p := &packer{bits: k.bits}
				for y := range sampledH {
					for x := range sampledW {
						for b := range c.samples {
							v := fraction(x, y, b)
							if linear {
								v /= 255
							}
							k.write(p, v)
						}
					}
					p.row()
				}
				data := rawTIFF{sampledW, sampledH, k.bits, k.kind, c.photometric, c.samples, c.extra, p.to}.bytes()
				want := func(x, y int) color.NRGBA64 { return sampled(x, y, c.samples, c.photometric == 0, linear, k.bits) }
				checkWide(t, data, want)
				checkNarrow(t, data, want)
			})
		}
	}
}

func sampled(x, y, samples int, inverted, linear bool, bits int) color.NRGBA64 {
	level := func(band int, linear bool) uint16 {
		v := fraction(x, y, band)
		if steps := float64(int(1)<<min(bits, 8) - 1); bits < 8 {
			v = math.Round(v*steps) / steps
		}
		if inverted {
			v = 1 - v
		}
		if linear {
			v = encodeSRGB(v)
		}
		return uint16(math.Round(v * 65535))
	}
	c := color.NRGBA64{level(0, linear), level(0, linear), level(0, linear), 65535}
	if samples >= 3 {
		c.G, c.B = level(1, linear), level(2, linear)
	}
	if samples == 2 || samples == 4 {
		c.A = level(samples-1, false)
	}
	return c
}

func encodeSRGB(v float64) float64 {
	if v <= 0.0031308 {
		return v * 12.92
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// checkWide compares with the answer as PNG.
func checkWide(t *testing.T, data []byte, want func(x, y int) color.NRGBA64) {
	t.Helper()
	im := render(t, data, whole(tile.TIFF, sampledW, sampledH))
	tolerance := 2
	if im.ColorModel() == color.NRGBAModel {
		tolerance = 257
	}
	for y := range sampledH {
		for x := range sampledW {
			got, want := deep(im.At(x, y)), want(x, y)
			for i, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B), int(got.A) - int(want.A)} {
				if max(d, -d) > tolerance && (want.A > 0 || i == 3) {
					t.Fatalf("pixel %d,%d band %d: %v, want %v", x, y, i, got, want)
				}
			}
		}
	}
}

// deep widens without the detour over premultiplied colours.
func deep(c color.Color) color.NRGBA64 {
	if n, ok := c.(color.NRGBA); ok {
		return color.NRGBA64{uint16(n.R) * 257, uint16(n.G) * 257, uint16(n.B) * 257, uint16(n.A) * 257}
	}
	return color.NRGBA64Model.Convert(c).(color.NRGBA64)
}

// checkNarrow compares with what the outputs of 8 bits are made of.
func checkNarrow(t *testing.T, data []byte, want func(x, y int) color.NRGBA64) {
	t.Helper()
	req := whole(tile.TIFF, sampledW, sampledH)
	req.Output = "jpg"
	p, _, _, err := decodeRegion(data, req)
	if err != nil {
		t.Fatal(err)
	}
	defer p.free()
	if p.bits != 8 {
		t.Fatalf("%d bits", p.bits)
	}
	for y := range sampledH {
		row := p.memory[p.room+y*p.stride():]
		for x := range sampledW {
			c := want(x, y)
			bands := []uint16{c.R, c.G, c.B, c.A}
			if p.bands < 3 {
				bands = []uint16{c.R, c.A}
			}
			for b := range p.bands {
				if got, want := int(row[x*p.bands+b]), int(bands[b]>>8); max(got-want, want-got) > 1 {
					t.Fatalf("pixel %d,%d band %d: %d, want %d", x, y, b, got, want)
				}
			}
		}
	}
}

// TestOddSamples: real numbers of 64 bits libvips writes and does not read, and complex
// ones have no brightness: both are refused.
func TestOddSamples(t *testing.T) {
	for _, kind := range []int{sampleFloat, sampleComplex} {
		data := rawTIFF{8, 8, 64, kind, 1, 1, 0, make([]byte, 8*8*8)}.bytes()
		if _, err := Render(data, whole(tile.TIFF, 8, 8)); tile.CodeOf(err) != tile.Broken {
			t.Errorf("%d: %v", kind, err)
		}
	}
}

// FuzzSamples: no combination of samples and colours overruns a picture's memory, and
// every answer has the size asked for.
func FuzzSamples(f *testing.F) {
	for _, k := range sampleKinds {
		p := &packer{bits: k.bits}
		for i := range 64 {
			k.write(p, float64(i)/63)
		}
		p.row()
		for photometric := range byte(10) {
			f.Add(byte(16), byte(4), byte(k.bits), byte(k.kind), photometric, 1+photometric%5, photometric%3, p.to)
		}
	}
	f.Add(byte(3), byte(2), byte(64), byte(sampleComplex), byte(1), byte(1), byte(0), make([]byte, 64))
	f.Fuzz(func(t *testing.T, w, h, bits, kind, photometric, samples, extra byte, pixels []byte) {
		r := rawTIFF{int(w) + 1, int(h) + 1, int(bits), int(kind), int(photometric), int(samples)%8 + 1, int(extra) % 4, nil}
		r.pixels = append(pixels, make([]byte, (r.width*r.bits*r.samples+7)/8*r.height)...)
		for _, output := range []string{"png", "tif", "jpg"} {
			req := whole(tile.TIFF, r.width, r.height)
			req.Width, req.Output = (r.width+1)/2, output
			result, err := Render(r.bytes(), req)
			if err != nil {
				continue
			}
			if size := sizeOf(t, output, result.Body); size != image.Pt(req.Width, req.Height) {
				t.Fatalf("%+v: %s of %v", r, output, size)
			}
			result.Free()
		}
	})
}

func sizeOf(t *testing.T, output string, body []byte) image.Point {
	t.Helper()
	if output == "tif" {
		levels, err := layout.TIFF(body)
		if err != nil {
			t.Fatal(err)
		}
		return image.Pt(levels[0].Width, levels[0].Height)
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", output, err)
	}
	return image.Pt(config.Width, config.Height)
}
