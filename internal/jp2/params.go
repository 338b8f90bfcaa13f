package jp2

import (
	"slices"
	"unsafe"
)

// Params is how a tile is coded once main and tile headers are merged.
type Params struct {
	Style
	Components []ComponentParams
	Changes    []Change // of progression; empty where Style's holds throughout
}

// ComponentParams is how one component of a tile is coded.
type ComponentParams struct {
	Coding
	Quant Quant
	Shift uint8 // region of interest up-shift (RGN), 0 where there is none
}

// overrides collects what the segments of one header say, since their order is free
// and COC outranks COD, QCC outranks QCD, and a tile's header outranks the main one.
type overrides struct {
	style      *Style
	cod        *Coding
	qcd        *Quant
	components []componentOverrides
	changes    []Change
}

type componentOverrides struct {
	coc *Coding
	qcc *Quant
	rgn *uint8
}

func newOverrides(components int) *overrides {
	return &overrides{components: make([]componentOverrides, components)}
}

// take reads one segment where it is of the kinds that say how tiles are coded, and
// reports whether it was.
func (o *overrides) take(c *cursor, m Marker, budget Budget) (bool, error) {
	switch m {
	case COD:
		return true, o.takeCOD(c, budget)
	case COC:
		i, coding, err := parseCOC(c, len(o.components), budget)
		return true, once(c, err, func() **Coding { return &o.components[i].coc }, coding)
	case QCD:
		q, err := parseQCD(c)
		return true, once(c, err, func() **Quant { return &o.qcd }, q)
	case QCC:
		i, q, err := parseQCC(c, len(o.components))
		return true, once(c, err, func() **Quant { return &o.components[i].qcc }, q)
	case RGN:
		i, shift, err := parseRGN(c, len(o.components))
		return true, once(c, err, func() **uint8 { return &o.components[i].rgn }, shift)
	case POC:
		changes, err := parsePOC(c, len(o.components), len(o.changes))
		o.changes = append(o.changes, changes...)
		return true, err
	}
	return false, nil
}

// once stores a segment's value unless the segment was refused or is a second one.
func once[T any](c *cursor, err error, slot func() **T, value T) error {
	if err != nil {
		return err
	}
	p := slot()
	if *p != nil {
		return c.fail("given twice")
	}
	*p = &value
	return nil
}

func (o *overrides) takeCOD(c *cursor, budget Budget) error {
	style, coding, err := parseCOD(c, budget)
	style.MCT = style.MCT && len(o.components) >= 3 // decoders ignore it elsewhere, and files have it
	o.style = &style
	return once(c, err, func() **Coding { return &o.cod }, coding)
}

// parseRGN returns the component meant, and its up-shift (A.6.3).
func parseRGN(c *cursor, components int) (int, uint8, error) {
	i, style, shift := c.component(components), c.u8(), c.u8()
	switch {
	case c.short:
		return i, shift, c.done()
	case i >= components:
		return i, shift, c.fail("component %d of %d", i, components)
	case style != 0 || shift > 37:
		return i, shift, c.fail("style %d with shift %d is not defined", style, shift)
	}
	return i, shift, nil
}

// over merges the header's word with what held before it; base stays as it is.
func (o *overrides) over(base Params) Params {
	base.Components = slices.Clone(base.Components)
	if o.style != nil {
		base.Style = *o.style
	}
	if o.changes != nil {
		base.Changes = o.changes
	}
	for i := range base.Components {
		o.overComponent(&base.Components[i], &o.components[i])
	}
	return base
}

func (o *overrides) overComponent(p *ComponentParams, own *componentOverrides) {
	for _, coding := range []*Coding{o.cod, own.coc} {
		if coding != nil {
			p.Coding = *coding
		}
	}
	for _, quant := range []*Quant{o.qcd, own.qcc} {
		if quant != nil {
			p.Quant = *quant
		}
	}
	if own.rgn != nil {
		p.Shift = *own.rgn
	}
}

// check refuses wavelet levels that no quantisation was given for.
func (p *Params) check(at place) error {
	for i := range p.Components {
		c := &p.Components[i]
		if !c.Quant.covers(c.Levels) {
			return at.fail("component %d has %d step sizes for %d levels", i, len(c.Quant.Steps), c.Levels)
		}
	}
	return nil
}

// memory is what the parameters take besides the struct.
func (p *Params) memory() int64 {
	n := int64(len(p.Changes)) * int64(unsafe.Sizeof(Change{}))
	for i := range p.Components {
		c := &p.Components[i]
		n += int64(unsafe.Sizeof(*c)) + int64(len(c.Precincts))*int64(unsafe.Sizeof(Precinct{})) + 2*int64(len(c.Quant.Steps))
	}
	return n
}

// own is the memory of what the tile's headers override.
func (t *tileIndex) own() int64 {
	if t.params == nil {
		return 0
	}
	return int64(unsafe.Sizeof(*t.params)) + t.params.memory()
}

// empty tells whether the header overrides nothing.
func (o *overrides) empty() bool {
	for _, c := range o.components {
		if c != (componentOverrides{}) {
			return false
		}
	}
	return o.cod == nil && o.qcd == nil && o.changes == nil
}
