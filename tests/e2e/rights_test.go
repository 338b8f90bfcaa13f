package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const rulesForTests = `{"items": [
 {"name": "open", "images": ["open"], "access": "open"},
 {"name": "secret", "images": ["secret"], "access": "hidden"},
 {"name": "closed", "images": ["closed"], "access": "deny"},
 {"name": "staff", "images": ["staff"], "access": "groups", "groups": ["staff"]}
]}`

// library is a server with an image for each kind of rule and two readers.
func library(t *testing.T, flags ...string) (s *server, admin, plain, staff *http.Client) {
	t.Helper()
	images, data := folders(t)
	for _, id := range []string{"open", "secret", "closed", "staff", "members"} {
		writeJP2(t, images+"/"+id+".jp2", squares(), "-t", "256,256", "-n", "5")
	}
	s = start(t, images, data, flags...)
	admin = s.signIn(adminEmail, adminPassword)
	if a := s.api(admin, "PUT", "/rules", rulesForTests); a.StatusCode >= 300 {
		t.Fatalf("rules: %s %s", a.Status, a.body)
	}
	for email, groups := range map[string]string{"plain@example.org": "[]", "staff@example.org": `["staff"]`} {
		body := `{"email":"` + email + `","name":"A Reader","password":"` + adminPassword + `","groups":` + groups + `,"admin":false,"active":true}`
		if a := s.api(admin, "POST", "/users", body); a.StatusCode != http.StatusCreated {
			t.Fatalf("user: %s %s", a.Status, a.body)
		}
	}
	plain, staff = s.signIn("plain@example.org", adminPassword), s.signIn("staff@example.org", adminPassword)
	s.eventually("the rules are in force", func() bool { return s.get("/iiif/3/open/full/10,/0/default.jpg").StatusCode == 200 })
	return s, admin, plain, staff
}

// eventually polls until a condition holds, for at most five seconds.
func (s *server) eventually(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			s.t.Fatalf("never: %s\n%s", what, s.stderr)
		case <-tick.C:
		}
	}
}

func TestRules(t *testing.T) {
	s, _, plain, staff := library(t)
	tilePath := "/0,0,256,256/256,256/0/default.jpg"
	for _, c := range []struct {
		id                      string
		stranger, plain, member int
	}{
		{"open", 200, 200, 200},
		{"members", 401, 200, 200},
		{"staff", 401, 403, 200},
		{"closed", 403, 403, 403},
		{"secret", 404, 404, 404},
		{"nothing", 404, 404, 404},
	} {
		for who, want := range map[*http.Client]int{stranger(): c.stranger, plain: c.plain, staff: c.member} {
			for _, prefix := range []string{"/iiif/3/", "/iiif/2/", "/iiif/images/"} {
				a := s.do(who, http.MethodGet, prefix+c.id+tilePath)
				if a.StatusCode != want {
					t.Errorf("%s%s: %d, want %d", prefix, c.id, a.StatusCode, want)
				}
				if cc := a.Header.Get("Cache-Control"); want == 200 && (c.id == "open") != strings.Contains(cc, "public") {
					t.Errorf("R29: %s%s: Cache-Control %q", prefix, c.id, cc)
				}
				if a.Header.Get("Access-Control-Allow-Origin") != "*" {
					t.Errorf("A-250: %s%s lacks CORS on %d", prefix, c.id, a.StatusCode)
				}
			}
		}
	}
}

// A warm cache opens nothing to a stranger (R28).
func TestWarmCacheIsNoDoor(t *testing.T) {
	s, _, plain, _ := library(t)
	path := "/iiif/3/members/0,0,256,256/256,256/0/default.jpg"
	warm := s.do(plain, http.MethodGet, path)
	etag := warm.Header.Get("ETag")
	if again := s.do(plain, http.MethodGet, path, "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
		t.Errorf("insider's conditional request: %s", again.Status)
	}
	for _, c := range []struct {
		method  string
		headers []string
	}{
		{"GET", nil},
		{"HEAD", nil},
		{"GET", []string{"If-None-Match", etag}},
		{"GET", []string{"Range", "bytes=0-10"}},
		{"GET", []string{"X-Forwarded-For", "127.0.0.1", "X-Forwarded-User", "admin"}},
		{"GET", []string{"Authorization", "Bearer undefined"}},
	} {
		if a := s.do(stranger(), c.method, path, c.headers...); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s %v: %s", c.method, c.headers, a.Status)
		}
	}
}

