package coordinator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/internal/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Both(m)) }

const (
	adminEmail    = "admin@localhost"
	adminPassword = "a mosaic of small stones"
	readerEmail   = "reader@example.org"
	readerSecret  = "quiet bone ground"
	api           = "/auth/admin/api/v1"
)

// stage is a coordinator on a database of its own, behind what an edge does to
// requests, with a clock that stands still.
type stage struct {
	t      *testing.T
	base   string // public address
	c      *coordinator.Coordinator
	db     *db.DB
	source string // of the database
	log    *bytes.Buffer

	mu        sync.Mutex
	now       time.Time
	announced []int64
	tell      func(revision int64) // told of what is announced, nil: nobody
}

func newStage(t *testing.T, change ...func(*coordinator.Config)) *stage {
	t.Helper()
	return newStageOn(t, dbtest.Source(t), change...)
}

func newStageOn(t *testing.T, source string, change ...func(*coordinator.Config)) *stage {
	t.Helper()
	s := &stage{
		t: t, base: "https://iiif.example.org", source: source, log: &bytes.Buffer{},
		now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
	}
	s.open(change...)
	if _, err := s.c.Bootstrap(t.Context(), adminEmail, adminPassword); err != nil {
		t.Fatal(err)
	}
	return s
}

// open opens the database and puts a coordinator before it; a second call is a
// restart.
func (s *stage) open(change ...func(*coordinator.Config)) {
	s.t.Helper()
	if s.db != nil {
		if err := s.db.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
	s.db = dbtest.Open(s.t, s.source)
	config := coordinator.Config{
		DB: s.db, Now: s.time, Announce: s.announce,
		Passwords: password.Config{MemoryKiB: 64, Iterations: 1},
		Log:       slog.New(slog.NewTextHandler(s.log, nil)),
	}
	for _, f := range change {
		f(&config)
	}
	c, err := coordinator.New(config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.c = c
}

func (s *stage) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *stage) announce(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announced = append(s.announced, revision)
	if s.tell != nil {
		s.tell(revision)
	}
}

func (s *stage) lastAnnounced() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.announced) == 0 {
		return 0
	}
	return s.announced[len(s.announced)-1]
}

// browser keeps cookies and never follows redirects by itself.
type browser struct {
	*stage
	jar    http.CookieJar
	addr   string
	header http.Header // sent with every request
}

func (s *stage) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{stage: s, jar: jar, addr: "192.0.2.7:4711", header: http.Header{}}
}

func (b *browser) do(method, target, contentType, body string, header ...string) *http.Response {
	b.t.Helper()
	u, err := url.Parse(b.base + target)
	if err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.t.Context(), method, u.String(), strings.NewReader(body))
	r.RemoteAddr = b.addr
	r.TLS = nil // as behind a proxy: the edge says which scheme it is
	for name, values := range b.header {
		r.Header[name] = values
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for _, cookie := range b.jar.Cookies(u) {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	b.c.ServeHTTP(w, r)
	response := w.Result()
	b.checkCookies(response)
	b.jar.SetCookies(u, response.Cookies())
	return response
}

// checkCookies holds every cookie of every test to R39. Over plain HTTP, which is for one's
// own machine, browsers take neither Secure nor the prefix that wants it. The choice of
// colours is no credential and needs no prefix.
func (b *browser) checkCookies(response *http.Response) {
	b.t.Helper()
	secure := strings.HasPrefix(b.base, "https:")
	for _, c := range response.Cookies() {
		if !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != (secure && c.Name != "tessera_scheme") ||
			c.SameSite == http.SameSiteDefaultMode || len(c.Raw) > 4096 {
			b.t.Errorf("R39: cookie %s", c.Raw)
		}
	}
}

func (b *browser) get(target string, header ...string) *http.Response {
	b.t.Helper()
	return b.do(http.MethodGet, target, "", "", header...)
}

// post sends a form as one of our own pages does.
func (b *browser) post(target string, form url.Values, header ...string) *http.Response {
	b.t.Helper()
	return b.do(http.MethodPost, target, "application/x-www-form-urlencoded", form.Encode(),
		append([]string{"Origin", b.base}, header...)...)
}

func (b *browser) login(email, password string) *http.Response {
	b.t.Helper()
	return b.post("/auth/login", url.Values{"email": {email}, "password": {password}})
}

// mustLogin signs in and gives the hash of the session cookie.
func (b *browser) mustLogin(email, password string) session.Hash {
	b.t.Helper()
	b.want(b.login(email, password), http.StatusSeeOther)
	return session.HashOf(b.cookie("session"))
}

// cookie gives the value of the cookie whose name ends so, "" if there is none.
func (b *browser) cookie(name string) string {
	b.t.Helper()
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range b.jar.Cookies(u) {
		if strings.HasSuffix(cookie.Name, "tessera_"+name) {
			return cookie.Value
		}
	}
	return ""
}

// call calls the JSON API as a page does and decodes the answer if into is given.
func (b *browser) call(method, path string, body, into any, header ...string) *http.Response {
	b.t.Helper()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			b.t.Fatal(err)
		}
	}
	response := b.do(method, api+path, "application/json", string(sent), append([]string{"Origin", b.base}, header...)...)
	if into != nil {
		if err := json.Unmarshal([]byte(text(b.t, response)), into); err != nil {
			b.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return response
}

func (b *browser) want(response *http.Response, status int) string {
	b.t.Helper()
	body := text(b.t, response)
	if response.StatusCode != status {
		b.t.Fatalf("status %d, want %d:\n%s", response.StatusCode, status, body)
	}
	return body
}

// text reads a body, again and again if need be.
func text(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// admin is a browser of the signed-in administrator.
func (s *stage) admin() *browser {
	s.t.Helper()
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	return b
}

type userJSON struct {
	ID     string   `json:"id"`
	Email  string   `json:"email"`
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
	Admin  bool     `json:"admin"`
	Active bool     `json:"active"`
}

// reader adds the reader's account.
func (s *stage) reader(groups ...string) userJSON {
	s.t.Helper()
	var u userJSON
	b := s.admin()
	b.want(b.call(http.MethodPost, "/users", map[string]any{
		"email": readerEmail, "name": "Rita Reader", "password": readerSecret, "groups": append([]string{}, groups...),
	}, &u), http.StatusCreated)
	return u
}

// knows tells whether a credential still opens anything.
func (s *stage) knows(kind session.Kind, hash session.Hash) bool {
	s.t.Helper()
	_, err := s.c.Lookup(s.t.Context(), kind, hash)
	return err == nil
}

// endedSince lists what edges are told to forget.
func (s *stage) endedSince(revision int64) map[session.Hash]bool {
	s.t.Helper()
	rights, err := s.c.Rights(s.t.Context(), revision)
	if err != nil {
		s.t.Fatal(err)
	}
	if !rights.Complete {
		s.t.Fatal("the log of changes is not complete")
	}
	ended := map[session.Hash]bool{}
	for _, hash := range rights.Ended {
		ended[hash] = true
	}
	return ended
}

func (s *stage) revision() int64 {
	s.t.Helper()
	rights, err := s.c.Rights(s.t.Context(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return rights.Revision
}

func overHTTP(s *stage) *stage {
	s.base = "http://localhost:8080"
	return s
}
