package coordinator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/internal/session"
)

const (
	sibling = "https://viewer.example.org" // same site as the stage
	foreign = "https://viewer.test"
)

// posted is what a token page posts, and to whom.
type posted struct {
	message map[string]any
	target  string
}

var postMessage = regexp.MustCompile(`window\.parent\.postMessage\((\{.*\}), ?(".*")\);`)

// parseTokenPage reads a token page as a browser would, first as HTML.
func parseTokenPage(t *testing.T, page string) (p posted, script string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	scripts := []string{}
	for node := range root.Descendants() {
		if node.Type == html.ElementNode && node.Data == "script" {
			scripts = append(scripts, node.FirstChild.Data)
		}
	}
	if len(scripts) == 0 {
		return posted{}, ""
	}
	if len(scripts) > 1 {
		t.Fatalf("%d scripts", len(scripts))
	}
	found := postMessage.FindStringSubmatch(scripts[0])
	if found == nil {
		t.Fatalf("nothing is posted by:\n%s", scripts[0])
	}
	for i, into := range []any{&p.message, &p.target} {
		if err := json.Unmarshal([]byte(found[i+1]), into); err != nil {
			t.Fatalf("%v in %s", err, found[i+1])
		}
	}
	return p, scripts[0]
}

func (b *browser) tokenPage(path, messageID, origin string, header ...string) posted {
	b.t.Helper()
	query := url.Values{"messageId": {messageID}, "origin": {origin}}
	page := b.want(b.get(path+"?"+query.Encode(), header...), http.StatusOK)
	p, _ := parseTokenPage(b.t, page)
	return p
}

// mustToken gets an access token for a viewer of the same site.
func (b *browser) mustToken() session.Hash {
	b.t.Helper()
	p := b.tokenPage("/auth/2/members/token", "1", sibling)
	token, _ := p.message["accessToken"].(string)
	if token == "" {
		b.t.Fatalf("no token: %v", p.message)
	}
	return session.HashOf(token)
}

func TestTokenPage(t *testing.T) {
	s := newStage(t)
	s.reader()
	b := s.browser()
	cookie := b.mustLogin(readerEmail, readerSecret)
	for name, test := range map[string]struct{ path, messageID string }{
		"C-070 C-071": {"/auth/1/members/token", "https://iiif.example.org/auth/1/members/token"},
		"alias":       {"/auth/iiif-token", "1700000000000"},
		"D-050 D-055": {"/auth/2/members/token", "17"},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.tokenPage(test.path, test.messageID, sibling, "Sec-Fetch-Dest", "iframe")
			if p.target != sibling || p.message["messageId"] != test.messageID || p.message["expiresIn"] != 300.0 {
				t.Errorf("posted %v to %s", p.message, p.target)
			}
			token, _ := p.message["accessToken"].(string)
			found, err := s.c.Lookup(t.Context(), session.KindIIIF, session.HashOf(token))
			if err != nil {
				t.Fatal(err)
			}
			if found.Origin != sibling || found.Service != "members" || found.Principal.Name != "Rita Reader" {
				t.Errorf("the token stands for %+v", found)
			}
			if session.HashOf(token) == cookie || s.knows(session.KindSession, session.HashOf(token)) || s.knows(session.KindPersonal, session.HashOf(token)) {
				t.Error("C-081 R37: the token works as another credential")
			}
			if strings.HasPrefix(test.path, "/auth/2") != (p.message["type"] == "AuthAccessToken2") {
				t.Errorf("D-051: type %v", p.message["type"])
			}
		})
	}
	if s.knows(session.KindIIIF, cookie) {
		t.Error("R37: the cookie works as an access token")
	}
}

