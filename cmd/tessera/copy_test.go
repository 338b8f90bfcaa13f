package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/password"
)

// call runs a command as the shell does.
func call(args ...string) (status int, said string) {
	var out bytes.Buffer
	ctx := context.Background()
	status = run(ctx, ctx, environment{args: args, stdin: strings.NewReader(""), stdout: &out, stderr: &out})
	return status, out.String()
}

// inhabited is a data folder with one administrator.
func inhabited(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	opened, err := db.Open(t.Context(), "sqlite:"+filepath.Join(data, "tessera.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close() //nolint:errcheck // the copy shows whether it was written
	c, err := coordinator.New(coordinator.Config{DB: opened, Passwords: password.Config{MemoryKiB: 64, Iterations: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Bootstrap(t.Context(), "admin", "a secret of hers"); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBackupAndRestore(t *testing.T) {
	data, folder := inhabited(t), t.TempDir()
	file, elsewhere := filepath.Join(folder, "people.jsonl"), "sqlite:"+filepath.Join(folder, "other.db")
	for _, step := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"backup", file, "--data", folder}, 2, "no database to copy"},
		{[]string{"backup", "--data", data}, 2, "FILE"},
		{[]string{"backup", file, "--db", "mysql://canary"}, 2, "sqlite:PATH"},
		{[]string{"backup", file, "--data", data}, 0, "1 users"},
		{[]string{"backup", file, "--data", data}, 2, "there already"},
		{[]string{"restore", file, "--data", data}, 2, "not empty"},
		{[]string{"restore", file + "x", "--db", elsewhere}, 2, "cannot read the copy"},
		{[]string{"restore", file, "--db", elsewhere}, 0, "1 users"},
		{[]string{"backup", file + "2", "--db", elsewhere}, 0, "1 users"},
	} {
		if status, said := call(step.args...); status != step.status || !strings.Contains(said, step.says) || strings.Contains(said, "canary") {
			t.Errorf("%v: status %d, %s", step.args, status, said)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the copy: %v, %v", info, err)
	}
	one, errOne := os.ReadFile(file)
	two, errTwo := os.ReadFile(file + "2")
	_, one, _ = bytes.Cut(one, []byte("\n")) // the head has the time
	_, two, _ = bytes.Cut(two, []byte("\n"))
	if errOne != nil || errTwo != nil || len(one) == 0 || !bytes.Equal(one, two) {
		t.Errorf("%s\nbecame\n%s", one, two)
	}
}
