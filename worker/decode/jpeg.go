//go:build cgo

package decode

// #cgo pkg-config: libjpeg
// #include <stdlib.h>
// #include "jpeg.h"
import "C"

import (
	"errors"
	"unsafe"
)

// isPlain tells whether the picture is one that libjpeg takes as it is.
func (p *picture) isPlain() bool {
	return p.bits == 8 && !p.alpha && p.icc == nil && (p.model == modelGray || p.model == modelRGB)
}

// encodeJPEG is the short way of most tiles. Through libvips the same bytes cost over a
// millisecond more, five times what the encoding takes.
func encodeJPEG(p *picture, quality int) (*Result, error) {
	var out *C.uchar
	var length C.ulong
	if C.jpeg_encode((*C.uint8_t)(p.pixels()), C.size_t(p.stride()), C.int(p.width), C.int(p.height),
		C.int(p.bands), C.int(quality), &out, &length) != 0 {
		return nil, errors.New("libjpeg could not encode")
	}
	return &Result{
		Type: "image/jpeg",
		Body: unsafe.Slice((*byte)(out), int(length)),
		free: func() { C.free(unsafe.Pointer(out)) },
	}, nil
}
