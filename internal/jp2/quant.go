package jp2

// QuantStyle is how step sizes are told (table A.28).
type QuantStyle uint8

// The quantisation styles.
const (
	Unquantised QuantStyle = iota // reversible: an exponent for each sub-band
	Derived                       // one step, for the lowest sub-band
	Expounded                     // a step for each sub-band
)

// Quant is the quantisation of one component (QCD, QCC; A.6.4, A.6.5).
type Quant struct {
	Style QuantStyle
	Guard uint8    // guard bits
	Steps []uint16 // as stored: 8 bits each where Unquantised, else 16
}

// maxSteps is one for each sub-band of 32 levels.
const maxSteps = 3*32 + 1

func parseQCD(c *cursor) (Quant, error) {
	b := c.u8()
	q := Quant{Style: QuantStyle(b & 31), Guard: b >> 5}
	width := 2
	if q.Style == Unquantised {
		width = 1
	}
	switch n := len(c.b); {
	case c.short:
		return q, c.done()
	case q.Style > Expounded:
		return q, c.fail("quantisation style %d is not defined", q.Style)
	case n == 0 || n%width != 0 || q.Style == Derived && n != width:
		return q, c.fail("%d bytes of step sizes do not fit their style", n)
	case n/width > maxSteps:
		return q, c.fail("%d step sizes: %d are the most for 32 levels", n/width, maxSteps)
	}
	q.Steps = make([]uint16, len(c.b)/width)
	for i := range q.Steps {
		if width == 1 {
			q.Steps[i] = uint16(c.u8())
		} else {
			q.Steps[i] = c.u16()
		}
	}
	return q, nil
}

// parseQCC returns the component meant, and its quantisation.
func parseQCC(c *cursor, components int) (int, Quant, error) {
	i := c.component(components)
	if i >= components {
		return i, Quant{}, c.fail("component %d of %d", i, components)
	}
	q, err := parseQCD(c)
	return i, q, err
}

// covers tells whether there is a step for every sub-band.
func (q *Quant) covers(levels int) bool {
	return q.Style == Derived || len(q.Steps) >= 3*levels+1
}
