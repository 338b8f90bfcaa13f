package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/pflag"
)

const readyTimeout = 5 * time.Second

// ready asks the process beside it whether it is ready: a container's health check,
// where there is no other program.
func ready(ctx, _ context.Context, env environment) error {
	flags := pflag.NewFlagSet("tessera ready", pflag.ContinueOnError)
	flags.SetOutput(env.stdout)
	address := flags.String("ops-listen", env.getenv("TESSERA_OPS_LISTEN", "127.0.0.1:9090"), "where the process has its /readyz, as it was told itself")
	if err := flags.Parse(env.args); errors.Is(err, pflag.ErrHelp) {
		return err
	} else if err != nil {
		return usageError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+*address+"/readyz", nil)
	if err != nil {
		return usageError{fmt.Errorf("--ops-listen %s: write host:port, such as 127.0.0.1:9090", *address)}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("nothing answers: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", resp.Status)
	}
	return nil
}
