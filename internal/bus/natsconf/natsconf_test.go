package natsconf

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

var update = flag.Bool("update", false, "write deploy/nats anew")

// contents reads a folder, names relative to it.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustWrite(t *testing.T, cfg Config) []Outcome {
	t.Helper()
	out, err := Write(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSecondRunChangesNothing(t *testing.T) {
	cfg := loopback(t, t.TempDir(), 3)
	for _, o := range mustWrite(t, cfg) {
		if o.Did != "made" {
			t.Errorf("%s: %s", o.Path, o.Did)
		}
	}
	before := contents(t, cfg.Dir)
	cfg.Now = cfg.Now.Add(time.Hour)
	for _, o := range mustWrite(t, cfg) {
		if o.Did != "kept" {
			t.Errorf("%s: %s", o.Path, o.Did)
		}
	}
	if !maps.Equal(before, contents(t, cfg.Dir)) {
		t.Error("files changed")
	}
	for name := range before {
		info, err := os.Stat(filepath.Join(cfg.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		secret := strings.HasPrefix(name, credentials) || strings.HasSuffix(name, ".key")
		if secret && info.Mode().Perm() != private {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
}

func TestChangesNeedForceAndKeepKeys(t *testing.T) {
	cfg := loopback(t, t.TempDir(), 1)
	mustWrite(t, cfg)
	before := contents(t, cfg.Dir)
	cfg.Edges, cfg.Workers = 3, 1
	if _, err := Write(cfg); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Fatalf("overwrites unasked: %v", err)
	}
	if !maps.Equal(before, contents(t, cfg.Dir)) {
		t.Error("something was written although the whole was refused")
	}
	cfg.Force = true
	out := mustWrite(t, cfg)
	after := contents(t, cfg.Dir)
	for name, old := range before {
		if after[name] != old && name != accountsFile {
			t.Errorf("%s changed", name)
		}
	}
	if !slices.ContainsFunc(out, func(o Outcome) bool {
		return strings.HasSuffix(o.Path, "worker-2.seed") && strings.HasPrefix(o.Did, "out of use")
	}) {
		t.Errorf("credentials out of use are not named: %v", out)
	}
	if after["credentials/edge-3.seed"] == "" {
		t.Error("no credentials for the third edge")
	}
}

func TestCertificatesAreRenewedInTime(t *testing.T) {
	cfg := loopback(t, t.TempDir(), 1)
	mustWrite(t, cfg)
	old := contents(t, cfg.Dir)
	cfg.Now = cfg.Now.Add(serverLife - renewAhead + time.Hour)
	if _, err := Write(cfg); err == nil {
		t.Error("replaced a certificate unasked")
	}
	cfg.Force = true
	if err := os.Rename(filepath.Join(cfg.Dir, caKey), filepath.Join(cfg.Dir, "away")); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(cfg); err == nil || !strings.Contains(err.Error(), caKey) {
		t.Errorf("without the key of the CA: %v", err)
	}
	if err := os.Rename(filepath.Join(cfg.Dir, "away"), filepath.Join(cfg.Dir, caKey)); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, cfg)
	now := contents(t, cfg.Dir)
	if now["nats-1.pem"] == old["nats-1.pem"] || now[caCert] != old[caCert] || now[accountsFile] != old[accountsFile] {
		t.Error("not the certificate alone was renewed")
	}
}

func TestUnusableConfigIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no folder":        {func(c *Config) { c.Dir = "" }, "--dir"},
		"no server":        {func(c *Config) { c.Nodes = nil }, "1, 3 or 5"},
		"two servers":      {func(c *Config) { c.Nodes = append(c.Nodes, Node{Host: "b", Port: 1, ClusterPort: 2}) }, "1, 3 or 5"},
		"host with a port": {func(c *Config) { c.Nodes[0].Host = "a:1" }, "without a port"},
		"host with quotes": {func(c *Config) { c.Nodes[0].Host = `a"b` }, "host"},
		"port":             {func(c *Config) { c.Nodes[0].Port = 70000 }, "65535"},
		"ports meet":       {func(c *Config) { c.Nodes[0].ClusterPort = c.Nodes[0].Port }, "twice"},
		"no edge":          {func(c *Config) { c.Edges = -1 }, "from 1"},
		"events":           {func(c *Config) { c.Events = ">" }, "events"},
		"path with quotes": {func(c *Config) { c.As = `/a"b` }, "quotes"},
		"relative path":    {func(c *Config) { c.Store = "data" }, "absolute"},
		"cert alone":       {func(c *Config) { c.Cert = "/c" }, "--tls-key"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := loopback(t, t.TempDir(), 1)
			c.change(&cfg)
			if _, err := Write(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not mention %q", err, c.want)
			}
		})
	}
}

// The example's keys are real ones whose seeds were thrown away: nobody can use them.
var exampleKnown = known{storage: "$2a$10$ExampleHashOfNoPassword.............................."}

const example = "../../../deploy/nats"

// TestExampleIsWhatTheCommandMakes holds deploy/nats to the code.
func TestExampleIsWhatTheCommandMakes(t *testing.T) {
	cfg, err := Config{
		Dir: "/etc/nats", Edges: 2, Workers: 2, Coordinators: 1,
		Nodes: Nodes([]string{"nats-1", "nats-2", "nats-3"}, 4222, 6222, 8222),
	}.complete()
	if err != nil {
		t.Fatal(err)
	}
	k := exampleKnown
	for i, p := range cfg.processes() {
		p.key = exampleKeys[i]
		k.users = append(k.users, p)
	}
	files, err := render(cfg, k)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.name == "README.md" {
			f.content = append([]byte("<!-- An example, as `tessera nats-config --dir /etc/nats --host nats-1,nats-2,nats-3` writes it, without keys: its credentials exist nowhere. Make your own. -->\n"), f.content...)
		}
		path := filepath.Join(example, f.name)
		if *update {
			if err := replace(example, f); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != string(f.content) {
			t.Errorf("%s is not what the command makes (%v): go test ./internal/bus/natsconf -run Example -update", path, err)
		}
	}
	if o, err := server.ProcessConfigFile(filepath.Join(example, accountsFile)); err != nil || len(o.Nkeys) != 5 || len(o.Users) != 1 {
		t.Errorf("the example's accounts: %v", err)
	}
}
