package coordinator_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/oidc/oidctest"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/seal"
	"github.com/tessera-iiif/tessera/internal/egress"
	"github.com/tessera-iiif/tessera/internal/session"
)

// campus is a stage where people sign in by a provider, and by another one.
type campus struct {
	*stage
	idp, partner *oidctest.Provider
	change       func(*coordinator.Provider)
}

func newCampus(t *testing.T, change ...func(*coordinator.Provider)) *campus {
	t.Helper()
	s := &campus{}
	clock := func() time.Time { return s.time() }
	s.idp, s.partner = oidctest.New(t, clock), oidctest.New(t, clock)
	s.idp.Knows("alice", map[string]any{"name": "Alice", "email": "alice@example.edu", "email_verified": true, "groups": []string{"staff"}})
	s.change = func(p *coordinator.Provider) {
		for _, f := range change {
			f(p)
		}
	}
	s.stage = newStage(t, s.configure)
	return s
}

func (s *campus) configure(c *coordinator.Config) {
	settings := coordinator.Provider{Domains: []string{"example.edu"}, Settings: s.settings("campus", s.idp)}
	s.change(&settings)
	c.SignInBy = coordinator.ProvidersConfig{
		Providers: []coordinator.Provider{settings, {Settings: s.settings("partner", s.partner), Domains: []string{"partner.example"}, Hidden: true}},
		Client:    egress.NewClient(egress.Config{Loopback: true}), Key: seal.Key{7},
	}
}

func (s *campus) settings(name string, idp *oidctest.Provider) oidc.Settings {
	return oidc.Settings{
		Name: name, Issuer: idp.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.Secret, Label: "The " + name,
		Mapping: func(m map[string]any) (p oidc.Person, _ []string, err error) {
			p.Name, _ = m["name"].(string)
			p.Email, _ = m["email"].(string)
			p.EmailVerified, _ = m["email_verified"].(bool)
			groups, _ := m["groups"].([]any)
			for _, g := range groups {
				p.Groups = append(p.Groups, fmt.Sprint(g))
			}
			p.Admin = slices.Contains(p.Groups, "tessera-admins")
			return p, nil, nil
		},
	}
}

// leave sends a browser to a provider and gives the address it was sent to.
func (b *browser) leave(start string) string {
	b.t.Helper()
	response := b.get(start, "Sec-Fetch-Dest", "document")
	b.want(response, http.StatusSeeOther)
	return response.Header.Get("Location")
}

// come follows a provider's redirect to our callback.
func (b *browser) come(address string) *http.Response {
	b.t.Helper()
	return b.get(strings.TrimPrefix(address, b.base), "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site")
}

// by signs in by a provider.
func (b *browser) by(idp *oidctest.Provider, name, subject, query string) *http.Response {
	b.t.Helper()
	return b.come(idp.Authorize(b.leave("/auth/oidc/"+name+"/start"+query), subject))
}

func (b *browser) hash() session.Hash { return session.HashOf(b.cookie("session")) }

