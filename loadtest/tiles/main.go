// Command tiles draws random tiles of an image, asks a server for them and
// measures: the load generator of bench.sh, one subcommand for each step.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"
)

// step is one subcommand; measurements go to standard output as lines of JSON.
type step func(ctx context.Context, args []string) error

var steps = map[string]step{
	"paint":   paint,
	"ports":   ports,
	"cold":    cold,
	"side":    advertised,
	"trace":   trace,
	"compare": compare,
	"record":  record,
	"bare":    bare,
	"warm":    warm,
	"crowd":   signIns,
	"memory":  memory,
	"report":  report,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tiles:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || steps[args[0]] == nil {
		names := make([]string, 0, len(steps))
		for name := range steps {
			names = append(names, name)
		}
		sort.Strings(names)
		return fmt.Errorf("usage: tiles %s …", strings.Join(names, "|"))
	}
	if err := steps[args[0]](ctx, args[1:]); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}