func TestTokenHeaders(t *testing.T) {
	b := newStage(t).browser()
	h := b.get("/auth/2/members/token?messageId=1&origin="+foreign, "Sec-Fetch-Storage-Access", "inactive").Header
	csp := h.Get("Content-Security-Policy")
	for _, piece := range []string{"default-src 'none'", "script-src 'nonce-", "frame-ancestors https: http:"} {
		if !strings.Contains(csp, piece) {
			t.Errorf("C-084: %q has no %q", csp, piece)
		}
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Frame-Options": "",
		"Cross-Origin-Resource-Policy": "cross-origin", "Cross-Origin-Embedder-Policy": "require-corp",
		"Cross-Origin-Opener-Policy": "", "Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "",
		"Activate-Storage-Access": "load", "Vary": "Sec-Fetch-Storage-Access, Origin",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("H.4: %s is %q, want %q", name, got, want)
		}
	}
}

func TestTokenErrors(t *testing.T) {
	s := newStage(t, func(c *coordinator.Config) { c.SessionIdle = time.Hour })
	s.reader()
	stranger, signedIn, lapsed, ended := s.browser(), s.browser(), s.browser(), s.browser()
	lapsed.mustLogin(readerEmail, readerSecret)
	ended.mustLogin(readerEmail, readerSecret)
	kept := ended.jar
	s.pass(time.Hour)
	signedIn.mustLogin(readerEmail, readerSecret)
	endIt := s.browser()
	endIt.jar = kept
	secret := endIt.cookie("session")
	endIt.get("/auth/logout")
	u, _ := url.Parse(s.base)
	ended.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-tessera_session", Value: secret, Path: "/", Secure: true}})

	for name, test := range map[string]struct {
		b             *browser
		id, origin    string
		error1, code2 string
	}{
		"C-075 D-054 no cookie":           {stranger, "m", sibling, "missingCredentials", "missingAspect"},
		"C-076 D-054 ended":               {ended, "m", sibling, "invalidCredentials", "invalidAspect"},
		"C-076 D-054 lapsed":              {lapsed, "m", sibling, "invalidCredentials", "expiredAspect"},
		"C-077 R47 origin never seen":     {signedIn, "m", foreign, "invalidOrigin", "invalidOrigin"},
		"D-053 message id empty":          {signedIn, "", sibling, "invalidRequest", "invalidRequest"},
		"R47 insecure twin of the sibing": {signedIn, "m", "http://viewer.example.org", "invalidOrigin", "invalidOrigin"},
	} {
		t.Run(name, func(t *testing.T) {
			p := test.b.tokenPage("/auth/1/members/token", test.id, test.origin)
			if p.message["error"] != test.error1 || p.target != test.origin || p.message["accessToken"] != nil || p.message["description"] == "" {
				t.Errorf("C-074: posted %v to %s", p.message, p.target)
			}
			p = test.b.tokenPage("/auth/2/members/token", test.id, test.origin)
			if p.message["profile"] != test.code2 || p.message["type"] != "AuthAccessTokenError2" || p.message["messageId"] != test.id || p.target != test.origin {
				t.Errorf("D-052: posted %v to %s", p.message, p.target)
			}
			if _, ok := p.message["heading"].(map[string]any)["en"]; !ok || p.message["note"] == nil {
				t.Errorf("D-052: no words for people in %v", p.message)
			}
		})
	}
}

// R47: where the origin cannot be trusted nothing is posted to anybody.
func TestTokenToNobody(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	for _, query := range []string{
		"messageId=1", "messageId=1&origin=", "messageId=1&origin=null", "messageId=1&origin=*",
		"messageId=1&origin=javascript:alert(1)", "messageId=1&origin=https://viewer.example.org/path",
		"messageId=1&origin=https://user@viewer.example.org", "messageId=1&origin=//viewer.example.org",
		"messageId=" + strings.Repeat("x", 5000) + "&origin=" + sibling, "messageId=%ff&origin=" + sibling,
	} {
		for _, version := range []string{"1", "2"} {
			page := b.want(b.get("/auth/"+version+"/members/token?"+query), http.StatusOK) // C-073
			if strings.Contains(page, "<script") || strings.Contains(page, "tiat_") {
				t.Errorf("C-078: %.60s is answered with a script", query)
			}
		}
	}
}

