package coordinator_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// gifts are images under terms: open to whoever accepts them, or to members who do.
const gifts = `{"items":[
	{"name":"gift","images":["gifts/**"],"access":"open","terms":"donor"},
	{"name":"letters","images":["letters/**"],"access":"login","terms":"donor"}],
"terms":[{"name":"donor","version":"VERSION","title":{"en":"Terms of the donor","de":"Bedingungen der Stifterin"},
	"text":{"en":"Cite the donor.\n\nDo not sell <prints>.","de":"Nennen Sie die Stifterin."}}]}`

func (b *browser) putGifts(version string) {
	b.t.Helper()
	b.want(b.call(http.MethodPut, "/rules", parsed(b.t, strings.Replace(gifts, "VERSION", version, 1)), nil), http.StatusOK)
}

func acceptance(version, origin string) url.Values {
	return url.Values{"accept": {"yes"}, "version": {version}, "origin": {origin}}
}

var termsPaths = map[string]string{
	"C-053": "/auth/1/members.terms.donor/login", "D-034": "/auth/2/members.terms.donor/access",
}

// R57, D-032: a visitor reads, clicks, and has a session of nobody, which edges know and
// viewers get tokens of.
func TestTermsAsVisitor(t *testing.T) {
	for row, path := range termsPaths {
		t.Run(row, func(t *testing.T) {
			s := newStage(t)
			s.admin().putGifts("1")
			b := s.browser()
			response := b.get(path + "?origin=" + url.QueryEscape(foreign))
			page := b.want(response, http.StatusOK)
			if !strings.Contains(page, "Terms of the donor") || !strings.Contains(page, "Do not sell &lt;prints&gt;.") || !strings.Contains(page, foreign) {
				t.Errorf("the page reads\n%s", page)
			}
			if strings.Contains(page, "<script") || len(response.Cookies()) > 0 {
				t.Error("D-032: accepted without a click")
			}
			if h := response.Header; !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Cross-Origin-Opener-Policy") != "" {
				t.Errorf("R57, R62: headers %v", h)
			}
			token := strings.TrimSuffix(strings.TrimSuffix(path, "login"), "access") + "token"
			if p := b.tokenPage(token, "1", foreign); p.message["accessToken"] != nil {
				t.Errorf("C-075: a token before the click: %v", p.message)
			}
			response = b.post(path, acceptance("1", foreign))
			b.want(response, http.StatusSeeOther)
			done := b.want(b.get(response.Header.Get("Location")), http.StatusOK)
			if !strings.Contains(done, closes) || !strings.Contains(done, "Thank you") {
				t.Errorf("D-031: the page does not close itself:\n%s", done)
			}
			visitor, err := s.c.Lookup(t.Context(), session.KindSession, session.HashOf(b.cookie("session")))
			if err != nil || visitor.Principal.ID != "" || fmt.Sprint(visitor.Principal.Terms) != "[donor@1]" {
				t.Errorf("edges know %+v, %v", visitor, err)
			}
			p := b.tokenPage(token, "1", foreign)
			secret, _ := p.message["accessToken"].(string)
			c, err := s.c.Lookup(t.Context(), session.KindIIIF, session.HashOf(secret))
			if err != nil || c.Service != "members.terms.donor" || c.Principal.ID != "" || fmt.Sprint(c.Principal.Terms) != "[donor@1]" || c.Origin != foreign {
				t.Errorf("C-070, D-051: %v stands for %+v, %v", p.message, c, err)
			}
			if again := b.tokenPage(token, "2", foreign); again.message["accessToken"] != secret {
				t.Error("a reload gets a token of its own")
			}
			if p := b.tokenPage(token, "1", "https://others.example"); p.message["accessToken"] != nil {
				t.Errorf("C-077: %v", p.message)
			}
			if p := b.tokenPage("/auth/2/members/token", "1", foreign); p.message["profile"] != "invalidAspect" {
				t.Errorf("C-033: a visit at the service for signing in: %v", p.message)
			}
		})
	}
}

