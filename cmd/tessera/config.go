package main

import (
	"context"
	"errors"
	"fmt"

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
	loaded, err := config.Load(env.args[1:], env.environ, env.stdout)
	if err != nil {
		return usageError{err}
	}
	switch verb {
	case "check":
		if err := loaded.Validate(); err != nil {
			return usageError{err}
		}
		fmt.Fprintln(env.stdout, "the settings are sound")
		return nil
	case "print":
		return loaded.Print(env.stdout)
	}
	return usageError{fmt.Errorf("config %s: write check, print or reference", verb)}
}