func TestTokenScript(t *testing.T) {
	b := newStage(t).browser()
	for name, id := range map[string]string{
		"C-085 R47 close tag": `</script><script>alert(1)</script>`,
		"R47 comment":         `<!--<script>`,
		"R47 quotes":          `"+alert(1)+'` + "`${alert(1)}`\\",
		"R47 separators":      "a\u2028b\u2029c\x00\n",
		"R47 template":        `{{.}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := b.tokenPage("/auth/2/members/token", id, sibling)
			if p.message["messageId"] != id {
				t.Errorf("echoed as %q", p.message["messageId"])
			}
		})
	}
}

func TestTokenPageIsForFrames(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	for dest, want := range map[string]int{"iframe": 200, "frame": 200, "document": 400, "empty": 400, "script": 400, "image": 400} {
		page := b.want(b.get("/auth/2/members/token?messageId=1&origin="+sibling, "Sec-Fetch-Dest", dest), want)
		if strings.Contains(page, "tiat_") != (want == 200) {
			t.Errorf("H.4: a token in a %s", dest)
		}
	}
}

// Auth 1.0 clients that are no browsers.
func TestDirectToken(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	type answer struct {
		AccessToken string  `json:"accessToken"`
		ExpiresIn   int     `json:"expiresIn"`
		Error       string  `json:"error"`
		MessageID   *string `json:"messageId"`
	}
	ask := func(query string) (status int, a answer) {
		t.Helper()
		response := b.get("/auth/1/members/token" + query)
		if err := json.Unmarshal([]byte(text(t, response)), &a); err != nil {
			t.Fatal(err)
		}
		if response.Header.Get("Content-Type") != "application/json" || response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("C-087: headers %v", response.Header)
		}
		return response.StatusCode, a
	}
	if status, a := ask(""); status != http.StatusUnauthorized || a.Error != "missingCredentials" {
		t.Errorf("C-080: %d %+v", status, a)
	}
	b.mustLogin(adminEmail, adminPassword)
	if status, a := ask(""); status != http.StatusOK || a.AccessToken == "" || a.ExpiresIn != 300 || a.MessageID != nil {
		t.Errorf("C-079: %d %+v", status, a)
	}
	if status, a := ask("?origin=" + foreign); status != http.StatusBadRequest || a.Error != "invalidOrigin" {
		t.Errorf("C-080: %d %+v", status, a)
	}
	if status, a := ask("?origin=null"); status != http.StatusBadRequest || a.Error != "invalidOrigin" {
		t.Errorf("C-080: %d %+v", status, a)
	}
	page := b.want(b.get("/auth/2/members/token"), http.StatusOK)
	if strings.Contains(page, "accessToken") {
		t.Error("D-057: Auth 2 has no direct answer")
	}
}

// H-006: only a frame that a browser may have kept cookies from asks again.
func TestRecheck(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	query := "?messageId=1&origin=" + url.QueryEscape(foreign)
	script := func(site string) string {
		_, script := parseTokenPage(t, b.want(b.get("/auth/2/members/token"+query, "Sec-Fetch-Site", site), http.StatusOK))
		return script
	}
	if !strings.Contains(script("cross-site"), "requestStorageAccess") {
		t.Error("H-006: a third party's frame does not ask")
	}
	if strings.Contains(script("same-site"), "requestStorageAccess") {
		t.Error("H-006: a frame of the same site asks for nothing")
	}
	b.want(b.post("/auth/2/members/access", url.Values{"origin": {foreign}, "email": {adminEmail}, "password": {adminPassword}}), http.StatusSeeOther)
	again := "/auth/2/members/token" + query + "&recheck=yes"
	b.want(b.get(again, "Sec-Fetch-Site", "cross-site"), http.StatusBadRequest)
	b.want(b.get(again), http.StatusBadRequest)
	answer := b.want(b.get(again, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "empty"), http.StatusOK)
	if !strings.Contains(answer, `"accessToken":"tiat_`) {
		t.Errorf("H-006: %s", answer)
	}
}

