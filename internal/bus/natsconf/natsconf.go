// Package natsconf makes the configuration of NATS servers for Tessera: accounts
// with the rights of each role, a credentials file for each process, certificates.
package natsconf

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/internal/bus"
)

const maxProcesses = 1000 // of one role

// Config says what to make. A zero field stands for its default.
type Config struct {
	Dir   string // where files go; made if absent
	Nodes []Node // 1, 3 or 5 NATS servers; several form a cluster

	Edges, Workers, Coordinators int // processes, each with credentials of its own: 2, 2, 1

	Events string // subject of an object store's events: bus.DefaultEvents
	As     string // where Dir will be on the servers: Dir
	Store  string // where the servers keep JetStream's files: <As>/data

	// Certificate and its key that the servers show to clients, as paths on the
	// servers; absent: made, with a private CA. Servers among themselves always use
	// the private CA: of a public one everybody has a certificate.
	Cert, Key string

	Force bool // overwrite files that would change
	Now   time.Time
}

// Node is one NATS server.
type Node struct {
	Host                       string // name or address that clients and other nodes reach it by
	Port, ClusterPort, Monitor int    // Monitor is a port on loopback, 0 for none
}

// Nodes gives the servers of hosts. Several on one host count their ports up.
func Nodes(hosts []string, port, clusterPort, monitor int) []Node {
	var out []Node
	used := map[string]int{}
	for _, host := range hosts {
		n := used[host]
		used[host]++
		node := Node{Host: host, Port: port + n, ClusterPort: clusterPort + n}
		if monitor > 0 {
			node.Monitor = monitor + n
		}
		out = append(out, node)
	}
	return out
}

// Outcome tells what became of one file.
type Outcome struct{ Path, Did string }

// Write makes all files, or none when one would change and Force is not set. Keys,
// passwords and certificates that are there already are kept: to change one, delete
// its file first.
func Write(cfg Config) ([]Outcome, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	known, secrets, err := cfg.secrets()
	if err != nil {
		return nil, err
	}
	certificates, err := cfg.certificates()
	if err != nil {
		return nil, err
	}
	text, err := render(cfg, known)
	if err != nil {
		return nil, err
	}
	return save(cfg, append(append(secrets, certificates...), text...))
}

func (cfg Config) complete() (Config, error) {
	if cfg.Dir == "" {
		return cfg, errors.New("name the folder to write to with --dir")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return cfg, fmt.Errorf("folder %s: %w", cfg.Dir, err)
	}
	cfg.Dir = dir
	cfg.As = cmp.Or(cfg.As, dir)
	cfg.Store = cmp.Or(cfg.Store, filepath.Join(cfg.As, "data"))
	cfg.Edges, cfg.Workers, cfg.Coordinators = cmp.Or(cfg.Edges, 2), cmp.Or(cfg.Workers, 2), cmp.Or(cfg.Coordinators, 1)
	if cfg.Events, err = bus.ParseEvents(cfg.Events); err != nil {
		return cfg, err
	}
	return cfg, errors.Join(cfg.checkCounts(), cfg.checkNodes(), cfg.checkPaths())
}

func (cfg Config) checkCounts() error {
	for _, n := range []int{cfg.Edges, cfg.Workers, cfg.Coordinators} {
		if n < 1 || n > maxProcesses {
			return fmt.Errorf("%d processes of a role: from 1 to %d", n, maxProcesses)
		}
	}
	return nil
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

func (cfg Config) checkNodes() error {
	if n := len(cfg.Nodes); n != 1 && n != 3 && n != 5 {
		return fmt.Errorf("%d NATS servers: 1, 3 or 5; an even number survives no more losses than one less", n)
	}
	seen := map[string]bool{}
	for _, n := range cfg.Nodes {
		if net.ParseIP(n.Host) == nil && !hostname.MatchString(n.Host) {
			return fmt.Errorf("host %q: write a name or an address, without a port", n.Host)
		}
		for _, port := range n.ports() {
			if port < 1 || port > 65535 {
				return fmt.Errorf("port %d of host %s: from 1 to 65535", port, n.Host)
			}
			addr := fmt.Sprint(n.Host, " ", port)
			if seen[addr] {
				return fmt.Errorf("port %d of host %s is asked for twice: set --port, --cluster-port and --monitor-port farther apart", port, n.Host)
			}
			seen[addr] = true
		}
	}
	return nil
}

func (n Node) ports() []int {
	if n.Monitor == 0 {
		return []int{n.Port, n.ClusterPort}
	}
	return []int{n.Port, n.ClusterPort, n.Monitor}
}

// checkPaths keeps out what would end a quoted string of the server's configuration.
func (cfg Config) checkPaths() error {
	if (cfg.Cert == "") != (cfg.Key == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	for _, path := range []string{cfg.As, cfg.Store, cfg.Cert, cfg.Key} {
		if strings.ContainsAny(path, "\"\\\n\r\x00") || path != "" && !filepath.IsAbs(path) {
			return fmt.Errorf("path %q: an absolute one, without quotes and backslashes", path)
		}
	}
	return nil
}
