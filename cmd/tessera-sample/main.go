// Command tessera-sample paints one sample image as a PPM file.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/tessera-iiif/tessera/internal/sample"
)

var pictures = map[string]func() sample.Painter{
	"island":  func() sample.Painter { return sample.NewIsland(12288, 9216) },
	"mosaic":  func() sample.Painter { return sample.Mosaic{Side: 6144} },
	"folio-1": func() sample.Painter { return sample.NewFolio(1) },
	"folio-2": func() sample.Painter { return sample.NewFolio(2) },
	"folio-3": func() sample.Painter { return sample.NewFolio(3) },
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tessera-sample:", err)
		os.Exit(2)
	}
}

func run(args []string) (err error) {
	if len(args) != 2 || pictures[args[0]] == nil {
		return errors.New("usage: tessera-sample island|mosaic|folio-1|folio-2|folio-3 FILE.ppm")
	}
	f, err := os.Create(args[1])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return sample.WritePPM(f, pictures[args[0]]())
}
