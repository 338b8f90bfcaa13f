package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/tessera-iiif/tessera/internal/sample"
)

// paint writes the sample map in a size of its own: tiles paint WIDTH HEIGHT FILE.
func paint(_ context.Context, args []string) (err error) {
	if len(args) != 3 {
		return errors.New("usage: tiles paint WIDTH HEIGHT FILE.ppm")
	}
	width, err := side(args[0])
	if err != nil {
		return err
	}
	height, err := side(args[1])
	if err != nil {
		return err
	}
	f, err := os.Create(args[2])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return sample.WritePPM(f, sample.NewIsland(width, height))
}

func side(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1024 || n > 1<<16 {
		return 0, fmt.Errorf("a side of a picture is 1024 to 65536 pixels, not %q", text)
	}
	return n, nil
}

// ports prints loopback ports that were free a moment ago: tiles ports COUNT.
// All are held until the last is found, so that no two are equal.
func ports(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: tiles ports COUNT")
	}
	count, err := strconv.Atoi(args[0])
	if err != nil || count < 1 || count > 16 {
		return fmt.Errorf("1 to 16 ports, not %q", args[0])
	}
	var lc net.ListenConfig
	for range count {
		l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }()
		fmt.Println(l.Addr().(*net.TCPAddr).Port)
	}
	return nil
}