// R57: another version is asked for anew, and until then opens nothing.
func TestTermsOfAnotherVersion(t *testing.T) {
	s := newStage(t)
	admin, b := s.admin(), s.browser()
	admin.putGifts("1")
	const path, token = "/auth/2/members.terms.donor/access", "/auth/2/members.terms.donor/token"
	b.want(b.post(path, acceptance("1", sibling)), http.StatusSeeOther)
	cookie := b.cookie("session")
	if page := b.want(b.get(path), http.StatusOK); !strings.Contains(page, "You have accepted these terms") {
		t.Error("the page asks for what was done")
	}
	admin.putGifts("2")
	if p := b.tokenPage(token, "1", sibling); p.message["profile"] != "missingAspect" || !strings.Contains(fmt.Sprint(p.message["note"]), "have changed") {
		t.Errorf("D-053: %v", p.message)
	}
	if page := b.want(b.get(path), http.StatusOK); strings.Contains(page, "You have accepted these terms") {
		t.Error("the page takes the old version for the new")
	}
	if page := b.want(b.post(path, acceptance("1", sibling)), http.StatusConflict); !strings.Contains(page, "The terms have changed") {
		t.Error("a page of before accepts what nobody has read")
	}
	b.want(b.post(path, acceptance("2", sibling)), http.StatusSeeOther)
	if b.cookie("session") != cookie {
		t.Error("the visit did not go on")
	}
	c, err := s.c.Lookup(t.Context(), session.KindSession, session.HashOf(cookie))
	if err != nil || len(c.Principal.Terms) != 2 {
		t.Errorf("edges know %+v, %v", c, err)
	}
	rights, err := s.c.Rights(t.Context(), 0)
	if err != nil || !contains(rights.Ended, session.HashOf(cookie)) {
		t.Errorf("R57: edges are not told to look again: %v", err)
	}
}

func contains(all []session.Hash, h session.Hash) bool {
	for _, one := range all {
		if one == h {
			return true
		}
	}
	return false
}

