// Command tessera is the one binary of Tessera: it serves, administers and explains.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/internal/config"
)

// version is set by the build.
var version = "unknown"

// environment is what a command may use of the world around it.
type environment struct {
	args           []string // after the command's own name
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	self           string // file of this program; "" where it is part of another
}

func (e environment) getenv(name, fallback string) string {
	for _, pair := range e.environ {
		if len(pair) > len(name) && pair[:len(name)+1] == name+"=" {
			return pair[len(name)+1:]
		}
	}
	return fallback
}

// hashPasswords is the command that a coordinator gives itself.
const hashPasswords = "hash-passwords"

// command is a word of the command line; those without a usage are not for people.
type command struct {
	name, usage string
	// run works until done or until ctx ends; force ends when waiting must stop too.
	run func(ctx, force context.Context, env environment) error
}

func commands() []command {
	return []command{
		{"serve", "everything on one machine: images of a folder to IIIF viewers", process(config.Serve, (*server).everything)},
		{"edge", "one of a cluster's edges: answers the public", process(config.Edge, (*server).onlyEdge)},
		{"worker", "one of a cluster's workers: reads images and makes pixels", process(config.Worker, (*server).onlyWorker)},
		{"coordinator", "a cluster's coordinator: people, rights and signing in", process(config.Coordinator, (*server).onlyCoordinator)},
		{"admin", "users, rules, sessions and tokens, from the shell", admin},
		{"explain", "which rule decides what a user sees of an image, and why", explain},
		{"backup", "copy users, groups and rules from the database to a file", backup},
		{"restore", "put such a copy into an empty database, of either kind", restore},
		{"inspect", "how JPEG 2000 files are made, and what a tile of them costs", inspect},
		{"config", "check, print or document the settings", configure},
		{"nats-config", "configuration, certificates and credentials for a cluster's NATS servers", natsConfig},
		{"ready", "whether the process on this machine is ready: for health checks", ready},
		{"version", "version of Tessera, Go, libvips and OpenJPEG", showVersion},
		{hashPasswords, "", func(_, _ context.Context, env environment) error { return password.Serve(env.stdin, env.stdout) }},
	}
}

// usageError ends a process with status 2: the call or a setting is wrong, and the
// message says how to put it right.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func main() {
	ctx, force, stop := signals()
	defer stop()
	env := environment{args: os.Args[1:], environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	if self, err := os.Executable(); err == nil {
		env.self = self
	}
	code := run(ctx, force, env)
	stop()
	os.Exit(code)
}

// signals gives a context that ends at the first SIGTERM or interrupt, and one that
// ends at the second.
func signals() (ctx, force context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	force, cancelForce := context.WithCancel(context.Background())
	received := make(chan os.Signal, 2)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	go func() {
		for _, end := range []func(){cancel, cancelForce} {
			if _, ok := <-received; !ok {
				return
			}
			end()
		}
	}()
	return ctx, force, func() { signal.Stop(received) }
}

// run dispatches to a command and turns its error into a message and a status.
func run(ctx, force context.Context, env environment) int {
	if len(env.args) == 0 || env.args[0] == "help" || env.args[0] == "-h" || env.args[0] == "--help" {
		help(env.stdout)
		return 0
	}
	for _, c := range commands() {
		if c.name != env.args[0] {
			continue
		}
		env.args = env.args[1:]
		return report(env.stderr, c.run(ctx, force, env))
	}
	return report(env.stderr, usageError{fmt.Errorf("no command is called %q; `tessera help` lists them", env.args[0])})
}

func report(w io.Writer, err error) int {
	var usage usageError
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(w, "tessera: %v\n", err)
		return 2
	}
	fmt.Fprintf(w, "tessera: %v\n", err)
	return 1
}

func help(w io.Writer) {
	fmt.Fprintln(w, "Tessera serves IIIF images to whom they are open.\n\nCommands:")
	for _, c := range commands() {
		if c.usage == "" {
			continue
		}
		fmt.Fprintf(w, "  tessera %-11s %s\n", c.name, c.usage)
	}
	fmt.Fprintln(w, "\n`tessera COMMAND --help` lists what a command takes. First steps: tessera serve --images FOLDER")
}
