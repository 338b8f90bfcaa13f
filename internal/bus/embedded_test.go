package bus

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func TestEmbeddedStartsFastAndKeepsJetStream(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	for round := range 2 {
		e, err := StartEmbedded(Config{Dir: dir, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		if a := e.server.Addr(); a != nil {
			t.Errorf("listens on %s", a)
		}
		c, err := e.Connect(RoleCoordinator, "test")
		if err != nil {
			t.Fatal(err)
		}
		js, err := jetstream.New(c.tiles.nc)
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			_, err = js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b"})
		} else {
			_, err = js.KeyValue(t.Context(), "b")
		}
		if err != nil {
			t.Errorf("bucket in round %d: %v", round, err)
		}
		c.Close()
		e.Close()
	}
}

func TestUnusableSettingsAreExplained(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := t.TempDir()
	if err := os.WriteFile(filepath.Join(blocked, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"no directory":    {Config{}, "--data"},
		"below a file":    {Config{Dir: filepath.Join(file, "x")}, "--data"},
		"a file":          {Config{Dir: file}, "--data"},
		"store is a file": {Config{Dir: blocked}, blocked},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Log = quiet
			e, err := StartEmbedded(c.cfg)
			if err == nil {
				e.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not mention %q", err, c.want)
			}
		})
	}
}

func TestServerLogIsQuiet(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	e, err := StartEmbedded(Config{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	if out.Len() != 0 {
		t.Errorf("a plain start and stop logs at info: %s", out.String())
	}
	b := logBridge{log: log}
	b.Warnf("disk %d%% full", 97)
	if !strings.Contains(out.String(), "disk 97% full") || !strings.Contains(out.String(), "WARN") {
		t.Errorf("warning logged as %q", out.String())
	}
}