// R57: no page of somebody else can accept for a reader.
func TestTermsNotByOthers(t *testing.T) {
	s := newStage(t)
	s.admin().putGifts("1")
	const path = "/auth/2/members.terms.donor/access"
	for name, headers := range map[string][]string{
		"a form elsewhere":     {"Origin", foreign, "Sec-Fetch-Site", "cross-site"},
		"a form on a sibling":  {"Origin", sibling, "Sec-Fetch-Site", "same-site"},
		"a sandboxed frame":    {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
		"a browser of old":     {"Origin", foreign},
		"an origin of nothing": {"Origin", "null"},
	} {
		b := s.browser()
		b.want(b.post(path, acceptance("1", foreign), headers...), http.StatusForbidden)
		if b.cookie("session") != "" {
			t.Errorf("%s accepts the terms", name)
		}
	}
	b := s.browser()
	b.want(b.get(path, "Sec-Fetch-Dest", "iframe"), http.StatusForbidden)
	b.want(b.get(path+"?"+acceptance("1", foreign).Encode()), http.StatusOK)
	if b.cookie("session") != "" {
		t.Error("a link accepts the terms")
	}
	b.want(b.get("/auth/2/members.terms.other/access"), http.StatusNotFound)
	b.want(b.post("/auth/2/members.terms.other/access", acceptance("1", "")), http.StatusNotFound)
	b.want(b.get("/auth/2/members.other.donor/access"), http.StatusNotFound)
}

// Where members have to accept, signing in comes first; what they accept is theirs
// wherever they sign in.
func TestTermsAsMember(t *testing.T) {
	s := newStage(t)
	s.reader()
	s.admin().putGifts("1")
	const path, token = "/auth/1/members.login-terms.donor/login", "/auth/1/members.login-terms.donor/token"
	b := s.browser()
	ask := path + "?origin=" + url.QueryEscape(sibling)
	if page := b.want(b.get(ask), http.StatusOK); !strings.Contains(page, `type="password"`) {
		t.Fatal("no sign-in before the terms")
	}
	b.want(b.post(path, acceptance("1", sibling)), http.StatusUnauthorized)
	b.want(b.post(path, url.Values{"email": {readerEmail}, "password": {"wrong"}, "origin": {sibling}}), http.StatusUnauthorized)
	response := b.post(path, url.Values{"email": {readerEmail}, "password": {readerSecret}, "origin": {sibling}})
	b.want(response, http.StatusSeeOther)
	page := b.want(b.get(response.Header.Get("Location")), http.StatusOK)
	if !strings.Contains(page, "Terms of the donor") || !strings.Contains(page, "You are signed in as") {
		t.Errorf("after signing in:\n%s", page)
	}
	if p := b.tokenPage(token, "1", sibling); p.message["error"] != "missingCredentials" {
		t.Errorf("C-074: %v", p.message)
	}
	hash := session.HashOf(b.cookie("session"))
	b.want(b.post(path, acceptance("1", sibling)), http.StatusSeeOther)
	if p := b.tokenPage(token, "1", sibling); p.message["accessToken"] == nil {
		t.Errorf("C-070: %v", p.message)
	}
	if rights, err := s.c.Rights(t.Context(), 0); err != nil || !contains(rights.Ended, hash) {
		t.Errorf("edges are not told to look again: %v", err)
	}
	other := s.browser()
	c, err := s.c.Lookup(t.Context(), session.KindSession, other.mustLogin(readerEmail, readerSecret))
	if err != nil || fmt.Sprint(c.Principal.Terms) != "[donor@1]" || c.Principal.ID == "" {
		t.Errorf("elsewhere: %+v, %v", c, err)
	}
	// Terms alone, by somebody who is signed in, are accepted as that user.
	if page := other.want(other.get("/auth/1/members.terms.donor/login"), http.StatusOK); !strings.Contains(page, "You have accepted these terms") {
		t.Error("accepted once, asked twice")
	}
}

// R23, R38: a visit ends like a session: by itself, by whoever holds it, by an
// administrator, and by signing in.
func TestVisitsEnd(t *testing.T) {
	s := newStage(t)
	s.reader()
	admin := s.admin()
	admin.putGifts("1")
	begin := func() (*browser, session.Hash) {
		b := s.browser()
		b.want(b.post("/auth/2/members.terms.donor/access", acceptance("1", sibling)), http.StatusSeeOther)
		return b, session.HashOf(b.cookie("session"))
	}
	ended := func(what string, hash session.Hash) {
		t.Helper()
		if c, err := s.c.Lookup(t.Context(), session.KindSession, hash); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
	b, hash := begin()
	b.want(b.get("/auth/logout"), http.StatusOK)
	ended("R41 signed out", hash)
	b, hash = begin()
	b.mustLogin(readerEmail, readerSecret)
	ended("R38 signed in", hash)
	b, hash = begin()
	token := b.tokenPage("/auth/2/members.terms.donor/token", "1", sibling).message["accessToken"].(string)
	var list listJSON[struct{ ID string }]
	admin.call(http.MethodGet, "/visits", nil, &list)
	if len(list.Items) != 1 {
		t.Fatalf("visits %+v", list)
	}
	admin.want(admin.call(http.MethodDelete, "/visits/"+list.Items[0].ID, nil, nil), http.StatusNoContent)
	admin.want(admin.call(http.MethodDelete, "/visits/"+list.Items[0].ID, nil, nil), http.StatusNotFound)
	ended("R24 ended", hash)
	if rights, err := s.c.Rights(t.Context(), 0); err != nil || !contains(rights.Ended, hash) || !contains(rights.Ended, session.HashOf(token)) {
		t.Errorf("R24: edges are not told of visit and token: %v", err)
	}
	_, hash = begin()
	s.pass(8 * time.Hour)
	ended("R38 idle", hash)
}

// Visits of one network are bounded, and those of others go on.
func TestVisitsAreBounded(t *testing.T) {
	s := newStage(t)
	s.admin().putGifts("1")
	_, err := s.db.Update(t.Context(), s.time(), func(tx *db.Tx) error {
		for i := range 500 {
			id := fmt.Sprint("visit-", i)
			v := db.Visit{ID: id, Network: "192.0.2.0/24", Expires: s.time().Add(time.Hour)}
			if err := tx.InsertVisit(t.Context(), session.HashOf(id), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	const path = "/auth/2/members.terms.donor/access"
	if response := b.post(path, acceptance("1", "")); response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") == "" {
		t.Errorf("got %d", response.StatusCode)
	}
	b.addr = "198.51.100.7:1"
	b.want(b.post(path, acceptance("1", "")), http.StatusSeeOther)
}

func TestTermsInTheReadersLanguage(t *testing.T) {
	s := newStage(t)
	s.admin().putGifts("1")
	b := s.browser()
	for accept, want := range map[string]string{
		"": "Terms of the donor", "de-CH,de;q=0.9,en;q=0.8": "Bedingungen der Stifterin", "fr": "Terms of the donor", "x;;;": "Terms of the donor",
		strings.Repeat("de,", 5000): "Bedingungen der Stifterin",
	} {
		if page := b.want(b.get("/auth/2/members.terms.donor/access", "Accept-Language", accept), http.StatusOK); !strings.Contains(page, want) {
			t.Errorf("%.30q: not %q", accept, want)
		}
	}
	b.want(b.post("/auth/2/members.terms.donor/access", url.Values{"accept": {"yes"}, "version": {"1"}, "next": {"/view/gifts%2F1"}}), http.StatusSeeOther)
}

// C-053, D-035: a kiosk's page closes at once and sets nothing.
func TestKioskPage(t *testing.T) {
	b := newStage(t).browser()
	response := b.get("/auth/2/members.kiosk/access?origin=" + url.QueryEscape(foreign))
	if page := b.want(response, http.StatusOK); !strings.Contains(page, closes) || len(response.Cookies()) > 0 {
		t.Errorf("the page is\n%s", page)
	}
	if p := b.tokenPage("/auth/2/members.external/token", "1", foreign); p.message["profile"] != "missingAspect" {
		t.Errorf("D-036: %v", p.message)
	}
}
