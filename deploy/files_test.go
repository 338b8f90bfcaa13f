package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/config"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	from    = regexp.MustCompile(`(?m)^FROM (\S+)`)
	version = regexp.MustCompile(`(?m)^\s*github.com/nats-io/nats-server/v2 v(\S+)`)
)

// Images are built on named versions, and what runs in them is a plain user.
func TestDockerfiles(t *testing.T) {
	for _, path := range []string{"Dockerfile", "worker.Dockerfile"} {
		text := read(t, path)
		for _, base := range from.FindAllStringSubmatch(text, -1) {
			if base[1] != "scratch" && !pinned.MatchString(base[1]) {
				t.Errorf("%s: %s names no version", path, base[1])
			}
		}
		last := text[strings.LastIndex(text, "\nFROM "):]
		if !strings.Contains(last, "\nUSER 65532:65532\n") || !strings.Contains(last, `ENTRYPOINT ["/usr/local/bin/tessera"]`) {
			t.Errorf("%s: the last image runs as root, or something else", path)
		}
	}
}

// The NATS server is the one that tests run with.
func TestNATSVersion(t *testing.T) {
	tested := version.FindStringSubmatch(read(t, "../go.mod"))
	if tested == nil || !strings.Contains(read(t, "compose.yaml"), "image: nats:"+tested[1]+"-alpine\n") {
		t.Errorf("go.mod has nats-server %v, compose.yaml another", tested)
	}
}

// example is the least that a role's file of settings has to say besides what the unit
// says.
var example = map[config.Role]string{
	config.Serve:       "images: /srv/images\n",
	config.Worker:      "images: /srv/images\nnats: [tls://nats-1:4222]\n",
	config.Coordinator: "trusted-proxies: [10.0.0.0/24]\nnats: [tls://nats-1:4222]\n",
	config.Edge:        "coordinator-url: [http://coordinator-1:8080]\nnats: [tls://nats-1:4222]\n",
}

var command = regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/tessera (.+)$`)

func TestUnits(t *testing.T) {
	for _, role := range config.Roles() {
		text := read(t, "systemd/tessera-"+string(role)+".service")
		started := command.FindStringSubmatch(text)
		if started == nil {
			t.Fatalf("%s: no ExecStart", role)
		}
		file := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(file, []byte(example[role]), 0o600); err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(strings.ReplaceAll(started[1], "/etc/tessera/"+string(role)+".yaml", file))
		if config.Role(words[0]) != role {
			t.Errorf("%s: starts %s", role, words[0])
		}
		l, err := config.LoadFor(role, words[1:], nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		if err := l.Validate(); err != nil {
			t.Errorf("%s: %v", role, err)
		}
		for _, want := range []string{"DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "SystemCallFilter=@system-service"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: lacks %s", role, want)
			}
		}
	}
}

// Who runs setup.sh again keeps every key and password.
func TestSetupKeepsWhatIsThere(t *testing.T) {
	files := func() (all string) {
		for _, path := range []string{"worker.env", "minio.env", "postgres.env", "coordinator.env", "nats/ca.key", "nats/accounts.conf", "nats/credentials/edge-1.seed"} {
			all += read(t, filepath.Join(made, "secrets", path))
		}
		return all
	}
	before := files()
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	if files() != before {
		t.Error("something is another now")
	}
}