// R47: which origins may ask once somebody is signed in.
func TestOriginsThatMayAsk(t *testing.T) {
	s := newStage(t, func(c *coordinator.Config) { c.ViewerOrigins = []string{"https://listed.test"} })
	b := s.browser()
	b.want(b.post("/auth/1/members/login", url.Values{"origin": {foreign + "/"}, "email": {adminEmail}, "password": {adminPassword}}), http.StatusSeeOther)
	for origin, want := range map[string]bool{
		"https://iiif.example.org":        true,  // ourselves
		sibling:                           true,  // same site
		foreign:                           true,  // signed in from there
		foreign + "/":                     true,  // C-052
		"https://VIEWER.test:443":         true,  // the same, spelt otherwise
		"https://listed.test":             true,  // by setting
		foreign + ":8443":                 false, // another port
		"http://viewer.test":              false, // another scheme
		"https://evil.test":               false,
		"https://example.org.evil.test":   false,
		"https://iiif.example.org.evil":   false,
		"https://viewer.test.example.net": false,
	} {
		p := b.tokenPage("/auth/1/members/token", "1", origin)
		if got := p.message["accessToken"] != nil; got != want {
			t.Errorf("C-077: %s gets a token: %v", origin, got)
		}
	}
}

// Tabs and reloads share a token, edges hear nothing of it, and no tab's token ends
// because of another's.
func TestTokensAreShared(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	first, since := b.mustToken(), s.revision()
	for range 30 {
		s.pass(5 * time.Second)
		if b.mustToken() != first {
			t.Fatal("a second token although the first has most of its life")
		}
	}
	s.pass(time.Second)
	second := b.mustToken()
	if second == first || !s.knows(session.KindIIIF, first) || !s.knows(session.KindIIIF, second) {
		t.Error("no fresh token beside the old one")
	}
	if got := s.revision(); got != since {
		t.Errorf("edges are told: revision %d became %d", since, got)
	}
	other := s.browser()
	other.mustLogin(adminEmail, adminPassword)
	if other.mustToken() == second {
		t.Error("two sessions share a token")
	}
	since = s.revision()
	b.get("/auth/logout")
	if ended := s.endedSince(since); !ended[first] || !ended[second] {
		t.Error("edges do not hear that tokens ended with their session")
	}
}

// A session that asks for tokens without end gets no more, and loses none.
func TestTokensAreBounded(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	first := b.mustToken()
	var last posted
	for port := range 100 {
		last = b.tokenPage("/auth/2/members/token", "1", fmt.Sprintf("%s:%d", sibling, 10000+port))
	}
	if last.message["profile"] != "unavailable" || !s.knows(session.KindIIIF, first) {
		t.Errorf("the 101st: %v", last.message)
	}
	s.pass(5 * time.Minute)
	b.mustToken()
}

// C-033, D-087: the flow is part of what a token is.
func TestTokensNameTheirFlow(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	for path, want := range map[string]session.Flow{
		"/auth/1/members/token": session.Auth1, "/auth/iiif-token": session.Auth1, "/auth/2/members/token": session.Auth2,
	} {
		token, _ := b.tokenPage(path, "1", sibling).message["accessToken"].(string)
		found, err := s.c.Lookup(t.Context(), session.KindIIIF, session.HashOf(token))
		if err != nil || found.Flow != want || found.Service != "members" {
			t.Errorf("%s: %+v, %v", path, found, err)
		}
	}
}

func TestTokenExpires(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	token := b.mustToken()
	s.pass(5*time.Minute - time.Millisecond)
	if !s.knows(session.KindIIIF, token) {
		t.Fatal("D-056: ended too early")
	}
	s.pass(time.Millisecond)
	if s.knows(session.KindIIIF, token) {
		t.Fatal("D-056: lives for ever")
	}
}
