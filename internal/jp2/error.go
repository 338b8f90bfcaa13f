package jp2

import "fmt"

// Error says where a file is malformed, over budget or beyond what this package
// understands. Failures of the reader itself (network, disk) are never an *Error.
type Error struct {
	Part   string // marker ("SIZ") or box ("pclr") the fault is in
	Offset int64  // of that marker or box, from the first byte of the file
	Reason string // e.g. "tile of 4294967295×1 pixels: more than 2^28 samples"
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s at %d: %s", e.Part, e.Offset, e.Reason)
}

// place is the marker segment or box being read: where its faults are reported.
type place struct {
	part   string
	offset int64
}

func (p place) fail(format string, args ...any) error {
	return &Error{Part: p.part, Offset: p.offset, Reason: fmt.Sprintf(format, args...)}
}