func (s *stage) who(hash session.Hash) session.Credential {
	s.t.Helper()
	c, err := s.c.Lookup(s.t.Context(), session.KindSession, hash)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func TestSignInByProvider(t *testing.T) {
	s := newCampus(t)
	b := s.browser()
	page := b.want(b.get("/auth/login?next=/view/map"), http.StatusOK)
	if !strings.Contains(page, `href="/auth/oidc/campus/start?next=%2Fview%2Fmap"`) || !strings.Contains(page, "Sign in with The campus") {
		t.Error("no button on the page")
	}
	if strings.Contains(page, "partner") {
		t.Error("a hidden provider is shown")
	}
	response := b.by(s.idp, "campus", "alice", "?next=/view/map")
	b.want(response, http.StatusSeeOther)
	if got := response.Header.Get("Location"); got != "/view/map" {
		t.Errorf("went on to %q", got)
	}
	c := s.who(b.hash())
	if c.Principal.Name != "Alice" || fmt.Sprint(c.Principal.Groups) != "[staff]" || c.Principal.Admin {
		t.Errorf("signed in as %+v", c.Principal)
	}
	again := s.browser()
	again.want(again.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	if s.who(again.hash()).Principal.ID != c.Principal.ID {
		t.Error("R50 the same person became two")
	}
	var users struct{ Items []userJSON }
	s.admin().call(http.MethodGet, "/users?email=alice@example.edu", nil, &users)
	if len(users.Items) != 1 || len(users.Items[0].Groups) != 0 {
		t.Errorf("the provider's groups became groups of here: %+v", users.Items)
	}
}

// R35, R43: state counts once, in the browser that left, for the provider it left for.
func TestCallbackRefused(t *testing.T) {
	s := newCampus(t)
	s.partner.Knows("alice", map[string]any{})
	for name, f := range map[string]func(b *browser, address string) *http.Response{
		"R35 state twice": func(b *browser, address string) *http.Response {
			b.want(b.come(s.idp.Authorize(address, "alice")), http.StatusSeeOther)
			old := b.hash()
			response := b.come(s.idp.Authorize(address, "alice"))
			if b.hash() != old {
				t.Error("the session changed")
			}
			return response
		},
		"R35 another browser": func(b *browser, address string) *http.Response {
			return s.browser().come(s.idp.Authorize(address, "alice"))
		},
		"R35 another browser that left too": func(b *browser, address string) *http.Response {
			other := s.browser()
			other.leave("/auth/oidc/campus/start")
			return other.come(s.idp.Authorize(address, "alice"))
		},
		"R35 too late": func(b *browser, address string) *http.Response {
			back := s.idp.Authorize(address, "alice")
			s.pass(10*time.Minute + time.Second)
			return b.come(back)
		},
		"R35 another provider's callback": func(b *browser, address string) *http.Response {
			return b.come(strings.Replace(s.idp.Authorize(address, "alice"), "/campus/", "/partner/", 1))
		},
		"R35 no state": func(b *browser, address string) *http.Response {
			return b.come(strings.Replace(s.idp.Authorize(address, "alice"), "state=", "stat=", 1))
		},
		"R35 two states": func(b *browser, address string) *http.Response {
			return b.come(s.idp.Authorize(address, "alice") + "&state=x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			page := b.want(f(b, b.leave("/auth/oidc/campus/start")), http.StatusBadRequest)
			if !strings.Contains(page, "Begin again") {
				t.Error("the page leads nowhere")
			}
		})
	}
	t.Run("R35 as a part of a page", func(t *testing.T) {
		b := s.browser()
		b.want(b.get("/auth/oidc/campus/start", "Sec-Fetch-Dest", "image"), http.StatusForbidden)
		b.want(b.do(http.MethodHead, "/auth/oidc/campus/start", "", ""), http.StatusMethodNotAllowed)
		b.want(b.get("/auth/oidc/nobody/start"), http.StatusNotFound)
	})
}

// The names of cookies and what they allow (R35, R39).
func TestDepartureCookie(t *testing.T) {
	s := newCampus(t)
	b := s.browser()
	response := b.get("/auth/oidc/campus/start")
	b.want(response, http.StatusSeeOther)
	cookies := response.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-tessera_departure" || cookies[0].SameSite != http.SameSiteLaxMode ||
		!cookies[0].HttpOnly || !cookies[0].Secure || cookies[0].Path != "/" || cookies[0].Domain != "" || cookies[0].MaxAge != 600 {
		t.Errorf("cookies %v", cookies)
	}
	if response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Error("the redirect may be kept or told about")
	}
	to, _ := url.Parse(response.Header.Get("Location"))
	if got := to.Query().Get("redirect_uri"); got != "https://iiif.example.org/auth/oidc/campus/callback" {
		t.Errorf("R35 redirect address %s", got)
	}
}

// R38: a session from before is worth nothing after it.
func TestFixationByProvider(t *testing.T) {
	s := newCampus(t)
	s.reader()
	b := s.browser()
	before := b.mustLogin(readerEmail, readerSecret)
	since := s.revision()
	b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	if b.hash() == before || s.knows(session.KindSession, before) || !s.endedSince(since)[before] {
		t.Error("R38 the session before sign-in lives on")
	}
}

// R50: nothing but issuer and subject says who somebody is.
func TestIdentity(t *testing.T) {
	t.Run("R50 the address of an account of here", func(t *testing.T) {
		s := newCampus(t)
		victim := s.reader()
		for i, claims := range []map[string]any{
			{"email": readerEmail, "email_verified": true},
			{"email": readerEmail},
			{"email": strings.ToUpper(readerEmail), "email_verified": "true"},
			{"email": readerEmail, "preferred_username": readerEmail, "upn": readerEmail, "name": "Rita Reader"},
			{"email": adminEmail, "email_verified": true, "admin": true, "roles": []string{"admin"}},
		} {
			subject := fmt.Sprint("mallory", i)
			s.idp.Knows(subject, claims)
			b := s.browser()
			b.want(b.by(s.idp, "campus", subject, ""), http.StatusSeeOther)
			c := s.who(b.hash())
			if c.Principal.ID == victim.ID || c.Principal.Admin {
				t.Errorf("%v became somebody of here", claims)
			}
		}
	})
	t.Run("R54 equal subjects of two issuers", func(t *testing.T) {
		s := newCampus(t)
		s.partner.Knows("alice", map[string]any{"name": "Another", "email": "alice@example.edu", "email_verified": true})
		one, two := s.browser(), s.browser()
		one.want(one.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
		two.want(two.by(s.partner, "partner", "alice", ""), http.StatusSeeOther)
		if s.who(one.hash()).Principal.ID == s.who(two.hash()).Principal.ID {
			t.Error("two people became one")
		}
	})
	t.Run("R50 an address that the provider does not speak for", func(t *testing.T) {
		s := newCampus(t)
		s.partner.Knows("mallory", map[string]any{"email": "director@example.edu", "email_verified": true})
		b := s.browser()
		b.want(b.by(s.partner, "partner", "mallory", ""), http.StatusSeeOther)
		var users struct{ Items []userJSON }
		s.admin().call(http.MethodGet, "/users?email=director@example.edu", nil, &users)
		if len(users.Items) != 0 {
			t.Error("whoever looks for the director finds somebody else")
		}
	})
}

// R50: who administers is decided here, unless the operator had a provider decide.
func TestAdminByProvider(t *testing.T) {
	admins := map[string]any{"name": "Alice", "groups": []string{"tessera-admins"}}
	t.Run("R50 not mapped", func(t *testing.T) {
		s := newCampus(t)
		s.idp.Knows("alice", admins)
		b := s.browser()
		b.want(b.by(s.idp, "campus", "alice", "?next=/auth/admin/"), http.StatusSeeOther)
		if s.who(b.hash()).Principal.Admin || b.cookie("admin") != "" {
			t.Error("a provider made an administrator")
		}
	})
	t.Run("mapped, and taken back", func(t *testing.T) {
		s := newCampus(t, func(p *coordinator.Provider) { p.DecidesAdmin = true })
		s.idp.Knows("alice", admins)
		b := s.browser()
		page := b.want(b.by(s.idp, "campus", "alice", "?next=/auth/admin/"), http.StatusOK)
		if !strings.Contains(page, `content="0; url=/auth/admin/"`) || b.cookie("admin") == "" {
			t.Error("no page in between, after which browsers send the Strict cookie")
		}
		b.want(b.get("/auth/admin/"), http.StatusOK)
		first := b.hash()
		s.idp.Knows("alice", map[string]any{"groups": []string{}})
		b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
		if s.who(b.hash()).Principal.Admin || s.knows(session.KindSession, first) {
			t.Error("who is no administrator any more is one")
		}
	})
}

// Groups of a provider are its own: each sign-in replaces them, and no others.
func TestGroupsOfProvider(t *testing.T) {
	s := newCampus(t)
	b := s.browser()
	b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	id, first := s.who(b.hash()).Principal.ID, b.hash()
	admin := s.admin()
	admin.want(admin.call(http.MethodPatch, "/users/"+id, map[string]any{"groups": []string{"map-room"}}, nil), http.StatusOK)
	if got := fmt.Sprint(s.who(first).Principal.Groups); got != "[map-room staff]" {
		t.Errorf("groups %s", got)
	}
	s.idp.Knows("alice", map[string]any{"groups": []string{"emeriti"}})
	since := s.revision()
	other := s.browser()
	other.want(other.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	for name, hash := range map[string]session.Hash{"new": other.hash(), "old": first} {
		if got := fmt.Sprint(s.who(hash).Principal.Groups); got != "[emeriti map-room]" {
			t.Errorf("%s session: groups %s", name, got)
		}
	}
	if !s.endedSince(since)[first] {
		t.Error("edges go on with the groups of before")
	}
}

// R50: who may come in the first time.
func TestSignUp(t *testing.T) {
	for name, test := range map[string]struct {
		signUp people.SignUp
		want   string
	}{"invited": {people.Invited, "no account for you here yet"}, "linked": {people.Linked, "no account here belongs to you"}} {
		t.Run("R50 "+name, func(t *testing.T) {
			s := newCampus(t, func(p *coordinator.Provider) { p.SignUp = test.signUp })
			b := s.browser()
			page := b.want(b.by(s.idp, "campus", "alice", ""), http.StatusForbidden)
			if !strings.Contains(page, test.want) || b.cookie("session") != "" {
				t.Errorf("page %s", page)
			}
		})
	}
	t.Run("shut out", func(t *testing.T) {
		s := newCampus(t)
		b := s.browser()
		b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
		hash, admin := b.hash(), s.admin()
		admin.want(admin.call(http.MethodPatch, "/users/"+s.who(hash).Principal.ID, map[string]any{"active": false}, nil), http.StatusOK)
		if s.knows(session.KindSession, hash) {
			t.Error("the session lives on")
		}
		again := s.browser()
		again.want(again.by(s.idp, "campus", "alice", ""), http.StatusForbidden)
	})
}

// R50: linking takes both accounts in one session, or an invitation.
func TestLinking(t *testing.T) {
	s := newCampus(t, func(p *coordinator.Provider) { p.SignUp = people.Linked })
	reader := s.reader("map-room")
	b := s.browser()
	b.mustLogin(readerEmail, readerSecret)
	b.want(b.get("/auth/ways"), http.StatusOK)
	link := func(b *browser) string {
		page := b.want(b.post("/auth/oidc/campus/link", url.Values{}), http.StatusOK)
		_, rest, _ := strings.Cut(page, `content="0; url=`)
		address, _, _ := strings.Cut(rest, `"`)
		return html.UnescapeString(address)
	}
	t.Run("R62 from elsewhere", func(t *testing.T) {
		b.want(b.post("/auth/oidc/campus/link", url.Values{}, "Origin", "https://evil.example"), http.StatusForbidden)
	})
	t.Run("R50 not signed in any more", func(t *testing.T) {
		gone := s.browser()
		gone.mustLogin(readerEmail, readerSecret)
		address := link(gone)
		gone.want(gone.get("/auth/logout"), http.StatusOK)
		gone.want(gone.come(s.idp.Authorize(address, "alice")), http.StatusForbidden)
	})
	t.Run("R50 somebody else meanwhile", func(t *testing.T) {
		other := s.browser()
		other.mustLogin(readerEmail, readerSecret)
		address := link(other)
		other.mustLogin(adminEmail, adminPassword)
		other.want(other.come(s.idp.Authorize(address, "alice")), http.StatusForbidden)
	})
	response := b.come(s.idp.Authorize(link(b), "alice"))
	b.want(response, http.StatusSeeOther)
	if response.Header.Get("Location") != "/auth/ways" || s.who(b.hash()).Principal.ID != reader.ID {
		t.Fatal("not linked")
	}
	if page := b.want(b.get("/auth/ways"), http.StatusOK); !strings.Contains(page, "alice@example.edu") {
		t.Error("the page does not show it")
	}
	again := s.browser()
	again.want(again.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	if c := s.who(again.hash()); c.Principal.ID != reader.ID || fmt.Sprint(c.Principal.Groups) != "[map-room staff]" {
		t.Errorf("came in as %+v", c.Principal)
	}
	t.Run("R50 somebody else's", func(t *testing.T) {
		admin := s.admin()
		admin.want(admin.come(s.idp.Authorize(link(admin), "alice")), http.StatusConflict)
	})
	t.Run("removed", func(t *testing.T) {
		hash := again.hash()
		b.want(b.post("/auth/ways/remove", url.Values{"issuer": {s.idp.URL}, "subject": {"alice"}}), http.StatusSeeOther)
		if s.knows(session.KindSession, hash) {
			t.Error("a session by what was removed lives on")
		}
		out := s.browser()
		out.want(out.by(s.idp, "campus", "alice", ""), http.StatusForbidden)
	})
}

func TestOnlyWayIn(t *testing.T) {
	s := newCampus(t)
	b := s.browser()
	b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	b.want(b.post("/auth/ways/remove", url.Values{"issuer": {s.idp.URL}, "subject": {"alice"}}), http.StatusConflict)
	b.want(b.post("/auth/ways/remove", url.Values{"issuer": {s.idp.URL}, "subject": {"bob"}}), http.StatusNotFound)
}

// R54: by an address, of which nothing but the domain is looked at.
func TestFindProvider(t *testing.T) {
	s := newCampus(t)
	s.reader()
	b := s.browser()
	page := b.want(b.post("/auth/find", url.Values{"email": {" Anybody@PARTNER.example "}, "next": {"/view/map"}}), http.StatusOK)
	if !strings.Contains(page, `url=/auth/oidc/partner/start?next=%2Fview%2Fmap"`) {
		t.Errorf("page %s", page)
	}
	known := b.want(b.post("/auth/find", url.Values{"email": {readerEmail}}), http.StatusOK)
	unknown := b.want(b.post("/auth/find", url.Values{"email": {"nobody@example.org"}}), http.StatusOK)
	if strings.ReplaceAll(known, readerEmail, "x") != strings.ReplaceAll(unknown, "nobody@example.org", "x") {
		t.Error("R54 the page tells who has an account")
	}
	b.want(b.post("/auth/find", url.Values{"email": {"a@partner.example"}}, "Origin", "https://evil.example"), http.StatusForbidden)
}

// R43: what the browser is led to in the end stays here.
func TestReturnTargets(t *testing.T) {
	s := newCampus(t)
	for _, next := range []string{"//evil.example", `/\evil.example`, "https:evil.example", "https://evil.example", "/%2f%2fevil.example/%0d%0aSet-Cookie:x", "/\r\nSet-Cookie: x", "https://iiif.example.org@evil.example/", "javascript:alert(1)"} {
		b := s.browser()
		response := b.by(s.idp, "campus", "alice", "?next="+url.QueryEscape(next))
		b.want(response, http.StatusSeeOther)
		if got := response.Header.Get("Location"); !strings.HasPrefix(got, "/") || strings.Contains(got, "evil") && !strings.HasPrefix(got, "/%2f") {
			t.Errorf("R43 %q leads to %q", next, got)
		}
	}
}

// C-050, D-031: the window that a viewer opened closes itself after the provider, and the
// viewer may ask for a token.
func TestViewerByProvider(t *testing.T) {
	s := newCampus(t)
	for name, page := range map[string]string{"C-050": "/auth/1/members/login", "D-030": "/auth/2/members/access"} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			text := b.want(b.get(page+"?origin=https://viewer.example.com"), http.StatusOK)
			_, rest, ok := strings.Cut(text, `href="/auth/oidc/campus/start?`)
			if !ok {
				t.Fatal("no button for the viewer's window")
			}
			query, _, _ := strings.Cut(rest, `"`)
			response := b.by(s.idp, "campus", "alice", "?"+html.UnescapeString(query))
			b.want(response, http.StatusSeeOther)
			if got := response.Header.Get("Location"); got != "/auth/done" {
				t.Errorf("ends on %s", got)
			}
			answer := b.want(b.get("/auth/2/members/token?messageId=1&origin=https://viewer.example.com", "Sec-Fetch-Dest", "iframe"), http.StatusOK)
			if !strings.Contains(answer, "accessToken") {
				t.Errorf("C-052 the viewer gets no token: %s", answer)
			}
			stranger := b.want(b.get("/auth/2/members/token?messageId=1&origin=https://other.example.com", "Sec-Fetch-Dest", "iframe"), http.StatusOK)
			if !strings.Contains(stranger, "invalidOrigin") {
				t.Error("C-077 another viewer does")
			}
		})
	}
}

// R43: a viewer that sends its reader straight to a provider, who is signed in there, gets
// her rights by a click on our page alone.
func TestNoSignInPastOurPage(t *testing.T) {
	s := newCampus(t)
	const start = "/auth/oidc/campus/start?origin=https://viewer.example.com&window=yes"
	for site, want := range map[string]string{
		"cross-site":  "/auth/2/members/access?origin=https%3A%2F%2Fviewer.example.com",
		"same-site":   "/auth/2/members/access?origin=https%3A%2F%2Fviewer.example.com",
		"same-origin": s.idp.URL,
	} {
		response := s.browser().get(start, "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", site)
		if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %d to %s", site, response.StatusCode, got)
		}
	}
}

