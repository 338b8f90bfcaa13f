package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// tessera runs the program to its end, at most ten seconds, and gives its status
// and all it said.
func tessera(t *testing.T, env []string, args ...string) (status int, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "tessera"), args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%v did not end: %s", args, out)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

var passwordLine = regexp.MustCompile(`password (\S.*?)  \(`)

// A start that fails must not use up the one time that a made-up password is told.
func TestMadeUpPasswordSurvivesAFailedStart(t *testing.T) {
	images, data := folders(t)
	for _, flaw := range [][]string{{"--images", images + "/missing"}, {"--initial-rules", images + "/missing.json"}} {
		args := append([]string{"serve", "--images", images, "--data", data, "--listen", "127.0.0.1:0", "--ops-listen", ""}, flaw...)
		if status, said := tessera(t, nil, args...); status != 2 {
			t.Fatalf("%v: status %d, said %q", flaw, status, said)
		}
	}
	s := start(t, images, data, "--admin-password=")
	var told []string
	s.eventually("a password is told", func() bool {
		told = passwordLine.FindStringSubmatch(s.stdout.String())
		return told != nil
	})
	if s.signIn(adminEmail, told[1]) == nil {
		t.Errorf("%q does not sign in", told[1])
	}
}

// A start that cannot work ends with status 2 and a sentence that names the fix.
func TestRefusesToStart(t *testing.T) {
	images, data := folders(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "tessera-decoder")
	script := "#!/bin/sh\necho 'tessera-decoder: error while loading shared libraries: libvips.so.42: cannot open shared object file' >&2\nexit 127\n"
	if err := os.WriteFile(broken, []byte(script), 0o700); err != nil { //nolint:gosec // a program has to be executable
		t.Fatal(err)
	}
	sound := []string{"--images", images, "--data", data, "--listen", "127.0.0.1:0", "--ops-listen", ""}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no images":         {[]string{"--data", data}, "--images"},
		"missing folder":    {append(sound, "--images", filepath.Join(images, "no")), "does not exist"},
		"file for a folder": {append(sound, "--images", file), "folder"},
		"port taken":        {append(sound, "--listen", taken.Addr().String()), "--listen"},
		"unknown setting":   {append(sound, "--imags", "x"), "imags"},
		"unsafe public url": {append(sound, "--public-url", "http://iiif.example.org"), "--insecure-http"},
		"no decoder":        {append(sound, "--decoder-path", filepath.Join(images, "tessera-decoder")), "decoder"},
		"missing library":   {append(sound, "--decoder-path", broken), "libvips"},
		"data is a file":    {append(sound, "--data", file), "--data"},
		"unreadable rules":  {append(sound, "--initial-rules", filepath.Join(images, "no.json")), "rules"},
	} {
		t.Run(name, func(t *testing.T) {
			status, said := tessera(t, nil, append([]string{"serve"}, c.args...)...)
			if status != 2 || !strings.Contains(said, c.want) || strings.Contains(said, "goroutine") {
				t.Errorf("status %d, said %q, want %q in it", status, said, c.want)
			}
		})
	}
}

func TestConfigCommands(t *testing.T) {
	images, _ := folders(t)
	file := filepath.Join(t.TempDir(), "tessera.yaml")
	if err := os.WriteFile(file, []byte("images: "+images+"\njpeg-quality: 70\nadmin-password: c4n4ry\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, said := tessera(t, []string{"TESSERA_TILE_SIZE=512"}, "config", "print", "--config", file, "--decoders", "3")
	for _, want := range []string{"# file", "# environment", "# flag", "# default"} {
		if !strings.Contains(said, want) {
			t.Errorf("print lacks %q:\n%s", want, said)
		}
	}
	if status != 0 || strings.Contains(said, "c4n4ry") {
		t.Errorf("status %d, said %s", status, said)
	}
	if status, said := tessera(t, nil, "config", "check", "--config", file); status != 0 || !strings.Contains(said, "sound") {
		t.Errorf("check: %d %s", status, said)
	}
	if status, said := tessera(t, []string{"TESSERA_JPEG_QUALITY=101"}, "config", "check", "--config", file); status != 2 || !strings.Contains(said, "1 to 100") {
		t.Errorf("check of a bad value: %d %s", status, said)
	}
}

// R65: versions are named, and those known to be bad warned of, by the command and at start.
func TestVersionNamesTheLibraries(t *testing.T) {
	status, said := tessera(t, nil, "version")
	for _, want := range []string{"tessera", "go1.", "libvips 8.", "OpenJPEG 2."} {
		if status != 0 || !strings.Contains(said, want) {
			t.Errorf("status %d, %q lacks %q", status, said, want)
		}
	}
	images, data := folders(t)
	s := start(t, images, data)
	if told, warned := strings.Count(said, "note: "), strings.Count(s.stderr.String(), "has a known fault"); told != warned {
		t.Errorf("%d notes, %d warnings at start:\n%s%s", told, warned, said, s.stderr)
	}
}
