// Package s3test runs a real S3 server for tests: versitygw, or MinIO where
// S3_SERVER=minio says so.
package s3test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The server's only keys, which may do everything.
const (
	AccessKey = "tessera-test"
	SecretKey = "tessera-test-secret" //nolint:gosec // of a server that lives for one test
)

// Server is a running S3 server on loopback.
type Server struct {
	Address string // host:port
	Folder  string // where it keeps buckets; with versitygw a folder each

	cmd     *exec.Cmd
	log     string
	exited  chan struct{}
	buckets atomic.Int64 // made by tests so far
}

// Endpoint is the server's address as a setting.
func (s *Server) Endpoint() string { return "http://" + s.Address }

// Start runs a server in folders of its own until the test ends. It fails the test
// where the server has not been built.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := Run(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Run starts a server that keeps all its files in dir; Stop ends it.
func Run(dir string) (*Server, error) {
	name := os.Getenv("S3_SERVER")
	if name == "" {
		name = "versitygw"
	}
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Address: address, Folder: filepath.Join(dir, "buckets"), log: filepath.Join(dir, "server.log"), exited: make(chan struct{})}
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		return nil, err
	}
	if name == "minio" {
		s.cmd = reference(path, s)
		return s, s.start()
	}
	path, args, env, err := Command(s.Address, dir)
	if err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(context.Background(), path, args...)
	s.cmd.Env = append(os.Environ(), env...)
	return s, s.start()
}

// program is the path of a server that scripts/servers.sh has built.
func program(name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(root(), ".cache", "tools", name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s has not been built: run `make setup-test` (or scripts/servers.sh .cache/tools %s)", name, name)
	}
	return path, nil
}

// Command is what starts versitygw with all its files in dir, for who minds the
// process; it answers at /health when it is ready.
func Command(address, dir string) (path string, args, env []string, err error) {
	if path, err = program("versitygw"); err != nil {
		return "", nil, nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil { // it changes its folder
		return "", nil, nil, err
	}
	people, buckets := filepath.Join(dir, "people"), filepath.Join(dir, "buckets")
	args = []string{"--quiet", "--port", address, "--health", "/health", "--iam-dir", people, "posix", buckets}
	env = []string{"ROOT_ACCESS_KEY=" + AccessKey, "ROOT_SECRET_KEY=" + SecretKey}
	return path, args, env, errors.Join(os.MkdirAll(people, 0o700), os.MkdirAll(buckets, 0o700))
}

func reference(path string, s *Server) *exec.Cmd {
	console, _ := freePort()
	cmd := exec.CommandContext(context.Background(), path, "server", s.Folder, "--address", s.Address, "--console-address", console) //nolint:gosec // likewise
	cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+AccessKey, "MINIO_ROOT_PASSWORD="+SecretKey, "MINIO_BROWSER=off", "MINIO_UPDATE=off")
	return cmd
}

func (s *Server) start() error {
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	return s.wait()
}

// wait polls the health page for half a minute.
func (s *Server) wait() error {
	url := s.Endpoint() + "/health"
	if os.Getenv("S3_SERVER") == "minio" {
		url = s.Endpoint() + "/minio/health/ready"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for !answers(ctx, url) {
		select {
		case <-s.exited:
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
			continue
		}
		lines, _ := os.ReadFile(s.log)
		s.Stop()
		return fmt.Errorf("the S3 server does not answer; it said:\n%s", lines)
	}
	return nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// User makes a user without any rights but those that bucket policies give. Only
// versitygw's are known here: soak runs against MinIO do without.
func (s *Server) User(t testing.TB, access, secret string) {
	t.Helper()
	if os.Getenv("S3_SERVER") == "minio" {
		t.Skip("users of MinIO are made by mc")
	}
	if err := (&Admin{endpoint: s.Endpoint()}).User(t.Context(), access, secret); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server at once.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// root is the repository's folder. A program built with -trimpath does not know, and
// has to be run there.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	if !filepath.IsAbs(file) {
		return ""
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
}

func freePort() (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
