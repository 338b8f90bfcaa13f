// Package deploy_test checks what operators copy against what the programs take.
package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tessera-iiif/tessera/internal/config"
)

// service is what the tests read of one in compose.yaml.
type service struct {
	Image       string
	User        string
	Build       struct{ Context, Dockerfile string }
	Command     []string
	Environment map[string]string
	EnvFile     []string `yaml:"env_file"`
	Networks    []string
	Volumes     []string
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	Secrets     []any
	PIDs        int        `yaml:"pids_limit"`
	Healthcheck *yaml.Node `yaml:"healthcheck"`
	Restart     string
	CPUs        float64
	Memory      string `yaml:"mem_limit"`
	Ports       []string
	Privileged  bool
	NetworkMode string   `yaml:"network_mode"`
	CapAdd      []string `yaml:"cap_add"`
}

type composition struct {
	Services map[string]service
	Networks map[string]struct {
		Internal bool
		IPAM     struct{ Config []struct{ Subnet string } }
	}
	Secrets map[string]struct{ File string }
}

// made is where setup.sh has made what compose.yaml needs.
var made string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if made, err = os.MkdirTemp("", "tessera-deploy-"); err == nil {
			defer os.RemoveAll(made)
			err = setUp()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func setUp() error {
	program := filepath.Join(made, "tessera")
	build := exec.Command("go", "build", "-o", program, "../cmd/tessera")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	setup := exec.Command("./setup.sh", made)
	setup.Env = append(os.Environ(), "TESSERA="+program)
	for _, cmd := range []*exec.Cmd{build, setup} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
	}
	return nil
}

func composed(t *testing.T) (c composition) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// roleOf is the role that a service of ours runs as.
func roleOf(s service) (role config.Role, flags []string, ours bool) {
	if !strings.HasPrefix(s.Image, "tessera") || len(s.Command) == 0 {
		return "", nil, false
	}
	return config.Role(s.Command[0]), s.Command[1:], true
}

func TestServicesTakeTheirSettings(t *testing.T) {
	c := composed(t)
	counts := map[config.Role]int{}
	for name, s := range c.Services {
		role, flags, ours := roleOf(s)
		if !ours {
			continue
		}
		counts[role]++
		l, err := config.LoadFor(role, flags, s.environ(t), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := l.Validate(); err != nil || len(l.Args) > 0 {
			t.Errorf("%s: %v, left over %q", name, err, l.Args)
		}
		if l.Name != name {
			t.Errorf("%s is called %q", name, l.Name)
		}
		if role == config.Coordinator && (!l.DatabaseIsShared() || l.TrustedProxy[0].String() != c.Networks["people"].IPAM.Config[0].Subnet) {
			t.Errorf("%s: database shared %v, believes %s", name, l.DatabaseIsShared(), l.TrustedProxy)
		}
	}
	if counts[config.Edge] != 2 || counts[config.Worker] != 2 || counts[config.Coordinator] != 2 {
		t.Errorf("services %v", counts)
	}
}

// environ is what the service's process finds in its environment.
func (s service) environ(t *testing.T) (env []string) {
	t.Helper()
	for _, file := range s.EnvFile {
		for line := range strings.SplitSeq(read(t, filepath.Join(made, file)), "\n") {
			if line != "" && line[0] != '#' {
				env = append(env, line)
			}
		}
	}
	for name, value := range s.Environment {
		env = append(env, name+"="+value)
	}
	return env
}

var pinned = regexp.MustCompile(`^[a-z0-9./-]+:[A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]*$`)

func TestServicesHoldNoMoreThanTheyNeed(t *testing.T) {
	c := composed(t)
	for name, s := range c.Services {
		if !s.ReadOnly || s.Privileged || s.NetworkMode != "" || len(s.CapAdd) > 0 || !slices.Equal(s.CapDrop, []string{"ALL"}) ||
			!slices.Contains(s.SecurityOpt, "no-new-privileges:true") || !strings.HasPrefix(s.User, "${TESSERA_USER:?") {
			t.Errorf("%s may do too much: %+v", name, s)
		}
		if s.CPUs == 0 || s.Memory == "" || s.PIDs == 0 {
			t.Errorf("%s has no bounds: %v, %q, %d", name, s.CPUs, s.Memory, s.PIDs)
		}
		if s.Healthcheck == nil && s.Restart != "no" {
			t.Errorf("%s has no health check", name)
		}
		if s.Build.Dockerfile == "" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %s names no version", name, s.Image)
		}
		for _, network := range s.Networks {
			n, ok := c.Networks[network]
			if !ok || !n.Internal && network != "front" {
				t.Errorf("%s: network %s is unknown or open", name, network)
			}
		}
		role, _, _ := roleOf(s)
		if role == config.Edge && (slices.Contains(s.Networks, "storage") || slices.Contains(s.Networks, "database")) || role != config.Edge && len(s.Ports) > 0 {
			t.Errorf("%s reaches, or is reached by, whom it should not", name)
		}
	}
}

// Files that compose.yaml mounts are made by setup.sh, or are here; each process has
// its own credentials.
func TestServicesFindTheirFiles(t *testing.T) {
	c := composed(t)
	for name, s := range c.Secrets {
		if info, err := os.Stat(filepath.Join(made, s.File)); err != nil || name != "nats-ca" && info.Mode().Perm() != 0o600 {
			t.Errorf("secret %s: %v", name, err)
		}
	}
	for name, s := range c.Services {
		for _, v := range s.Volumes {
			path, _, _ := strings.Cut(v, ":")
			if _, err := os.Stat(filepath.Join(made, path)); err == nil {
				continue
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s mounts %s, which nobody makes", name, path)
			}
		}
		if _, _, ours := roleOf(s); !ours {
			continue
		}
		own, _ := s.Secrets[0].(map[string]any)
		if own["source"] != name || own["target"] != "nats-creds" || s.Secrets[1] != "nats-ca" {
			t.Errorf("%s: secrets %v", name, s.Secrets)
		}
		if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
