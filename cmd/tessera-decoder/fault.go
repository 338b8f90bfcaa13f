//go:build cgo

package main

import (
	"golang.org/x/sys/unix"

	"github.com/tessera-iiif/tessera/worker/decode"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// fault does what a hostile image might bring a codec to do. Only children started with
// --fault-injection get here.
func fault(op protocol.Op) {
	switch op {
	case protocol.Crash:
		decode.Crash()
	case protocol.Spin:
		for {
			_ = unix.Getpid()
		}
	case protocol.Alloc:
		decode.Exhaust()
	}
}
