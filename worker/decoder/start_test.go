package decoder

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// script writes a program that stands for a child in trouble.
func script(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tessera-decoder")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// withoutLibrary is the child with an empty file in the place of a library.
func withoutLibrary(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return script(t, "LD_LIBRARY_PATH="+dir+" exec "+program+` "$@"`)
}

// TestStartErrors: each names the fix, within a second.
func TestStartErrors(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		want       []string
	}{
		{"missing program", filepath.Join(t.TempDir(), "none"), []string{"is missing", "make build", "--decoder-path"}},
		{"not executable", plain, []string{"chmod +x"}},
		{"missing libvips", withoutLibrary(t, "libvips.so.42"), []string{"libvips.so.42", "apt-get install libvips42 libopenjp2-7"}},
		{"missing OpenJPEG", withoutLibrary(t, "libopenjp2.so.7"), []string{"libopenjp2.so.7", "apt-get install libvips42 libopenjp2-7"}},
		{"no sandbox", script(t, "echo 'seccomp: not supported' >&2; exit 3"), []string{"--insecure-decoder", "seccomp: not supported"}},
		{"libraries that fail", script(t, "echo 'no jpeg' >&2; exit 4"), []string{"--reinstall", "no jpeg"}},
		{"another program", "/bin/true", []string{"make build"}},
		{"a program that fails", script(t, "echo oops >&2; exit 9"), []string{"oops", "self check"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Start(t.Context(), Config{Path: c.path})
			if err == nil {
				_ = p.Close(t.Context())
				t.Fatal("started")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

// TestReport: what the pool tells of its libraries.
func TestReport(t *testing.T) {
	p := startPool(t, Config{})
	for _, must := range []string{"jpg", "png", "webp", "gif", "tif"} {
		if !slices.Contains(p.Formats(), must) {
			t.Errorf("formats %v", p.Formats())
		}
	}
	if v := p.Versions(); v.Vips == "" || v.OpenJPEG == "" || v.JPEG == "" {
		t.Errorf("versions %+v", v)
	}
	if !p.report.Sandbox.Seccomp {
		t.Error("no seccomp")
	}
}

// TestSandbox: R2: everything a confined child tries is denied.
func TestSandbox(t *testing.T) {
	out, err := exec.Command(program, "--selftest-sandbox").Output()
	if err != nil {
		t.Fatal(err)
	}
	var attempts []struct {
		Name, Error string
		Denied      bool
	}
	if err := json.Unmarshal(out, &attempts); err != nil {
		t.Fatal(err)
	}
	if len(attempts) < 15 {
		t.Errorf("only %d attempts", len(attempts))
	}
	for _, a := range attempts {
		if !a.Denied {
			t.Errorf("%s: not denied (%s)", a.Name, a.Error)
		}
	}
}

// TestChildHolds: R2: a child has the descriptors it needs, no secrets, and limits.
func TestChildHolds(t *testing.T) {
	t.Setenv("TESSERA_S3_SECRET_KEY", "s3cret")
	secret := openFile(t, decodertest.WriteFile(t, "secret", []byte("x")))
	p := startPool(t, Config{MemoryBytes: 1 << 30})
	f := openFile(t, tiledJP2(t))
	out, err := p.Render(t.Context(), aTile(f))
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Body.Close()
	proc := "/proc/" + itoa(childOf(t, os.Getpid()))
	environment := string(decodertest.Read(t, proc+"/environ"))
	if strings.Contains(environment, "s3cret") || strings.Contains(environment, "PATH=") {
		t.Errorf("environment %q", environment)
	}
	links, err := filepath.Glob(proc + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, _ := os.Readlink(link); target == secret.Name() || target == f.Name() {
			t.Errorf("%s is open in the child between tasks", target)
		}
	}
	if maps := string(decodertest.Read(t, proc+"/maps")); strings.Contains(strings.ToLower(maps), "magick") || strings.Contains(maps, "poppler") {
		t.Error("R4: ImageMagick or a PDF reader is loaded")
	}
	limits := string(decodertest.Read(t, proc+"/limits"))
	for _, want := range []string{"Max data size             1073741824", "Max open files            32", "Max core file size        0"} {
		if !strings.Contains(limits, want) {
			t.Errorf("limits lack %q:\n%s", want, limits)
		}
	}
	status := string(decodertest.Read(t, proc+"/status"))
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("status lacks %q", want)
		}
	}
}

// TestNoChild: when no child starts any more, tasks are refused rather than kept waiting.
func TestNoChild(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	path := script(t, `[ "$1" = --serve ] && [ -e `+broken+` ] && exit 1; exec `+program+` "$@"`)
	log := newRecorder()
	p, err := Start(t.Context(), Config{Path: path, Log: log.log(), arguments: []string{"--fault-injection"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.inject(t.Context(), "crash"); !errors.Is(err, ErrLost) && tile.CodeOf(err) != tile.Unavailable {
		t.Fatal(err)
	}
	log.await(t, "decoder process does not start")
	if err := p.inject(t.Context(), "crash"); tile.CodeOf(err) != tile.Unavailable {
		t.Errorf("no child: %v", err)
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	f := openFile(t, tiledJP2(t))
	for deadline := time.Now().Add(5 * time.Second); ; {
		out, err := p.Render(t.Context(), aTile(f))
		if err == nil {
			_ = out.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// enlarged asks for an answer of more than MemoryBody bytes.
func enlarged(f *os.File) Task {
	task := aTile(f)
	task.Width, task.Height, task.Output = 3600, 3000, "tif"
	return task
}

// TestLargeOutput: above the bound a body is a file without a name.
func TestLargeOutput(t *testing.T) {
	dir := t.TempDir()
	p := startPool(t, Config{TempDir: dir})
	task := enlarged(openFile(t, tiledJP2(t)))
	out, err := p.Render(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	spooled, ok := out.Body.(*os.File)
	if !ok || out.Size <= MemoryBody {
		t.Fatalf("%T of %d bytes", out.Body, out.Size)
	}
	if names, err := filepath.Glob(dir + "/*"); err != nil || len(names) != 0 {
		t.Errorf("files left: %v, %v", names, err)
	}
	head := make([]byte, 4)
	if _, err := spooled.ReadAt(head, 0); err != nil || string(head) != "II*\x00" {
		t.Errorf("%q, %v", head, err)
	}
	body(t, out)
}

// TestOutputBounds: too large an answer, and no room for one, are not the image's fault.
func TestOutputBounds(t *testing.T) {
	task := enlarged(openFile(t, tiledJP2(t)))
	for name, c := range map[string]struct {
		cfg  Config
		want tile.Code
	}{
		"too large": {Config{MaxOutput: 1 << 20}, tile.Invalid},
		"no room":   {Config{TempDir: filepath.Join(t.TempDir(), "gone")}, tile.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPool(t, c.cfg)
			_, err := p.Render(t.Context(), task)
			if tile.CodeOf(err) != c.want || errors.Is(err, ErrLost) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestClosedPool(t *testing.T) {
	p := startPool(t, Config{})
	f := openFile(t, tiledJP2(t))
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Render(t.Context(), aTile(f)); tile.CodeOf(err) != tile.Unavailable {
		t.Error(err)
	}
	if pid := childOf(t, os.Getpid()); pid != 0 {
		t.Errorf("child %d is left", pid)
	}
}

// TestCloseKills: a task that does not end does not keep the pool from closing.
func TestCloseKills(t *testing.T) {
	p := faulty(t, Config{Timeout: time.Minute})
	done := make(chan error, 1)
	go func() { done <- p.inject(t.Context(), "spin") }()
	busyChild(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; tile.CodeOf(err) != tile.Unavailable {
		t.Error(err)
	}
}
