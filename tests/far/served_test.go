package far

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// served is a running `tessera serve` on a folder of images, and the memory of it and its
// decoders.
type served struct {
	url  string
	pid  int
	most atomic.Int64 // bytes, pages shared by several processes divided among them (PSS)
	own  atomic.Int64 // of which the server's own, without decoders, at most
}

var addressLine = regexp.MustCompile(`http://(localhost|127\.0\.0\.1):\d+`)

// serve runs it until the test ends.
func serve(t *testing.T, images string) *served {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(filepath.Dir(program), "tessera")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/tessera")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	cmd := exec.Command(bin, "serve", "--images", images, "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0",
		"--ops-listen", "127.0.0.1:0", "--default-access", "open", "--tile-size", "256", "--decoders", "2")
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	s := &served{pid: cmd.Process.Pid}
	for lines := bufio.NewScanner(stdout); s.url == "" && lines.Scan(); {
		s.url = addressLine.FindString(lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	if s.url == "" {
		t.Fatal("tessera does not say where it serves")
	}
	s.watch(t)
	return s
}

// watch looks at the memory ten times a second.
func (s *served) watch(t *testing.T) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				own, all := memoryOf(s.pid)
				s.own.Store(max(s.own.Load(), own))
				s.most.Store(max(s.most.Load(), all))
			}
		}
	}()
	t.Cleanup(func() { close(done); <-ended })
}

// memoryOf is the memory of a process, and that with its children.
func memoryOf(pid int) (own, all int64) {
	rollup, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(rollup)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			own += kb << 10
		}
	}
	all = own
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range threads {
		children, _ := os.ReadFile(path)
		for _, child := range strings.Fields(string(children)) {
			n, _ := strconv.Atoi(child)
			_, more := memoryOf(n)
			all += more
		}
	}
	return own, all
}

// get gives the body of an answer that must be 200.
func (s *served) get(t *testing.T, path string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", path, res.Status, err, body[:min(len(body), 200)])
	}
	return body
}
