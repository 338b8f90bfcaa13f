package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/bus/natsconf"
)

// natsConfig writes configuration and credentials for a cluster's NATS servers.
func natsConfig(_, _ context.Context, env environment) error {
	cfg, err := natsConfigFlags(env)
	if err != nil {
		return err
	}
	done, err := natsconf.Write(cfg)
	if err != nil {
		return usageError{err}
	}
	for _, f := range done {
		fmt.Fprintf(env.stdout, "%-8s %s\n", f.Did, f.Path)
	}
	fmt.Fprintf(env.stdout, "\nREADME.md there says how to start the servers and which process takes which credentials.\n")
	return nil
}

func natsConfigFlags(env environment) (natsconf.Config, error) {
	flags := pflag.NewFlagSet("tessera nats-config", pflag.ContinueOnError)
	flags.SetOutput(env.stdout)
	cfg := natsconf.Config{Now: time.Now()}
	flags.StringVar(&cfg.Dir, "dir", "", "folder to write to, made if absent")
	hosts := flags.StringSlice("host", []string{"127.0.0.1"}, "names or addresses of 1, 3 or 5 NATS servers; one named several times gets as many servers, ports counting up")
	port := flags.Int("port", 4222, "port for clients")
	cluster := flags.Int("cluster-port", 6222, "port for the servers among themselves")
	monitor := flags.Int("monitor-port", 8222, "port for health checks and metrics, on loopback; 0: none")
	flags.IntVar(&cfg.Edges, "edges", 2, "edges, each with credentials of its own")
	flags.IntVar(&cfg.Workers, "workers", 2, "workers, likewise")
	flags.IntVar(&cfg.Coordinators, "coordinators", 1, "coordinators, likewise")
	flags.StringVar(&cfg.Events, "events-subject", bus.DefaultEvents, "subject on which an object store publishes its events")
	flags.StringVar(&cfg.As, "as", "", "where the folder will be on the servers; default: where it is written")
	flags.StringVar(&cfg.Store, "store", "", "folder for JetStream on the servers; default: data in the folder")
	flags.StringVar(&cfg.Cert, "tls-cert", "", "certificate shown to clients, as a path on the servers; default: made, with a private CA")
	flags.StringVar(&cfg.Key, "tls-key", "", "its key, likewise")
	flags.BoolVar(&cfg.Force, "force", false, "overwrite files that would change; keys and passwords are kept")
	if err := flags.Parse(env.args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return cfg, err
		}
		return cfg, usageError{err}
	}
	if flags.NArg() > 0 {
		return cfg, usageError{fmt.Errorf("nats-config takes flags alone, not %q", flags.Args())}
	}
	cfg.Nodes = natsconf.Nodes(*hosts, *port, *cluster, *monitor)
	return cfg, nil
}
