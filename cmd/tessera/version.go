package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

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
	return pool.Close(context.WithoutCancel(ctx))
}
