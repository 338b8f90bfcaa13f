package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tessera-iiif/tessera/internal/config"
)

func configure(_, _ context.Context, env environment) error {
	if len(env.args) == 0 {
		return usageError{errors.New("write tessera config check, print or reference")}
	}
	verb := env.args[0]
	if verb == "reference" {
		return config.Reference(env.stdout)
	}
	role, args, err := cutRole(env.args[1:])
	if err != nil {
		return usageError{err}
	}
	loaded, err := config.LoadFor(role, args, env.environ, env.stdout)
	if err != nil {
		return usageError{err}
	}
	switch verb {
	case "check":
		if err := loaded.Validate(); err != nil {
			return usageError{err}
		}
		fmt.Fprintf(env.stdout, "the settings are sound for tessera %s\n", role)
		return nil
	case "print":
		return loaded.Print(env.stdout)
	}
	return usageError{fmt.Errorf("config %s: write check, print or reference", verb)}
}

// cutRole takes --role off the arguments: it says whose settings the others are. What
// checks a file for all roles at once would have to accept what each must not have.
func cutRole(args []string) (config.Role, []string, error) {
	i := slices.IndexFunc(args, func(a string) bool { return a == "--role" || strings.HasPrefix(a, "--role=") })
	if i < 0 {
		return config.Serve, args, nil
	}
	_, text, joined := strings.Cut(args[i], "=")
	rest := args[i+1:]
	if !joined && len(rest) > 0 {
		text, rest = rest[0], rest[1:]
	}
	role, err := config.ParseRole(text)
	return role, slices.Concat(args[:i], rest), err
}
