package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const clientSecret = "a secret of the client"

// launch starts a program until the test ends.
func launch(t *testing.T, cmd *exec.Cmd) (stdout *bufio.Scanner) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &lockedBuffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", filepath.Base(cmd.Path), cmd.Stderr)
		}
	})
	return bufio.NewScanner(out)
}

// startOP starts the certified provider for a server at url and gives its issuer.
func startOP(t *testing.T, url string) string {
	t.Helper()
	issuer, _ := startRotatingOP(t, url)
	return issuer
}

// startRotatingOP does so and can have it sign by a new key.
func startRotatingOP(t *testing.T, url string) (issuer string, rotate func()) {
	t.Helper()
	cmd := exec.Command("../../scripts/op.sh")
	cmd.Env = append(os.Environ(), "RP="+url, "RP_CALL="+strings.Replace(url, "localhost", "127.0.0.1", 1))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	lines := launch(t, cmd)
	said := func(word string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), word); ok {
				return strings.TrimSpace(rest)
			}
		}
		t.Fatal("the provider did not say ", word, ": ", cmd.Stderr)
		return ""
	}
	return said("ready "), func() {
		if _, err := io.WriteString(in, "rotate\n"); err != nil {
			t.Fatal(err)
		}
		said("rotated")
	}
}

const dexConfig = `
issuer: %[1]s
storage: {type: memory}
web: {http: %[2]s}
oauth2: {skipApprovalScreen: true, passwordConnector: local, responseTypes: [code]}
staticClients:
  - {id: tessera, name: Tessera, secret: %[4]s, redirectURIs: [%[3]s/auth/oidc/default/callback]}
enablePasswordDB: true
staticPasswords:
  - {email: alice@example.edu, username: Alice Reader, userID: "08a8684b", groups: [staff], hash: "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"}
`

// dexVariable names Dex's program. Building it takes minutes, so it is part of make soak
// alone.
const dexVariable = "DEX"

// startDex starts Dex for a server at url and gives its issuer.
func startDex(t *testing.T, url string) string {
	t.Helper()
	binary := os.Getenv(dexVariable)
	address := freeAddress(t)
	issuer := "http://" + address + "/dex"
	config := filepath.Join(t.TempDir(), "dex.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, dexConfig, issuer, address, url, clientSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	launch(t, exec.Command(binary, "serve", config))
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if resp, err := http.Get(issuer + "/.well-known/openid-configuration"); err == nil {
			resp.Body.Close()
			return issuer
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("Dex does not answer")
	return ""
}

func writeFile(t *testing.T, name, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
