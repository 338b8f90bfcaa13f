package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/ops"
)

// serve runs every role in one process, joined by an in-process bus: what a laptop
// tests is what a cluster runs.
func serve(ctx, force context.Context, env environment) error {
	loaded, err := config.Load(env.args, env.environ, env.stdout)
	if err != nil {
		return usageError{err}
	}
	if len(loaded.Args) > 0 {
		return usageError{fmt.Errorf("serve takes settings alone, not %q", loaded.Args)}
	}
	if err := loaded.Validate(); err != nil {
		return usageError{err}
	}
	settings := resolve(loaded.Settings)
	level := new(slog.LevelVar)
	_ = level.UnmarshalText([]byte(settings.LogLevel)) // Validate allows real levels alone
	s := &server{settings: settings, force: force, level: level, log: ops.NewLogger(env.stderr, settings.LogFormat, level, bus.RequestID), metrics: ops.NewMetrics()}
	defer s.close()
	if err := s.assemble(ctx); err != nil {
		return usageError{err}
	}
	s.greet(env.stdout)
	defer context.AfterFunc(ctx, s.health.Drain)() // nobody is to be sent here any more
	return ops.Run(ctx, force, s.log, s.parts...)
}

// resolve puts in the defaults that depend on the machine.
func resolve(s config.Settings) config.Settings {
	if s.Decoders == 0 {
		s.Decoders = runtime.NumCPU()
	}
	if s.DecoderPath == "" {
		if self, err := os.Executable(); err == nil {
			s.DecoderPath = filepath.Join(filepath.Dir(self), "tessera-decoder")
		}
	}
	return s
}

// server is one process's assembled parts and what has to be closed after them.
type server struct {
	settings config.Settings
	force    context.Context // ends when not even work under way is waited for
	level    *slog.LevelVar
	log      *slog.Logger
	metrics  *ops.Metrics
	health   ops.Health

	parts   []ops.Part
	closers []func() error

	url           string // where to point a browser
	adminPassword string // made up at the first start; "" otherwise
}

// opened registers what undoes an opening; close runs them newest first.
func (s *server) opened(undo func() error) { s.closers = append(s.closers, undo) }

func (s *server) close() {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	if err := errors.Join(errs...); err != nil {
		s.log.Warn("not closed cleanly", "error", err)
	}
}

func (s *server) greet(w io.Writer) {
	fmt.Fprintf(w, "Tessera serves %s\n  images   %s/\n  admin    %s/auth/admin/  as %s\n", s.settings.Images, s.url, s.url, s.settings.AdminUser)
	if s.adminPassword != "" {
		fmt.Fprintf(w, "  password %s  (shown this once: change it after signing in)\n", s.adminPassword)
	}
}
