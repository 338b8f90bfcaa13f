//go:build cgo

package decode

// #include "vips.h"
import "C"

// Crash and Exhaust are what a damaged image can bring a codec to; tests of the
// supervision use them.

// Crash faults as a wild pointer does.
func Crash() { C.fault_crash() }

// Exhaust asks for memory until there is none, as malloc's callers in codecs do: the
// null pointer at the end is written through.
func Exhaust() { C.fault_exhaust() }