// Each fault has a page that says what to do, and opens no door.
func TestFaultPages(t *testing.T) {
	for name, test := range map[string]struct {
		lies   oidctest.Lies
		status int
		words  string
	}{
		"down":        {oidctest.Lies{Serve: func(w http.ResponseWriter, p string) bool { w.WriteHeader(502); return true }}, 503, "does not answer at the moment"},
		"false":       {oidctest.Lies{Claims: func(c map[string]any) { c["aud"] = "another" }}, 502, "does not hold"},
		"clock":       {oidctest.Lies{Claims: func(c map[string]any) { c["iat"] = 1 }}, 502, "clock"},
		"turned back": {oidctest.Lies{Answer: func(a url.Values) { a.Set("error", "access_denied"); a.Set("error_description", "<script>") }}, 403, "turned back"},
		"client":      {oidctest.Lies{Answer: func(a url.Values) { a.Set("error", "invalid_scope") }}, 502, "does not know this site"},
		"code":        {oidctest.Lies{Answer: func(a url.Values) { a.Set("code", "x") }}, 400, "Begin again"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newCampus(t)
			b := s.browser()
			s.idp.Lie(test.lies)
			response := b.get("/auth/oidc/campus/start?next=/view/map")
			if response.StatusCode == http.StatusSeeOther {
				response = b.come(s.idp.Authorize(response.Header.Get("Location"), "alice"))
			}
			page := b.want(response, test.status)
			if !strings.Contains(page, test.words) || !strings.Contains(page, "/auth/login?next=%2Fview%2Fmap") || strings.Contains(page, "<script>") {
				t.Errorf("page %s", page)
			}
			if b.cookie("session") != "" {
				t.Error("a session began")
			}
			if !strings.Contains(s.log.String(), "nobody could be signed in by a provider") {
				t.Error("the log says nothing")
			}
			b.mustLogin(adminEmail, adminPassword) // passwords work all the same
		})
	}
}