var message = regexp.MustCompile(`"accessToken":\s*"([^"]+)"`)

// Auth 1.0 and Authorization Flow 2.0 from description to probe and back (C.7, D.6).
func TestAuthFlows(t *testing.T) {
	s, admin, plain, _ := library(t)
	for _, version := range []string{"1", "2"} {
		page := "login"
		if version == "2" {
			page = "access"
		}
		viewer := s.url // same site
		s.do(plain, http.MethodGet, "/auth/"+version+"/members/"+page+"?origin="+url.QueryEscape(viewer))
		a := s.do(plain, http.MethodGet, "/auth/"+version+"/members/token?messageId=m1&origin="+url.QueryEscape(viewer), "Sec-Fetch-Dest", "iframe")
		found := message.FindSubmatch(a.body)
		if a.StatusCode != 200 || found == nil {
			t.Fatalf("Auth %s token: %s %s", version, a.Status, a.body)
		}
		bearer := "Bearer " + string(found[1])
		if version == "1" {
			if a := s.get("/iiif/2/members/info.json"); a.StatusCode != 401 || !strings.Contains(string(a.body), "/auth/1/members/login") {
				t.Errorf("C-020: %s %s", a.Status, a.body)
			}
			if a := s.get("/iiif/2/members/info.json", "Authorization", bearer); a.StatusCode != 200 {
				t.Errorf("C-021: %s", a.Status)
			}
		} else {
			if got := s.probe("members", bearer); got != 200 {
				t.Errorf("D-072: %d", got)
			}
			if got := s.probe("members", ""); got != 401 {
				t.Errorf("D-071: %d", got)
			}
			if got := s.probe("secret", bearer); got != 404 {
				t.Errorf("R33: %d", got)
			}
		}
		if a := s.get("/iiif/3/members/full/10,/0/default.jpg", "Authorization", bearer); a.StatusCode != 401 {
			t.Errorf("R37: an access token opened an image: %s", a.Status)
		}
	}
	// Ending the session ends what stood for it.
	var list struct {
		Items []struct{ ID, Email, User string }
	}
	if err := json.Unmarshal(s.api(admin, "GET", "/sessions", "").body, &list); err != nil || len(list.Items) < 3 {
		t.Fatalf("sessions: %v %+v", err, list)
	}
	for _, item := range list.Items {
		if item.Email != adminEmail {
			s.api(admin, "DELETE", "/sessions/"+item.ID, "")
		}
	}
	s.eventually("an ended session opens nothing", func() bool {
		return s.do(plain, http.MethodGet, "/iiif/3/members/full/10,/0/default.jpg").StatusCode == 401
	})
}

func (s *server) probe(id, bearer string) int {
	s.t.Helper()
	var headers []string
	if bearer != "" {
		headers = []string{"Authorization", bearer}
	}
	a := s.get("/auth/probe/"+id, headers...)
	var result struct {
		Type   string
		Status int
	}
	if err := json.Unmarshal(a.body, &result); err != nil || a.StatusCode != 200 || result.Type != "AuthProbeResult2" {
		s.t.Fatalf("probe of %s: %s %s", id, a.Status, a.body)
	}
	return result.Status
}

