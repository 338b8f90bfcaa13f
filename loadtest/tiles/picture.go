package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
)

// decode reads an answer to a tile's request. Both servers have to do the same
// work: an exact size, colour, chroma halved both ways.
func decode(t tile, body []byte) (*image.YCbCr, error) {
	img, err := jpeg.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if got := img.Bounds().Size(); got != image.Pt(t.Width, t.Height) {
		return nil, fmt.Errorf("the picture has %d x %d pixels, not %d x %d", got.X, got.Y, t.Width, t.Height)
	}
	ycc, ok := img.(*image.YCbCr)
	if !ok || ycc.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		return nil, errors.New("the picture is no 4:2:0 colour JPEG")
	}
	return ycc, nil
}

// difference is the mean absolute difference of two pictures' samples, 0 to 255.
// Both come from decode of the same tile.
func difference(a, b *image.YCbCr) float64 {
	sum, count := 0, 0
	for _, planes := range [][2][]byte{{a.Y, b.Y}, {a.Cb, b.Cb}, {a.Cr, b.Cr}} {
		for i, v := range planes[0] {
			d := int(v) - int(planes[1][i])
			sum += max(d, -d)
		}
		count += len(planes[0])
	}
	return float64(sum) / float64(count)
}
