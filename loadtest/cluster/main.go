// Command cluster runs a whole cluster on this machine until it is interrupted: three
// NATS servers, an S3 server, PostgreSQL, two coordinators, two workers and two edges,
// all from local binaries.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

const startTime = time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	cfg, database, err := settings(args)
	if err != nil {
		return err
	}
	began := time.Now()
	end, err := database.open(&cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	c, err := rig.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		fmt.Fprintln(out, "stopping")
		err = errors.Join(err, c.Stop())
	}()
	starting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := c.Start(starting); err != nil {
		return err
	}
	tell(out, c, cfg, time.Since(began))
	return watch(ctx, c)
}

func settings(args []string) (cfg rig.Config, db database, err error) {
	flags := pflag.NewFlagSet("cluster", pflag.ContinueOnError)
	storage := flags.String("storage", "s3", "s3: copy images and manifests into an S3 server's buckets and read them there; folder: read them where they are")
	flags.StringVar((*string)(&db), "database", string(whatThereIs), "postgres, sqlite, or auto: PostgreSQL where it is installed")
	flags.StringVar(&cfg.Bin, "bin", "bin", "folder of tessera, tessera-decoder and nats-server")
	flags.StringVar(&cfg.Dir, "dir", ".cache/cluster", "folder for keys, data and logs")
	flags.StringVar(&cfg.Images, "images", "sample/images", "images that the workers read")
	flags.StringVar(&cfg.Manifests, "manifests", "", "manifests, likewise")
	flags.IntVar(&cfg.NATS, "nats", 3, "NATS servers: 1, 3 or 5")
	flags.IntVar(&cfg.Coordinators, "coordinators", 0, "coordinators; 0: two with PostgreSQL, one without, since several need a database they share")
	flags.IntVar(&cfg.Workers, "workers", 2, "workers")
	flags.IntVar(&cfg.Edges, "edges", 2, "edges")
	flags.StringVar(&cfg.AdminPassword, "admin-password", "a cluster on one machine", "password of admin@localhost, where none is set yet")
	flags.StringArrayVar(&cfg.Coordinator, "coordinator", nil, "one more argument for each coordinator, such as --initial-rules=FILE; repeatable")
	flags.StringArrayVar(&cfg.Worker, "worker", nil, "likewise for each worker")
	flags.StringArrayVar(&cfg.Edge, "edge", nil, "likewise for each edge")
	if err = flags.Parse(args); err != nil {
		return cfg, db, err
	}
	if *storage != "s3" && *storage != "folder" {
		return cfg, db, fmt.Errorf("--storage %s: write s3 or folder", *storage)
	}
	cfg.Buckets = *storage == "s3"
	return cfg, db, db.check()
}

func tell(out io.Writer, c *rig.Cluster, cfg rig.Config, took time.Duration) {
	fmt.Fprintf(out, "The cluster is up after %.1f s.\n", took.Seconds())
	if cfg.Buckets {
		fmt.Fprintf(out, "  %-14s %s, keys %s and %s, bucket %s\n", "s3", c.Endpoint(), s3test.AccessKey, s3test.SecretKey, rig.ImageBucket)
	}
	for _, e := range c.Edges() {
		fmt.Fprintf(out, "  %-14s %s/\n", e.Name, e.URL)
	}
	fmt.Fprintf(out, "  %-14s %s/auth/admin/  as admin@localhost, password %q\n", "admin", c.Edges()[0].URL, cfg.AdminPassword)
	for _, p := range c.Processes() {
		if p.Ops != "" {
			fmt.Fprintf(out, "  %-14s %s/readyz, /metrics\n", p.Name, p.Ops)
		}
	}
	fmt.Fprintf(out, "  %-14s %s\nInterrupt (^C) stops it.\n", "logs", filepath.Join(cfg.Dir, "logs"))
}

// watch returns when ctx ends, or when a process has ended by itself.
func watch(ctx context.Context, c *rig.Cluster) error {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	lost := make(chan *rig.Process, len(c.Processes()))
	for _, p := range c.Processes() {
		ended := p.Ended()
		go func() { // ends with watching at the latest
			select {
			case <-ended:
				lost <- p
			case <-watching.Done():
			}
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case p := <-lost:
		return fmt.Errorf("%s has ended\n%s", p.Name, p.Tail())
	}
}