// The command line administers a running server.
func TestAdminCommands(t *testing.T) {
	s, _, _, _ := library(t)
	env := []string{"TESSERA_SERVER=" + s.url, "TESSERA_USER=" + adminEmail, "TESSERA_PASSWORD=" + adminPassword}
	status, secret := tessera(t, env, "admin", "token", "create", "for tests")
	if status != 0 {
		t.Fatalf("token create: %d %s", status, secret)
	}
	env = []string{"TESSERA_SERVER=" + s.url, "TESSERA_TOKEN=" + strings.TrimSpace(secret)}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"admin", "user", "add", "ada@example.org", "--name", "Ada", "--group", "staff"}, "added ada@example.org"},
		{[]string{"admin", "user", "list"}, "ada@example.org"},
		{[]string{"admin", "rule", "list"}, "staff"},
		{[]string{"admin", "session", "list"}, "staff@example.org"},
		{[]string{"admin", "user", "set", "ada@example.org", "--group", ""}, "changed"},
		{[]string{"explain", "--user", "ada@example.org", "--image", "staff"}, "staff"},
		{[]string{"admin", "user", "delete", "ada@example.org"}, ""},
	} {
		if status, said := tessera(t, env, c.args...); status != 0 || !strings.Contains(said, c.want) {
			t.Errorf("%v: %d %s", c.args, status, said)
		}
	}
	if status, said := tessera(t, env, "admin", "user", "set", "nobody@example.org", "--admin"); status != 1 || !strings.Contains(said, "nobody@example.org") {
		t.Errorf("unknown user: %d %s", status, said)
	}
}

// SIGTERM finishes what is under way, and the process says it is not ready (R14).
func TestDrain(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, images+"/large.jp2", gradient(4000, 3000), "-t", "1024,1024", "-n", "6")
	s := start(t, images, data, "--default-access", "open")
	answers := make(chan answer, 4)
	for i := range cap(answers) {
		go func() {
			a, err := s.try(stranger(), http.MethodGet, "/iiif/3/large/"+[]string{"full", "0,0,3999,2999", "1,1,3999,2999", "0,1,3999,2999"}[i]+"/max/0/default.png")
			if err != nil {
				a = answer{Response: &http.Response{Status: err.Error()}}
			}
			answers <- a
		}()
	}
	s.eventually("all of it is under way", func() bool {
		return s.metric("tessera_worker_in_flight")+s.metric("tessera_worker_waiting") == float64(cap(answers))
	})
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.eventually("nobody is sent here any more", s.draining)
	for range cap(answers) {
		if a := <-answers; a.StatusCode != 200 || int64(len(a.body)) != a.ContentLength {
			t.Errorf("during drain: %s, %d bytes", a.Status, len(a.body))
		}
	}
	<-s.exited
	if s.exitErr != nil {
		t.Errorf("ended with %v\n%s", s.exitErr, s.stderr)
	}
}

// R14: a second SIGTERM waits for nothing.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, images+"/large.jp2", gradient(4000, 3000), "-t", "1024,1024", "-n", "6")
	s := start(t, images, data, "--default-access", "open", "--upscaling", "--max-width", "8000")
	answered := make(chan error, 1)
	go func() { // far more work than two signals take
		a, err := s.try(stranger(), http.MethodGet, "/iiif/3/large/full/%5Emax/33.3/default.png")
		if err == nil && (a.StatusCode != 200 || int64(len(a.body)) != a.ContentLength) {
			err = errors.New(a.Status)
		}
		answered <- err
	}()
	s.eventually("work is under way", func() bool { return s.metric("tessera_worker_in_flight") > 0 })
	for range 2 {
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s.eventually("it is heard", s.draining) // two at once are one to the kernel
	}
	<-s.exited
	if err := <-answered; err == nil {
		t.Error("the work was waited for")
	}
}

// draining tells whether the server says that it is going, or has gone.
func (s *server) draining() bool {
	resp, err := http.Get(s.ops + "/readyz")
	if err != nil {
		return true
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusServiceUnavailable
}

// metric is the value of a metric without labels; -1 while it cannot be had.
func (s *server) metric(name string) float64 {
	r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.ops+"/metrics", nil)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err == nil {
				return n
			}
		}
	}
	return -1
}
