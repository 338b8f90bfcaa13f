// Package cluster tests roles as processes of their own: a whole cluster of real
// processes on loopback, which are stopped, killed and started again under load.
package cluster

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

const (
	adminEmail    = "admin@localhost"
	adminPassword = "a phrase for tests only"
	patience      = 2 * time.Minute // for what has to come sooner or later, on a busy machine too
)

const rules = `{"items": [
 {"name": "open", "images": ["open/**"], "access": "open"},
 {"name": "secret", "images": ["secret/**"], "access": "hidden"},
 {"name": "staff", "images": ["staff/**"], "access": "groups", "groups": ["staff"]}
]}`

// Made once for all tests: programs and pictures.
var binDir, imageDir, rulesFile string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tessera-cluster-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binDir, imageDir, rulesFile = filepath.Join(dir, "bin"), filepath.Join(dir, "images"), filepath.Join(dir, "rules.json")
		for _, step := range []func() error{build, paint, func() error { return os.WriteFile(rulesFile, []byte(rules), 0o600) }} {
			if err := step(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return m.Run()
	}())
}

func build() error {
	for _, b := range []struct{ name, pkg, cgo string }{
		{"tessera", "../../cmd/tessera", "0"},
		{"tessera-decoder", "../../cmd/tessera-decoder", "1"},
		{"nats-server", "github.com/nats-io/nats-server/v2", "0"},
	} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(binDir, b.name), b.pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+b.cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", b.name, err, out)
		}
	}
	return nil
}

// paint makes a picture in which every pixel tells where it is, as JPEG 2000, and gives
// it the names that rules are about.
func paint() error {
	img := image.NewRGBA(image.Rect(0, 0, 2048, 1536))
	for y := range 1536 {
		for x := range 2048 {
			img.SetRGBA(x, y, color.RGBA{uint8(x / 8), uint8(y / 6), uint8((x ^ y) & 0xff), 255})
		}
	}
	if err := os.MkdirAll(imageDir, 0o750); err != nil {
		return err
	}
	source, made := filepath.Join(imageDir, "..", "map.png"), filepath.Join(imageDir, "..", "map.jp2")
	f, err := os.Create(source)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, img); err != nil {
		return err
	}
	if out, err := exec.Command("opj_compress", "-i", source, "-o", made, "-p", "RPCL", "-t", "512,512", "-n", "4", "-PLT", "-TLM").CombinedOutput(); err != nil {
		return fmt.Errorf("opj_compress (make setup-build installs it): %w\n%s", err, out)
	}
	bytes, err := os.ReadFile(made)
	if err != nil {
		return err
	}
	for _, folder := range []string{"open", "members", "staff", "secret"} {
		if err := os.MkdirAll(filepath.Join(imageDir, folder), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(imageDir, folder, "map.jp2"), bytes, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// cluster is a running cluster and how tests talk to it.
type cluster struct {
	*rig.Cluster
	t *testing.T
}

// start runs a cluster until the test ends.
func start(t *testing.T, adjust ...func(*rig.Config)) *cluster {
	t.Helper()
	c := prepare(t, adjust...)
	if err := c.Start(c.wait()); err != nil {
		t.Fatal(err)
	}
	return c
}

// prepare lays a cluster out; what a test starts of it ends with the test.
func prepare(t *testing.T, adjust ...func(*rig.Config)) *cluster {
	t.Helper()
	cfg := rig.Config{
		Bin: binDir, Dir: t.TempDir(), Images: imageDir, AdminPassword: adminPassword,
		Worker:      []string{"--decoders", "1"},
		Coordinator: []string{"--initial-rules", rulesFile},
		Edge:        []string{"--debug-headers"},
	}
	for _, f := range adjust {
		f(&cfg)
	}
	c, err := rig.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("not stopped cleanly: %v", err)
		}
		if t.Failed() {
			for _, p := range c.Processes() {
				if p.Ops != "" { // NATS servers say much and mean little
					t.Logf("%s: %s", p.Name, p.Tail())
				}
			}
		}
	})
	return &cluster{c, t}
}

// wait is a context for what has to happen sooner or later.
func (c *cluster) wait() context.Context {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	c.t.Cleanup(cancel)
	return ctx
}

func (c *cluster) eventually(what string, holds func() bool) {
	c.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			c.t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// edge is the address of an edge, counted from 0.
func (c *cluster) edge(i int) string { return c.Edges()[i].URL }

// restart stops a process in order and has it back.
func (c *cluster) restart(name string) {
	c.t.Helper()
	p := c.Process(name)
	if err := p.Stop(patience); err != nil {
		c.t.Fatal(err)
	}
	c.startAgain(name)
}

func (c *cluster) startAgain(name string) {
	c.t.Helper()
	p := c.Process(name)
	if err := p.Start(); err != nil {
		c.t.Fatal(err)
	}
	if err := p.Await(c.wait()); err != nil {
		c.t.Fatal(err)
	}
}

func tileOf(folder string, x, y int) string {
	return fmt.Sprintf("/iiif/3/%s%%2Fmap/%d,%d,256,256/256,/0/default.jpg", folder, x, y)
}

func contains(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q: %s", what, want, text)
		}
	}
}
