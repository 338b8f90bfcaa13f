package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// maxDifference is how far the samples of a tile may be apart on average, of 255:
// two JPEG encoders differ by less than one, a wrong region or level by ten.
const maxDifference = 3.0

// compare checks that two servers sent the same pictures: tiles compare ALBUM ALBUM.
func compare(_ context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: tiles compare ALBUM ALBUM")
	}
	var a, b album
	if err := errors.Join(readJSON(args[0], &a), readJSON(args[1], &b)); err != nil {
		return err
	}
	mean, worst, err := differences(a, b)
	if err != nil {
		return err
	}
	fmt.Printf("  %d pictures of both servers compared: they differ by %.2f of 255 on average, %.2f at most\n", len(a.Tiles), mean, worst)
	return nil
}

func differences(a, b album) (mean, worst float64, err error) {
	if len(a.Tiles) == 0 || !slices.Equal(a.Tiles, b.Tiles) {
		return 0, 0, errors.New("the servers were not asked for the same tiles")
	}
	for i, t := range a.Tiles {
		first, err := decode(t, a.Pictures[i])
		if err != nil {
			return 0, 0, err
		}
		second, err := decode(t, b.Pictures[i])
		if err != nil {
			return 0, 0, err
		}
		d := difference(first, second)
		if d > maxDifference {
			return 0, 0, fmt.Errorf("%s: the pictures of the two servers differ by %.1f of 255", t.path(), d)
		}
		mean, worst = mean+d/float64(len(a.Tiles)), max(worst, d)
	}
	return mean, worst, nil
}
