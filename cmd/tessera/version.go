package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/spf13/pflag"

	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// showVersion asks the decoder for the versions of its libraries.
func showVersion(ctx, _ context.Context, env environment) error {
	fmt.Fprintf(env.stdout, "tessera %s\n%s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	loaded, err := config.Load(env.args, env.environ, env.stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	if err != nil {
		return usageError{err}
	}
	settings := resolve(loaded.Settings)
	pool, err := decoder.Start(ctx, decoder.Config{Path: settings.DecoderPath, Processes: 1, Insecure: settings.Unsandboxed})
	if err != nil {
		return usageError{err}
	}
	v := pool.Versions()
	fmt.Fprintf(env.stdout, "libvips %s\nOpenJPEG %s\nlibjpeg %s\n", v.Vips, v.OpenJPEG, v.JPEG)
	for _, c := range cautionsAbout(v) {
		fmt.Fprintf(env.stdout, "note: %s %s %s\n", c.library, c.of(v), c.fault)
	}
	return pool.Close(context.WithoutCancel(ctx))
}

// caution is a fault of library versions that people should know of.
type caution struct {
	library, last string // the last version that has the fault
	fault         string
	of            func(decoder.Versions) string
}

var cautions = []caution{
	// uclouvain/openjpeg#1620
	{"OpenJPEG", "2.5.4", "can crash on damaged files (mended after 2.5.4): such a file costs a decoder process, and answers 500", func(v decoder.Versions) string { return v.OpenJPEG }},
	// libvips/libvips#4154
	{"libvips", "8.15.99", "crashes on JPEG 2000 palettes (mended in 8.16): Tessera decodes JPEG 2000 without it", func(v decoder.Versions) string { return v.Vips }},
}

func cautionsAbout(v decoder.Versions) (all []caution) {
	for _, c := range cautions {
		if !newer(c.of(v), c.last) {
			all = append(all, c)
		}
	}
	return all
}

// newer compares versions of three numbers; one that cannot be read is not newer.
func newer(version, than string) bool {
	var a, b [3]int
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &a[0], &a[1], &a[2])
	_, _ = fmt.Sscanf(than, "%d.%d.%d", &b[0], &b[1], &b[2])
	return slices.Compare(a[:], b[:]) > 0
}
