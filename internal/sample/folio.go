package sample

import (
	"math"
	"strings"
)

// Folio is a written page: ruled parchment, two columns of brown ink, an initial.
type Folio struct {
	width, height int
	number        int
	letters       []label
}

// gallia is the opening of Caesar's Gallic War.
const gallia = `Gallia est omnis divisa in partes tres, quarum unam incolunt Belgae, aliam Aquitani, tertiam qui ipsorum lingua Celtae, nostra Galli appellantur. Hi omnes lingua, institutis, legibus inter se differunt. Gallos ab Aquitanis Garumna flumen, a Belgis Matrona et Sequana dividit. Horum omnium fortissimi sunt Belgae, propterea quod a cultu atque humanitate provinciae longissime absunt, minimeque ad eos mercatores saepe commeant atque ea quae ad effeminandos animos pertinent important, proximique sunt Germanis, qui trans Rhenum incolunt, quibuscum continenter bellum gerunt.`

// NewFolio lays out page number n, about 8 megapixels.
func NewFolio(n int) *Folio {
	f := &Folio{width: 2480, height: 3508, number: n}
	words := strings.Fields(gallia)
	next := n * 37
	const size, leading = 54.0, 84
	for column := range 2 {
		left := 300 + column*980
		for row := range 32 {
			y := 420 + row*leading
			indent := 0
			if column == 0 && row < 4 {
				indent = 330
			}
			var line []string
			for length := indent; length < 690; next++ {
				w := words[next%len(words)]
				length += 27 * (len(w) + 1)
				line = append(line, w)
			}
			f.letters = append(f.letters, newLabel(left+indent, y, strings.Join(line, " "), size, mix(ink, heath, 0.25*hash(row, column, 601))))
		}
	}
	initial := words[(n*37)%len(words)][:1]
	f.letters = append(f.letters, newLabel(330, 350, strings.ToUpper(initial), 330, redInk))
	return f
}

// Size implements Painter.
func (f *Folio) Size() (int, int) { return f.width, f.height }

// Row implements Painter.
func (f *Folio) Row(y int, out []byte) {
	seed := uint32(700 + f.number)
	for x := range f.width {
		fx, fy := float64(x), float64(y)
		tone := 0.06*fractal(fx/420, fy/420, 5, seed) + 0.03*noise(fx/2, fy/2, seed+9)
		edge := math.Min(math.Min(fx, float64(f.width)-fx), math.Min(fy, float64(f.height)-fy))
		c := hex(0xeadfc4).scale(1 + tone - 0.22*(1-step(0, 230+90*fractal(fx/160, fy/160, 5, seed+3), edge)))
		if (y-420)%84 == 62 && x > 280 && x < f.width-260 {
			c = mix(c, hex(0xc9a48a), 0.5)
		}
		c.put(out[x*3:])
	}
	for _, l := range f.letters {
		l.row(y, f.width, out)
	}
}
