package sample

import (
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// label is a piece of lettering, drawn once and laid over rows as they are painted.
type label struct {
	x, y int
	ink  rgb
	mask *image.Alpha
}

func newLabel(x, y int, text string, size float64, ink rgb) label {
	face := italic(size)
	width := font.MeasureString(face, text).Ceil() + 4
	height := int(size * 1.5)
	mask := image.NewAlpha(image.Rect(0, 0, width, height))
	d := font.Drawer{Dst: mask, Src: image.NewUniform(color.Alpha{A: 255}), Face: face, Dot: fixed.P(2, int(size*1.1))}
	d.DrawString(text)
	return label{x: x, y: y, ink: ink, mask: mask}
}

// dot is a town's mark.
func dot(x, y, radius int, ink rgb) label {
	mask := image.NewAlpha(image.Rect(0, 0, 2*radius+1, 2*radius+1))
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			if r2 := dx*dx + dy*dy; r2 <= radius*radius && (r2 >= radius*radius/2 || r2 < radius*radius/6) {
				mask.SetAlpha(dx+radius, dy+radius, color.Alpha{A: 255})
			}
		}
	}
	return label{x: x - radius, y: y - radius, ink: ink, mask: mask}
}

func italic(size float64) font.Face {
	parsed, err := opentype.Parse(goitalic.TTF)
	if err != nil {
		panic(err) // the font is part of the module
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic(err)
	}
	return face
}

func (l label) row(y, width int, out []byte) {
	b := l.mask.Bounds()
	my := y - l.y
	if my < 0 || my >= b.Dy() {
		return
	}
	for mx := range b.Dx() {
		x := l.x + mx
		a := l.mask.Pix[my*l.mask.Stride+mx]
		if a == 0 || x < 0 || x >= width {
			continue
		}
		p := out[x*3 : x*3+3]
		under := rgb{float64(p[0]), float64(p[1]), float64(p[2])}
		mix(under, l.ink, float64(a)/255).put(p)
	}
}

var syllables = strings.Fields("ma ra ti no ve lu sa mo ri a ta le go cor vi na pe lo sti ca")

// name makes up the name of a place from its lattice point.
func name(x, y int) string {
	n := 2 + int(hash(x, y, 301)*2.2)
	var b strings.Builder
	for i := range n {
		b.WriteString(syllables[int(hash(x+i*31, y, 307)*float64(len(syllables)))])
	}
	b.WriteString([]string{"", "", "s", "um", "n"}[int(hash(x, y, 311)*5)])
	s := b.String()
	return strings.ToUpper(s[:1]) + s[1:]
}

// nameTowns puts towns on low land, one at most in each square of 400 pixels, and
// the title where the sea is.
func (m *Island) nameTowns() []label {
	const spacing = 400
	var out []label
	for gy := 1; gy < m.height/spacing; gy++ {
		for gx := 1; gx < m.width/spacing; gx++ {
			x := gx*spacing + int(hash(gx, gy, 401)*260)
			y := gy*spacing + int(hash(gx, gy, 403)*260)
			if m.margin(x, y) < 400 {
				continue
			}
			if h := m.at(float64(x), float64(y)); h < 0.02 || h > 0.45 {
				continue
			}
			size := 26 + 30*hash(gx, gy, 409)*hash(gx, gy, 419)
			out = append(out, dot(x, y, int(size/4), redInk), newLabel(x+int(size/2), y-int(size*0.9), name(gx, gy), size, ink))
		}
	}
	title := float64(m.width) / 42
	return append(out,
		newLabel(m.width/28, m.height/28, "Insulae Tesserae", title, ink),
		newLabel(m.width/28, m.height/28+int(title*1.4), "a chart of islands that never were", title/3, redInk))
}
