// Package dbtest gives tests real databases: SQLite in a folder of the test, and
// PostgreSQL on a server of the test binary's own. A binary that depends on either
// runs all its tests on both:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Both(m)) }
package dbtest

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/db"
)

// current says which database the tests run on now, and holds the server that the
// first test with PostgreSQL starts.
var current struct {
	postgres bool

	mu     sync.Mutex
	server *Server
}

// Runs are the tests of a binary on both databases.
type Runs struct{ m *testing.M }

// Both runs the tests of a binary twice, with SQLite, then with PostgreSQL.
func Both(m *testing.M) Runs { return Runs{m} }

// Run gives the exit code of the first run that fails, 0 if both pass. Fuzzing,
// benchmarks, a listing of tests and short runs are on SQLite alone.
func (r Runs) Run() int {
	flag.Parse()
	for _, once := range []string{"test.fuzz", "test.bench", "test.list"} {
		if flag.Lookup(once).Value.String() != "" {
			return r.m.Run()
		}
	}
	code := r.m.Run()
	if code == 0 && testing.Short() {
		return 0
	}
	if code != 0 {
		fmt.Fprintln(os.Stderr, "these tests ran on SQLite")
		return code
	}
	current.postgres = true
	defer stopServer()
	code = r.m.Run()
	if code != 0 {
		fmt.Fprintln(os.Stderr, "these tests ran on PostgreSQL; they passed on SQLite")
	}
	return code
}

func stopServer() {
	current.mu.Lock()
	defer current.mu.Unlock()
	if current.server == nil {
		return
	}
	if err := current.server.remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	current.server = nil
}

// IsPostgres tells whether tests run on PostgreSQL now.
func IsPostgres() bool { return current.postgres }

// Source names an empty database, which db.Open may open as often as it likes.
func Source(t testing.TB) string {
	t.Helper()
	if !current.postgres {
		return "sqlite:" + filepath.Join(t.TempDir(), "tessera.db")
	}
	return shared(t).Source(t)
}

// shared is the server of all tests of this binary.
func shared(t testing.TB) *Server {
	t.Helper()
	current.mu.Lock()
	defer current.mu.Unlock()
	if current.server == nil {
		server, err := start()
		if err != nil {
			t.Fatal(err)
		}
		current.server = server
	}
	return current.server
}

// Open opens a source until the test ends.
func Open(t testing.TB, source string) *db.DB {
	t.Helper()
	opened, err := db.Open(context.Background(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// Fresh opens an empty database until the test ends.
func Fresh(t testing.TB) *db.DB {
	t.Helper()
	return Open(t, Source(t))
}

// Exec changes a database behind everybody's back, as whoever has its password can.
func Exec(t testing.TB, source, statement string, args ...any) {
	t.Helper()
	driver, name := "pgx", source
	if path, ok := strings.CutPrefix(source, "sqlite:"); ok {
		driver, name = "sqlite", path
	}
	raw, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close() //nolint:errcheck // what it did shows
	if _, err := raw.ExecContext(context.Background(), statement, args...); err != nil {
		t.Fatal(err)
	}
}
