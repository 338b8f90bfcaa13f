package main

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

func filled(t *testing.T, w, h int, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return encoded(t, img)
}

func encoded(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDecodeRefuses(t *testing.T) {
	want := tile{Width: 256, Height: 200}
	for name, body := range map[string][]byte{
		"another size": filled(t, 256, 201, color.White),
		"gray":         encoded(t, image.NewGray(image.Rect(0, 0, 256, 200))),
		"no JPEG":      []byte("<html>"),
		"cut short":    filled(t, 256, 200, color.White)[:300],
	} {
		if _, err := decode(want, body); err == nil {
			t.Errorf("%s is taken for the tile", name)
		}
	}
	if _, err := decode(want, filled(t, 256, 200, color.White)); err != nil {
		t.Error(err)
	}
}

func TestDifferences(t *testing.T) {
	tiles := []tile{{Scale: 1, Width: 64, Height: 64}}
	gray := func(v uint8) album {
		return album{tiles, [][]byte{filled(t, 64, 64, color.Gray{Y: v})}}
	}
	if mean, worst, err := differences(gray(100), gray(100)); err != nil || mean != 0 || worst != 0 {
		t.Errorf("equal pictures: %v %v %v", mean, worst, err)
	}
	// Luma is two thirds of the samples of 4:2:0.
	if mean, _, err := differences(gray(100), gray(103)); err != nil || mean < 1 || mean > 3 {
		t.Errorf("pictures 3 apart: %v %v", mean, err)
	}
	if _, _, err := differences(gray(100), gray(120)); err == nil {
		t.Error("pictures 20 apart are taken for the same")
	}
	if _, _, err := differences(gray(100), album{}); err == nil {
		t.Error("an empty album is taken for the same")
	}
}