// R54: what was signed in by a provider ends with it.
func TestProviderRemoved(t *testing.T) {
	s := newCampus(t)
	s.partner.Knows("bob", map[string]any{"groups": []string{"guests"}})
	alice, bob := s.browser(), s.browser()
	alice.want(alice.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	bob.want(bob.by(s.partner, "partner", "bob", ""), http.StatusSeeOther)
	local, since := s.admin().hash(), s.revision()
	s.open(func(c *coordinator.Config) {
		s.configure(c)
		c.SignInBy.Providers = c.SignInBy.Providers[:1]
	})
	if err := s.c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.c.Close()
	if s.knows(session.KindSession, bob.hash()) || !s.endedSince(since)[bob.hash()] {
		t.Error("the session lives on")
	}
	if !s.knows(session.KindSession, alice.hash()) || !s.knows(session.KindSession, local) {
		t.Error("others ended too")
	}
}

// Nobody fills the database with sign-ins that never come back.
func TestDeparturesAreBounded(t *testing.T) {
	s := newCampus(t)
	status := 0
	for range 600 {
		if status = s.browser().get("/auth/oidc/campus/start").StatusCode; status != http.StatusSeeOther {
			break
		}
	}
	if status != http.StatusServiceUnavailable {
		t.Fatalf("status %d after 600 departures from one network", status)
	}
	far := s.browser()
	far.addr = "198.51.100.7:1"
	far.leave("/auth/oidc/campus/start")
	s.pass(11 * time.Minute)
	s.browser().leave("/auth/oidc/campus/start")
}

// R64: who came, who was turned away, and what a provider changed is on record.
func TestProvidersOnRecord(t *testing.T) {
	s := newCampus(t, hourly)
	b := s.signedIn()
	s.idp.Knows("alice", map[string]any{"groups": []string{"emeriti"}})
	again := s.signedIn()
	s.browser().want(s.sendLogout("campus", s.idp.LogoutToken("alice", "", nil)), http.StatusOK)
	if s.knows(session.KindSession, b.hash()) || s.knows(session.KindSession, again.hash()) {
		t.Fatal("the sessions live on")
	}
	var page struct {
		Items []struct {
			Event   string         `json:"event"`
			Actor   string         `json:"actor"`
			Details map[string]any `json:"details"`
		}
	}
	admin := s.admin()
	admin.want(admin.call(http.MethodGet, "/audit", nil, &page), http.StatusOK)
	seen := map[string]int{}
	for _, e := range page.Items {
		if e.Details["provider"] == "campus" || e.Details["reason"] == "provider" {
			seen[e.Event]++
		}
	}
	if want := "map[authn_login_success:2 authz_change:2 session_expired:2 user_created:1]"; fmt.Sprint(seen) != want {
		t.Errorf("R64 on record: %v, want %s", seen, want)
	}
	t.Run("turned away", func(t *testing.T) {
		s := newCampus(t, func(p *coordinator.Provider) { p.SignUp = people.Invited })
		b := s.browser()
		b.want(b.by(s.idp, "campus", "alice", ""), http.StatusForbidden)
		admin := s.admin()
		if text := admin.want(admin.call(http.MethodGet, "/audit", nil, nil), http.StatusOK); !strings.Contains(text, "not-invited") {
			t.Errorf("R64 not on record: %s", text)
		}
	})
}
