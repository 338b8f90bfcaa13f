package jp2

import "encoding/binary"

// cursor takes big-endian fields from the contents of one box or marker segment.
// Reading past the end yields zeros and is remembered: parsers ask once, by done.
type cursor struct {
	place
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.short, c.b = true, nil
		return nil
	}
	taken := c.b[:n]
	c.b = c.b[n:]
	return taken
}

func (c *cursor) u8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// component reads a component index, whose width depends on their number (A.6.2).
func (c *cursor) component(components int) int {
	if components < 257 {
		return int(c.u8())
	}
	return int(c.u16())
}

// done reports a segment that was too short for its fields.
func (c *cursor) done() error {
	if c.short {
		return c.fail("too short for its fields")
	}
	return nil
}

// exact reports a segment that was too short or too long for its fields.
func (c *cursor) exact() error {
	if err := c.done(); err != nil {
		return err
	}
	if len(c.b) > 0 {
		return c.fail("%d bytes longer than its fields", len(c.b))
	}
	return nil
}
