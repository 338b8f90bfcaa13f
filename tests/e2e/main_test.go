// Package e2e tests the built program as its users meet it: over HTTP, with real
// files, real decoders and real signals.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	adminEmail    = "admin@localhost"
	adminPassword = "a phrase for tests only"
)

// binDir holds the program under test, built once.
var binDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tessera-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binDir = dir
		for target, cgo := range map[string]string{"tessera": "0", "tessera-decoder": "1"} {
			build := exec.Command("go", "build", "-o", filepath.Join(dir, target), "../../cmd/"+target)
			build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
			if out, err := build.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "building %s: %v\n%s", target, err, out)
				return 1
			}
		}
		return m.Run()
	}())
}

// server is a running `tessera serve`.
type server struct {
	t       *testing.T
	cmd     *exec.Cmd
	url     string // public
	ops     string
	images  string // folder
	data    string
	stdout  *lockedBuffer
	stderr  *lockedBuffer
	exited  chan struct{}
	exitErr error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// folders for a server; pictures are put into images before it starts or after.
func folders(t *testing.T) (images, data string) {
	t.Helper()
	dir := t.TempDir()
	images, data = filepath.Join(dir, "images"), filepath.Join(dir, "data")
	if err := os.Mkdir(images, 0o755); err != nil {
		t.Fatal(err)
	}
	return images, data
}

var addressLine = regexp.MustCompile(`https?://(localhost|127\.0\.0\.1):\d+`)

// start runs `tessera serve` until the test ends.
func start(t *testing.T, images, data string, flags ...string) *server {
	t.Helper()
	s := &server{t: t, images: images, data: data, stdout: &lockedBuffer{}, stderr: &lockedBuffer{}, exited: make(chan struct{})}
	s.ops = "http://" + freeAddress(t)
	args := append([]string{
		"serve", "--images", images, "--data", data, "--listen", "127.0.0.1:0", "--ops-listen", strings.TrimPrefix(s.ops, "http://"),
		"--admin-user", adminEmail, "--admin-password", adminPassword, "--decoders", "2", "--log-format", "json",
	}, flags...)
	s.cmd = exec.Command(filepath.Join(binDir, "tessera"), args...)
	s.cmd.Stderr = s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			fmt.Fprintln(s.stdout, lines.Text())
			if at := addressLine.FindString(lines.Text()); at != "" {
				select {
				case found <- at:
				default:
				}
			}
		}
		s.exitErr = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(s.stop)
	select {
	case s.url = <-found:
	case <-s.exited:
		t.Fatalf("tessera ended: %v\n%s", s.exitErr, s.stderr)
	case <-time.After(30 * time.Second):
		t.Fatalf("tessera does not say where it serves\n%s", s.stderr)
	}
	s.await("/readyz")
	return s
}

// await polls an operator's endpoint until it answers 200.
func (s *server) await(path string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.ops+path, nil)
		if resp, err := http.DefaultClient.Do(r); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("%s never answered 200\n%s", path, s.stderr)
		case <-tick.C:
		}
	}
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(40 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
		s.t.Error("tessera had to be killed")
	}
}

// answer is a response read whole.
type answer struct {
	*http.Response
	body []byte
}

// do sends a request and does not follow redirects. Headers come in pairs.
func (s *server) do(c *http.Client, method, path string, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(c, method, path, headers...)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", method, path, err, s.stderr)
	}
	return a
}

func (s *server) try(c *http.Client, method, path string, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url, nil)
	if err != nil {
		return answer{}, err
	}
	// Paths go out as written: `//`, `[` and `\` are part of what is tested.
	r.URL.Opaque = "//" + r.URL.Host + path
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, body}, err
}

// get asks as a stranger.
func (s *server) get(path string, headers ...string) answer {
	s.t.Helper()
	return s.do(stranger(), http.MethodGet, path, headers...)
}

func stranger() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// signIn gives a client that holds a session.
func (s *server) signIn(email, password string) *http.Client {
	s.t.Helper()
	c := stranger()
	c.Jar, _ = cookiejar.New(nil)
	form := url.Values{"email": {email}, "password": {password}, "next": {"/"}}
	r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/auth/login", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.url)
	resp, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("sign-in of %s answered %s", email, resp.Status)
	}
	return c
}

// api calls the JSON API as the administrator's browser would.
func (s *server) api(c *http.Client, method, path, body string) answer {
	s.t.Helper()
	r, _ := http.NewRequestWithContext(s.t.Context(), method, s.url+"/auth/admin/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", s.url)
	resp, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp, got}
}
