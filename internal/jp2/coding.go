package jp2

// Progression is the order of packets (A.6.1, table A.16).
type Progression uint8

// The progressions: L layer, R resolution, C component, P position; slowest first.
const (
	LRCP Progression = iota
	RLCP
	RPCL
	PCRL
	CPRL
)

func (p Progression) String() string {
	if p > CPRL {
		return "unknown progression"
	}
	return [...]string{"LRCP", "RLCP", "RPCL", "PCRL", "CPRL"}[p]
}

// BlockStyle is the set of code-block style flags (table A.19, and 15444-15).
type BlockStyle uint8

// The code-block style flags.
const (
	Bypass   BlockStyle = 1 << iota // selective arithmetic coding bypass
	Reset                           // contexts reset at each pass
	TermAll                         // each pass ends its codeword segment
	Vertical                        // vertically causal contexts
	ErrTerm                         // predictable termination
	SegSym                          // segmentation symbols
	HTBlocks                        // high-throughput block coder
	Mixed                           // with HTBlocks: either coder in each block
)

// Precinct is a precinct size as powers of two (table A.21).
type Precinct struct{ X, Y uint8 }

// Style is what COD says once for all components of the image or of a tile (A.6.1).
type Style struct {
	Progression Progression
	Layers      int
	MCT         bool // component transform over the first three components
	SOP, EPH    bool // SOP markers allowed before packets; EPH after their headers
}

// Coding is how one component is coded (tables A.15 and A.20).
type Coding struct {
	Levels         int
	BlockX, BlockY uint8 // code-block size as powers of two
	Blocks         BlockStyle
	Reversible     bool       // 5/3 wavelet; else 9/7
	Precincts      []Precinct // by resolution, lowest first: Levels+1 of them
}

func parseCOD(c *cursor, budget Budget) (Style, Coding, error) {
	flags := c.u8()
	s := Style{SOP: flags&2 != 0, EPH: flags&4 != 0, Progression: Progression(c.u8()), Layers: int(c.u16())}
	mct := c.u8()
	s.MCT = mct == 1
	coding, err := parseCoding(c, flags&1 != 0, budget)
	switch {
	case err != nil:
		return s, coding, err
	case s.Progression > CPRL:
		return s, coding, c.fail("progression %d is not defined", s.Progression)
	case s.Layers == 0:
		return s, coding, c.fail("no layers")
	case mct > 1:
		return s, coding, c.fail("component transform %d is not of part 1", mct)
	}
	return s, coding, nil
}

// parseCOC returns the component meant, and its coding.
func parseCOC(c *cursor, components int, budget Budget) (int, Coding, error) {
	i := c.component(components)
	coding, err := parseCoding(c, c.u8()&1 != 0, budget)
	if err == nil && i >= components {
		err = c.fail("component %d of %d", i, components)
	}
	return i, coding, err
}

func parseCoding(c *cursor, precincts bool, budget Budget) (Coding, error) {
	levels, bx, by := c.u8(), c.u8(), c.u8()
	k := Coding{Levels: int(levels), Blocks: BlockStyle(c.u8())}
	transform := c.u8()
	k.Reversible = transform == 1
	switch {
	case c.short:
		return k, c.done()
	case k.Levels > min(32, budget.Levels):
		return k, c.fail("%d wavelet levels: up to %d are allowed", levels, min(32, budget.Levels))
	case bx > 8 || by > 8 || bx+by > 8:
		return k, c.fail("code-block of 2^%d×2^%d samples: sides up to 2^10 and 2^12 in all are allowed", int(bx)+2, int(by)+2)
	case k.Blocks&Mixed != 0 && k.Blocks&HTBlocks == 0:
		return k, c.fail("code-block style %#02x is not defined", uint8(k.Blocks))
	case transform > 1:
		return k, c.fail("wavelet %d is not of part 1", transform)
	}
	k.BlockX, k.BlockY = bx+2, by+2
	return k, k.parsePrecincts(c, precincts)
}

func (k *Coding) parsePrecincts(c *cursor, given bool) error {
	k.Precincts = make([]Precinct, k.Levels+1)
	for r := range k.Precincts {
		b := uint8(0xFF) // the largest, which stands where none are given
		if given {
			b = c.u8()
		}
		k.Precincts[r] = Precinct{X: b & 15, Y: b >> 4}
		if r > 0 && (b&15 == 0 || b>>4 == 0) && !c.short {
			return c.fail("precinct of 2^%d×2^%d at resolution %d has no code-blocks", b&15, b>>4, r)
		}
	}
	return c.exact()
}
