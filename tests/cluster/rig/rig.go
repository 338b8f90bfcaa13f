// Package rig runs a whole cluster from local binaries on loopback: NATS servers,
// coordinators, workers and edges, each a process of its own that can be stopped,
// killed and started again.
package rig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
)

// Config says what to run. Zero numbers stand for 3 NATS servers, 1 coordinator,
// 2 workers and 2 edges.
type Config struct {
	Bin string // folder of tessera, tessera-decoder and nats-server
	Dir string // where everything is kept: keys, data, logs

	// Images and Manifests are what workers read: a folder, or whatever else --images
	// takes; then Worker has the flags that go with it.
	Images, Manifests string

	// Buckets has the cluster run an S3 server, put what is in the folders Images and
	// Manifests into buckets there, read them and share results there.
	Buckets bool

	NATS, Coordinators, Workers, Edges int

	// Gates puts a gate between each edge and each NATS server.
	Gates bool

	AdminPassword string // of admin@localhost
	// More flags for each process of a role.
	Coordinator, Worker, Edge []string
}

func (c Config) withDefaults() Config {
	c.NATS, c.Coordinators = cmp.Or(c.NATS, 3), cmp.Or(c.Coordinators, 1)
	c.Workers, c.Edges = cmp.Or(c.Workers, 2), cmp.Or(c.Edges, 2)
	return c
}

// Cluster is a running cluster.
type Cluster struct {
	cfg     Config
	spawner *spawner
	order   []*Process // as started
	byName  map[string]*Process
	servers []string           // addresses of NATS
	people  []string           // addresses of coordinators
	gates   map[string][]*Gate // by name of the edge

	admin    *s3test.Admin // of the S3 server, if there is one
	endpoint string        // its address
}

// New lays a cluster out without starting anything.
func New(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg = cfg.withDefaults()
	var err error
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil { // not every program stays in our folder
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "logs"), 0o750); err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, byName: map[string]*Process{}, gates: map[string][]*Gate{}}
	ports, err := freePorts(ctx, 3*cfg.NATS+1+2*cfg.Coordinators+cfg.Workers+2*cfg.Edges+cfg.NATS*cfg.Edges)
	if err != nil {
		return nil, err
	}
	if err := c.layNATS(ctx, ports[:3*cfg.NATS]); err != nil {
		return nil, err
	}
	if cfg.Buckets {
		if err := c.layBuckets(ports[3*cfg.NATS]); err != nil {
			return nil, err
		}
	}
	rest := c.layRoles(ports[3*cfg.NATS+1:])
	if cfg.Gates {
		if err := c.layGates(ctx, rest); err != nil {
			return nil, err
		}
	}
	c.spawner = newSpawner()
	return c, nil
}

// layNATS has `tessera nats-config` write configuration and credentials.
func (c *Cluster) layNATS(ctx context.Context, ports []int) error {
	n := c.cfg.NATS
	hosts := strings.Join(slices.Repeat([]string{"127.0.0.1"}, n), ",")
	made := exec.CommandContext(ctx, filepath.Join(c.cfg.Bin, "tessera"), "nats-config", "--dir", c.natsDir(), "--host", hosts,
		"--port", fmt.Sprint(ports[0]), "--cluster-port", fmt.Sprint(ports[n]), "--monitor-port", fmt.Sprint(ports[2*n]),
		"--edges", fmt.Sprint(c.cfg.Edges), "--workers", fmt.Sprint(c.cfg.Workers), "--coordinators", fmt.Sprint(c.cfg.Coordinators), "--force")
	if out, err := made.CombinedOutput(); err != nil {
		return fmt.Errorf("tessera nats-config: %w\n%s", err, out)
	}
	for i := range n {
		c.servers = append(c.servers, fmt.Sprintf("tls://127.0.0.1:%d", ports[i]))
		c.add(&Process{
			Name: fmt.Sprintf("nats-%d", i+1), program: "nats-server",
			args:  []string{"-c", filepath.Join(c.natsDir(), fmt.Sprintf("nats-%d.conf", i+1))},
			ready: fmt.Sprintf("http://127.0.0.1:%d/healthz?js-enabled-only=true", ports[2*n+i]),
		})
	}
	return nil
}

func (c *Cluster) natsDir() string { return filepath.Join(c.cfg.Dir, "nats") }

// layRoles gives the ports it did not need.
func (c *Cluster) layRoles(ports []int) (rest []int) {
	next := func() string {
		p := ports[0]
		ports = ports[1:]
		return fmt.Sprintf("127.0.0.1:%d", p)
	}
	for i := range c.cfg.Coordinators {
		listen := next()
		c.people = append(c.people, "http://"+listen)
		p := c.role("coordinator", i, next(), c.cfg.Coordinator, "--listen", listen, "--data", c.data("coordinator", i), "--trusted-proxies", "127.0.0.1")
		p.env = []string{"TESSERA_ADMIN_PASSWORD=" + c.cfg.AdminPassword}
	}
	for i := range c.cfg.Workers {
		flags, env := c.places()
		c.role("worker", i, next(), c.cfg.Worker, append(flags, "--data", c.data("worker", i))...).env = env
	}
	for i := range c.cfg.Edges {
		listen := next()
		p := c.role("edge", i, next(), c.cfg.Edge, "--listen", listen, "--coordinator-url", strings.Join(c.people, ","))
		p.URL = "http://" + listen
	}
	return ports
}

