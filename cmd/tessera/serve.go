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
	"sync/atomic"

	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/ops"
)

// process is the command of one role. assemble opens everything and lists the parts to
// run, each after those it needs.
func process(role config.Role, assemble func(s *server, ctx context.Context) error) func(ctx, force context.Context, env environment) error {
	return func(ctx, force context.Context, env environment) error {
		loaded, err := config.LoadFor(role, env.args, env.environ, env.stdout)
		if err != nil {
			return usageError{err}
		}
		if len(loaded.Args) > 0 {
			return usageError{fmt.Errorf("tessera %s takes settings alone, not %q", role, loaded.Args)}
		}
		if err := loaded.Validate(); err != nil {
			return usageError{err}
		}
		s := newServer(role, loaded.Settings, env.stderr)
		s.force, s.self = force, env.self
		defer s.close()
		if err := assemble(s, ctx); err != nil {
			return usageError{err}
		}
		s.leave()
		s.greet(env.stdout)
		return ops.Run(ctx, force, s.log, s.parts...)
	}
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
	if s.Name == "" {
		s.Name = config.DefaultName()
	}
	return s
}

// server is one process's assembled parts and what has to be closed after them.
type server struct {
	role     config.Role
	settings config.Settings
	self     string          // file of this program, if it has one of its own
	force    context.Context // ends when not even work under way is waited for
	level    *slog.LevelVar
	log      *slog.Logger
	metrics  *ops.Metrics
	health   ops.Health
	draining atomic.Bool

	// join makes a connection with the rights of a role: to the bus within this process,
	// or to a cluster.
	join func(context.Context, bus.Role) (*bus.Conn, error)

	parts   []ops.Part
	leaving []func() // told first when the process is to stop
	closers []func() error

	url           string // where to point a browser
	adminPassword string // made up at the first start; "" otherwise
}

func newServer(role config.Role, settings config.Settings, stderr io.Writer) *server {
	s := &server{role: role, settings: resolve(settings), level: new(slog.LevelVar), metrics: ops.NewMetrics()}
	_ = s.level.UnmarshalText([]byte(settings.LogLevel)) // Validate allows real levels alone
	s.log = ops.NewLogger(stderr, settings.LogFormat, s.level, bus.RequestID)
	s.join = s.dial
	if role == config.Serve || role == config.Worker {
		s.settings.DrainDelay = 0 // nobody chooses between this and others, or the bus does
	}
	if role == config.Serve {
		s.settings.Name = "local"
	} else {
		s.log = s.log.With("role", string(role), "name", s.settings.Name)
	}
	return s
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
	switch s.role {
	case config.Serve:
		fmt.Fprintf(w, "Tessera serves %s\n  images   %s/\n  admin    %s/auth/admin/  as %s\n", s.settings.Images, s.url, s.url, s.settings.AdminUser)
	case config.Worker:
		fmt.Fprintf(w, "Tessera worker %s reads %s\n", s.settings.Name, s.settings.Images)
	case config.Edge:
		fmt.Fprintf(w, "Tessera edge %s answers at %s\n", s.settings.Name, s.url)
	case config.Coordinator:
		fmt.Fprintf(w, "Tessera coordinator %s answers edges at %s\n  admin    %s\n", s.settings.Name, s.url, s.settings.AdminUser)
	}
	if s.adminPassword != "" {
		fmt.Fprintf(w, "  password %s  (shown this once: change it after signing in)\n", s.adminPassword)
	}
}
