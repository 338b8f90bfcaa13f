package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startTime = 60 * time.Second
	account   = "postgres" // owns the server where the tests run as root, which PostgreSQL refuses
)

// Server is a PostgreSQL server with a cluster of its own, reached by a socket in
// its folder alone.
type Server struct {
	bin, dir string
	as       *syscall.Credential // nil: as ourselves
	schemas  atomic.Int64

	process *os.Process
	ended   chan struct{} // closed when process has ended
}

// NewServer starts a server of the test's own, to be stopped and started at will.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Installed tells whether this machine has the server's programs.
func Installed() bool {
	_, err := programs()
	return err == nil
}

// Run starts a server for who is no test; Remove ends it.
func Run() (*Server, error) { return start() }

// Remove ends the server and deletes all it had.
func (s *Server) Remove() error { return s.remove() }

// Main names the database that is there from the start, with nothing in it.
func (s *Server) Main() string { return s.source("") }

func start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	if err := s.makeFolder(); err != nil {
		return nil, err
	}
	// Sorted as an English-speaking site would have it: nothing may depend on the
	// order of bytes.
	initdb := s.command("initdb", "--pgdata", s.data(), "--username", account, "--auth", "trust", "--no-sync",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(s.dir))
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// programs finds the newest server programs that Debian has installed.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("these tests need the PostgreSQL server, and there is none under /usr/lib/postgresql: run `make setup-test`")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

func (s *Server) makeFolder() (err error) {
	if s.dir, err = os.MkdirTemp("", "tessera-postgres-"); err != nil || os.Getuid() != 0 {
		return err
	}
	owner, err := user.Lookup(account)
	if err != nil {
		return fmt.Errorf("PostgreSQL does not run as root: %w; run `make setup-test`, which brings that account", err)
	}
	uid, errUID := strconv.ParseUint(owner.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(owner.Gid, 10, 32)
	s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return errors.Join(errUID, errGID, os.Chown(s.dir, int(uid), int(gid)))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(context.Background(), filepath.Join(s.bin, name), args...)
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT}
	return c
}

// Start starts the server, for the first time or after Stop, and waits until it
// takes connections.
func (s *Server) Start() error {
	c := s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=",
		"-c", "max_connections=200", "-c", "fsync=off", "-c", "logging_collector=off")
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	c.Stdout, c.Stderr = log, log
	started := make(chan error)
	s.ended = make(chan struct{})
	go func() {
		// The kernel ends the child with the thread that made it: keep the thread.
		runtime.LockOSThread()
		defer close(s.ended)
		defer log.Close() //nolint:errcheck // a log
		if err := c.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = c.Wait()
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.process = c.Process
	return s.wait()
}

func (s *Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.source(""))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.ended:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL ended at once: %s", log)
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not take connections: %w", err)
		}
	}
}

// Stop ends the server at once, as a crash would, and waits for its end.
func (s *Server) Stop() error {
	if s.process == nil {
		return nil
	}
	err := s.process.Signal(syscall.SIGQUIT)
	<-s.ended
	s.process = nil
	return err
}

func (s *Server) remove() error { return errors.Join(s.Stop(), os.RemoveAll(s.dir)) }

func (s *Server) source(schema string) string {
	query := url.Values{"host": {s.dir}}
	if schema != "" {
		query.Set("search_path", schema)
	}
	return "postgres://" + account + "@/" + account + "?" + query.Encode()
}

// Source names a database with nothing in it: a schema of its own.
func (s *Server) Source(t testing.TB) string {
	t.Helper()
	schema := fmt.Sprintf("test_%d", s.schemas.Add(1))
	conn, err := pgx.Connect(t.Context(), s.source(""))
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), "CREATE SCHEMA "+schema)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return s.source(schema)
}
