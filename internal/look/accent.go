package look

import (
	"fmt"
	"math"
	"strconv"
)

// Accent is the colour of links and of the one primary action of a page. The zero Accent
// is none.
type Accent struct {
	r, g, b uint8
	set     bool
	on      string // colour of text upon it
}

const ownAccent = "#1f4e8c"

// The grounds that accents stand on as text, those of rows under the pointer among them.
// They are tokens of the style sheets, which a test compares.
var (
	lightGrounds = []string{"#faf7f2", "#fffdf9", "#f8f4ef"}
	darkGrounds  = []string{"#14161a", "#1b1e23", "#202429"}
)

const (
	needed    = 4.5 // WCAG 2.1 level AA, success criterion 1.4.3
	preferred = 7.0 // of what is made for dark pages
)

// ParseAccent reads a colour such as #1f4e8c that can be read as text on the pages of a
// scheme, Light or Dark.
func ParseAccent(text string, on Scheme) (Accent, error) {
	n, err := strconv.ParseUint(text[min(1, len(text)):], 16, 32)
	if err != nil || len(text) != 7 || text[0] != '#' {
		return Accent{}, fmt.Errorf("%q is no colour: write # and six hexadecimal digits, such as %s", text, ownAccent)
	}
	a := Accent{r: uint8(n >> 16), g: uint8(n >> 8), b: uint8(n), set: true, on: "#ffffff"}
	grounds, other, way := lightGrounds, "light", "darker"
	if on == Dark {
		a.on = "#10131a"
		grounds, other, way = darkGrounds, "dark", "lighter"
	}
	if ratio := a.least(grounds); ratio < needed {
		return Accent{}, fmt.Errorf("%s has a contrast of %.2f to 1 on the ground of %s pages, and text needs %.1f to 1 (WCAG 2.1 AA); take a %s colour", text, math.Floor(ratio*100)/100, other, needed, way)
	}
	return a, nil
}

// String is the colour as style sheets write it.
func (a Accent) String() string { return fmt.Sprintf("#%02x%02x%02x", a.r, a.g, a.b) }

func (a Accent) tokens() string { return "--accent: " + a.String() + "; --on-accent: " + a.on + ";" }

// least is the contrast to the ground that suits the colour least.
func (a Accent) least(grounds []string) float64 {
	least := math.Inf(1)
	for _, ground := range grounds {
		g := mustColour(ground)
		least = min(least, contrast(a.luminance(), g.luminance()))
	}
	return least
}

func mustColour(text string) Accent {
	n, err := strconv.ParseUint(text[1:], 16, 24)
	if err != nil {
		panic("look: " + err.Error()) // a constant
	}
	return Accent{r: uint8(n >> 16), g: uint8(n >> 8), b: uint8(n)}
}

// luminance and contrast are those of WCAG 2.1.
func (a Accent) luminance() float64 {
	linear := func(c uint8) float64 {
		s := float64(c) / 255
		if s <= 0.03928 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(a.r) + 0.7152*linear(a.g) + 0.0722*linear(a.b)
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// calm is the most saturation that does not shout on dark pages.
const calm = 0.6

// forDark is the same hue, as light as it has to be to be read with ease on dark pages.
// White is, so there is an end.
func (a Accent) forDark() Accent {
	hue, saturation, lightness := a.hsl()
	saturation = min(saturation, calm)
	for ; lightness < 1; lightness += 0.005 {
		if lighter := fromHSL(hue, saturation, lightness); lighter.least(darkGrounds) >= preferred {
			return lighter
		}
	}
	return fromHSL(0, 0, 1)
}

// hsl gives hue in sixths of the circle, saturation and lightness from 0 to 1.
func (a Accent) hsl() (hue, saturation, lightness float64) {
	r, g, b := float64(a.r)/255, float64(a.g)/255, float64(a.b)/255
	most, least := max(r, g, b), min(r, g, b)
	lightness = (most + least) / 2
	span := most - least
	if span == 0 {
		return 0, 0, lightness
	}
	saturation = span / (1 - math.Abs(2*lightness-1))
	switch most {
	case r:
		hue = math.Mod((g-b)/span+6, 6)
	case g:
		hue = (b-r)/span + 2
	default:
		hue = (r-g)/span + 4
	}
	return hue, saturation, lightness
}

func fromHSL(hue, saturation, lightness float64) Accent {
	span := (1 - math.Abs(2*lightness-1)) * saturation
	between := span * (1 - math.Abs(math.Mod(hue, 2)-1))
	parts := [6][3]float64{{span, between, 0}, {between, span, 0}, {0, span, between}, {0, between, span}, {between, 0, span}, {span, 0, between}}[int(hue)%6]
	at := func(i int) uint8 { return uint8(math.Round(255 * (parts[i] + lightness - span/2))) }
	return Accent{r: at(0), g: at(1), b: at(2), set: true, on: "#10131a"}
}
