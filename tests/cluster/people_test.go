package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A sign-in at one edge is good at every other at once. A thousand of them (make soak)
// take a thousand password hashes; every day fewer have to do.
func TestSignInCountsEverywhere(t *testing.T) {
	sessions := 200
	if os.Getenv("TESSERA_TEST_SOAK") != "" {
		sessions = 1000
	}
	c := start(t)
	admin := signIn(t, c.edge(0), adminEmail)
	const accounts = 5
	for i := range accounts {
		member(t, c.edge(0), admin, fmt.Sprintf("reader-%d@example.org", i))
	}
	began := time.Now()
	refused := 0
	for i := range sessions {
		here, there := c.edge(i%2), c.edge((i+1)%2)
		session := signIn(t, here, fmt.Sprintf("reader-%d@example.org", i%accounts))
		if a := get(t, there+tileOf("members", (i%4)*256, 0), "Cookie", session); a.StatusCode != http.StatusOK {
			refused++
			t.Errorf("session %d at the other edge: %s %s", i, a.Status, a.body)
		}
	}
	t.Logf("%d sign-ins, %d refused elsewhere, %.0f ms each", sessions, refused, float64(time.Since(began).Milliseconds())/float64(sessions))
}

// R24: what a coordinator has acknowledged to be taken away is refused by every edge
// within a second.
func TestRevocationIsObeyedEverywhere(t *testing.T) {
	c := start(t)
	admin := signIn(t, c.edge(0), adminEmail)
	member(t, c.edge(0), admin, "reader@example.org")
	const bound = time.Second
	slowest := time.Duration(0)
	for i := range 10 {
		session := signIn(t, c.edge(0), "reader@example.org")
		for e := range c.Edges() {
			if a := get(t, c.edge(e)+tileOf("members", 0, 0), "Cookie", session); a.StatusCode != http.StatusOK {
				t.Fatalf("before: %s", a.Status)
			}
		}
		id := sessionOf(t, c, admin, "reader@example.org")
		if a := api(t, c.edge(i%2), admin, http.MethodDelete, "/sessions/"+id, ""); a.StatusCode >= 300 {
			t.Fatalf("ending a session: %s %s", a.Status, a.body)
		}
		acknowledged := time.Now()
		for e := range c.Edges() {
			for get(t, c.edge(e)+tileOf("members", 0, 0), "Cookie", session).StatusCode != http.StatusUnauthorized {
				if time.Since(acknowledged) > bound {
					t.Fatalf("edge %d shows it %s after the acknowledgement", e+1, time.Since(acknowledged))
				}
			}
		}
		slowest = max(slowest, time.Since(acknowledged))
	}
	t.Logf("obeyed by both edges after %s at the latest", slowest)
}

// sessionOf finds the one live session of somebody.
func sessionOf(t *testing.T, c *cluster, admin, email string) string {
	t.Helper()
	a := api(t, c.edge(0), admin, http.MethodGet, "/sessions", "")
	var page struct {
		Items []struct{ ID, Email, Network string }
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	for _, s := range page.Items {
		if s.Email == email {
			return s.ID
		}
	}
	t.Fatalf("no session of %s in %s", email, a.body)
	return ""
}

// Without a coordinator nobody new gets in, which is said clearly, and all else goes on.
func TestCoordinatorAway(t *testing.T) {
	c, session := reader(t)
	c.Process("coordinator-1").Kill()
	for i, e := range c.Edges() {
		for _, row := range []struct {
			name, path, cookie string
			status             int
		}{
			{"open image", tileOf("open", 64*i, 0), "", 200},
			{"known session", tileOf("members", 64*i, 0), session, 200},
			{"nobody", tileOf("members", 64*i, 0), "", 401},
			{"a session nobody can be asked about", tileOf("members", 64*i, 0), "tessera_session=unheard-of", 503},
			{"description", "/iiif/3/members%2Fmap/info.json", "", 200},
			{"start page", "/", "", 200},
		} {
			a := get(t, e.URL+row.path, "Cookie", row.cookie)
			if a.StatusCode != row.status {
				t.Errorf("%s at %s: %s %s", row.name, e.Name, a.Status, a.body)
			}
		}
		for _, a := range []answer{get(t, e.URL+"/auth/login"), post(t, e.URL, adminEmail), get(t, e.URL+"/auth/2/members/access?origin=https://viewer.example")} {
			if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				t.Errorf("signing in at %s: %s %v", e.Name, a.Status, a.Header)
			}
			contains(t, "the page", a.body, "Signing in is not possible at the moment")
		}
		a := api(t, e.URL, session, http.MethodGet, "/users", "")
		if a.StatusCode != 503 || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("the API at %s: %s %v", e.Name, a.Status, a.Header)
		}
		if !e.Ready(t.Context()) {
			t.Errorf("%s is not ready, though it shows what it may", e.Name)
		}
	}
	c.startAgain("coordinator-1")
	for i := range c.Edges() {
		c.eventually("sign-in works again", func() bool { return post(t, c.edge(i), adminEmail).StatusCode == http.StatusSeeOther })
	}
}

// R31: what a client makes up about itself does not reach the coordinator, whichever
// way it comes.
func TestForgedHeaders(t *testing.T) {
	c := start(t)
	admin := signIn(t, c.edge(0), adminEmail)
	member(t, c.edge(0), admin, "reader@example.org")
	forged := []string{
		"X-Forwarded-For", "203.0.113.7", "X-Real-Ip", "203.0.113.7", "Forwarded", `for=203.0.113.7;host=evil.example;proto=https`,
		"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https",
	}
	a := post(t, c.edge(1), "reader@example.org", forged...)
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	if cookie := a.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "tessera_session=") {
		t.Errorf("a forged scheme made the cookie %s", strings.SplitN(cookie, "=", 2)[0])
	}
	sessions := api(t, c.edge(0), admin, http.MethodGet, "/sessions", "").body
	contains(t, "the sessions", sessions, "127.0.0.0/24")
	if strings.Contains(sessions, "203.0.113") {
		t.Errorf("a forged address came through: %s", sessions)
	}
	if a := post(t, c.edge(1), "reader@example.org", "Origin", "http://evil.example"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a sign-in from another site: %s", a.Status)
	}
	// Who reaches the coordinator itself and does not talk as an edge gets nothing.
	direct := c.Coordinators()[0]
	for _, header := range [][]string{nil, {"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https"}} {
		a := get(t, direct+"/auth/login", header...)
		if a.StatusCode != http.StatusMisdirectedRequest || strings.Contains(a.body, "evil") {
			t.Errorf("asked directly: %s %s", a.Status, a.body)
		}
	}
}
