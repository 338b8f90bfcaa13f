package jp2

// Change is one entry of POC: a volume of packets and the order to send it in (A.6.6).
// Packets already sent by an earlier entry are not sent again.
type Change struct {
	Progression Progression
	Layer       int // end, exclusive; every entry begins at layer 0
	Resolution0 int
	Resolution1 int // exclusive
	Component0  int
	Component1  int // exclusive
}

// maxChanges is how many entries the main header, or all headers of a tile, may have: each
// is a walk over its volume. OpenJPEG has room for as many.
const maxChanges = 32

// parsePOC reads one segment, when had changes were read before it.
func parsePOC(c *cursor, components, had int) ([]Change, error) {
	size := 7
	if components >= 257 {
		size = 9
	}
	if len(c.b) == 0 || len(c.b)%size != 0 {
		return nil, c.fail("%d bytes are no whole number of changes", len(c.b))
	}
	if n := had + len(c.b)/size; n > maxChanges {
		return nil, c.fail("%d progression order changes: up to %d are allowed", n, maxChanges)
	}
	changes := make([]Change, len(c.b)/size)
	for i := range changes {
		ch := Change{Resolution0: int(c.u8()), Component0: c.component(components)}
		ch.Layer, ch.Resolution1 = int(c.u16()), int(c.u8())
		ch.Component1 = c.component(components)
		ch.Progression = Progression(c.u8())
		if ch.Component1 == 0 { // table A.32: the field is too narrow for "all"
			ch.Component1 = components
		}
		ch.Component1 = min(ch.Component1, components)
		if ch.Progression > CPRL || ch.Layer == 0 || ch.Resolution0 >= ch.Resolution1 || ch.Component0 >= ch.Component1 {
			return nil, c.fail("change %d is empty or of no defined progression", i)
		}
		changes[i] = ch
	}
	return changes, nil
}