// layGates has edges reach NATS through gates alone: servers keep one another's
// addresses to themselves.
func (c *Cluster) layGates(ctx context.Context, ports []int) error {
	for i := range c.cfg.NATS {
		p := c.Process(fmt.Sprintf("nats-%d", i+1))
		p.args = append(p.args, "--no_advertise")
	}
	for _, edge := range c.Edges() {
		var servers []string
		for _, server := range c.servers {
			listen := fmt.Sprintf("127.0.0.1:%d", ports[0])
			ports = ports[1:]
			g, err := newGate(ctx, listen, strings.TrimPrefix(server, "tls://"))
			if err != nil {
				return err
			}
			c.gates[edge.Name] = append(c.gates[edge.Name], g)
			servers = append(servers, "tls://"+listen)
		}
		edge.args[slices.Index(edge.args, "--nats")+1] = strings.Join(servers, ",")
	}
	return nil
}

// Gates lie between an edge and the NATS servers. There are none without Config.Gates.
func (c *Cluster) Gates(edge string) []*Gate { return c.gates[edge] }

func (c *Cluster) data(role string, i int) string {
	return filepath.Join(c.cfg.Dir, fmt.Sprintf("%s-%d", role, i+1))
}

func (c *Cluster) role(role string, i int, ops string, more []string, flags ...string) *Process {
	name := fmt.Sprintf("%s-%d", role, i+1)
	args := slices.Concat([]string{
		role, "--name", name, "--ops-listen", ops, "--log-format", "json", "--nats", strings.Join(c.servers, ","),
		"--nats-creds", filepath.Join(c.natsDir(), "credentials", name+".seed"), "--nats-tls-ca", filepath.Join(c.natsDir(), "ca.pem"),
	}, flags, more)
	p := &Process{Name: name, program: "tessera", args: args, Ops: "http://" + ops, ready: "http://" + ops + "/readyz"}
	c.add(p)
	return p
}

func (c *Cluster) add(p *Process) {
	p.cluster, p.Log = c, filepath.Join(c.cfg.Dir, "logs", p.Name+".log")
	c.order = append(c.order, p)
	c.byName[p.Name] = p
}

// Beside adds a `tessera serve` to compare with, on the same images. It is not started,
// and none of Edges.
func (c *Cluster) Beside(ctx context.Context, flags ...string) (p *Process, url string, err error) {
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return nil, "", err
	}
	listen, ops := fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	p = &Process{
		Name: "serve", program: "tessera", Ops: "http://" + ops, ready: "http://" + ops + "/readyz",
		args: slices.Concat([]string{
			"serve", "--listen", listen, "--ops-listen", ops, "--log-format", "json",
			"--images", c.cfg.Images, "--data", filepath.Join(c.cfg.Dir, "serve"),
		}, c.cfg.Coordinator, c.cfg.Worker, c.cfg.Edge, flags),
		env: []string{"TESSERA_ADMIN_PASSWORD=" + c.cfg.AdminPassword},
	}
	c.add(p)
	return p, "http://" + listen, nil
}

// Process finds one by name: nats-1, coordinator-1, worker-2, edge-1.
func (c *Cluster) Process(name string) *Process { return c.byName[name] }

// Processes lists all, in the order they are started.
func (c *Cluster) Processes() []*Process { return c.order }

// Coordinators lists the addresses that coordinators answer edges at.
func (c *Cluster) Coordinators() []string { return c.people }

// Edges lists the edges.
func (c *Cluster) Edges() []*Process {
	var edges []*Process
	for _, p := range c.order {
		if p.URL != "" {
			edges = append(edges, p)
		}
	}
	return edges
}

// Start starts everything and returns when all of it is ready: the roles wait for NATS
// and for one another by themselves.
func (c *Cluster) Start(ctx context.Context) error {
	for _, p := range c.order {
		if err := c.begin(ctx, p); err != nil {
			return err
		}
	}
	for _, p := range c.order {
		if err := p.Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin starts a process when what it cannot wait for by itself is there.
func (c *Cluster) begin(ctx context.Context, p *Process) error {
	if p.after != nil {
		if err := p.after.Await(ctx); err != nil {
			return err
		}
	}
	if err := p.Start(); err != nil || p.then == nil {
		return err
	}
	if err := p.Await(ctx); err != nil {
		return err
	}
	if err := p.then(ctx); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.Name, err, p.Tail())
	}
	return nil
}

// Stop ends everything, each before what it depends on. Those that do not end in time
// are killed, and the error says so.
func (c *Cluster) Stop() error {
	var mu sync.Mutex
	var errs []error
	roles := []string{"edge", "worker", "coordinator", "s3", "nats"}
	for i := range len(roles) + 1 {
		var group sync.WaitGroup
		for _, p := range c.order {
			role, _, _ := strings.Cut(p.Name, "-")
			if at := slices.Index(roles, role); at == i || at < 0 && i == len(roles) {
				group.Go(func() {
					err := p.Stop(stopTime)
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				})
			}
		}
		group.Wait()
	}
	c.spawner.stop()
	for _, gates := range c.gates {
		for _, g := range gates {
			g.Close()
		}
	}
	return errors.Join(errs...)
}

// stopTime is above every bound that a process sets itself for stopping.
const stopTime = 40 * time.Second
