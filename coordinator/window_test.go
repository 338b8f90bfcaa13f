package coordinator_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator"
)

var (
	apartLink = regexp.MustCompile(`data-apart="([^"]*)"`)
	aWaiter   = regexp.MustCompile(`waiter=([A-Z2-7]{26})`)
)

const viewersTab = "/auth/2/members/access?origin=https%3A%2F%2Fviewer.example.com"

func newApart(t *testing.T) *campus {
	t.Helper()
	return newCampus(t, func(p *coordinator.Provider) { p.Popup = true })
}

// apart opens a viewer's tab and gives the address of the provider's own window.
func (b *browser) apart(page string) (address, waiter string) {
	b.t.Helper()
	response := b.get(page)
	text := b.want(response, http.StatusOK)
	if csp := response.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'nonce-") || strings.Contains(csp, "unsafe") {
		b.t.Errorf("R62: %s", csp)
	}
	found := apartLink.FindStringSubmatch(text)
	if found == nil {
		b.t.Fatal("H-021: no window of its own is offered")
	}
	address = html.UnescapeString(found[1])
	name := aWaiter.FindStringSubmatch(address)
	if name == nil || !strings.Contains(text, `=== "`+name[1]+`"`) {
		b.t.Fatalf("H-021: the page does not wait for %s", address)
	}
	return address, name[1]
}

// H-021: the window ends on a page that calls the tab, and the tab's viewer has its session.
func TestProviderInWindowOfItsOwn(t *testing.T) {
	s := newApart(t)
	b := s.browser()
	address, waiter := b.apart(viewersTab)
	response := b.come(s.idp.Authorize(b.leave(address), "alice"))
	b.want(response, http.StatusSeeOther)
	end := response.Header.Get("Location")
	if end != "/auth/done?waiter="+waiter {
		t.Fatalf("ends on %s", end)
	}
	if page := b.want(b.get(end), http.StatusOK); !strings.Contains(page, `postMessage("`+waiter+`")`) {
		t.Error("the window tells nobody")
	}
	token := b.want(b.get("/auth/2/members/token?messageId=1&origin=https://viewer.example.com", "Sec-Fetch-Dest", "iframe"), http.StatusOK)
	if !strings.Contains(token, "accessToken") {
		t.Error("D-051: the viewer gets no token")
	}
	if _, again := s.browser().apart(viewersTab); again == waiter {
		t.Error("two tabs wait under one name")
	}
}

// Without a script the link leads there in the tab itself, and pages that no viewer waits
// for open no windows.
func TestWindowIsForViewersAlone(t *testing.T) {
	s := newApart(t)
	page := s.browser().want(s.browser().get(viewersTab), http.StatusOK)
	if !strings.Contains(page, `href="/auth/oidc/campus/start?origin=https%3A%2F%2Fviewer.example.com&amp;window=yes"`) {
		t.Error("H-021: no way without a script")
	}
	for _, path := range []string{"/auth/login?next=/view/map", viewersTab + "&waiter=" + strings.Repeat("A", 26)} {
		if page := s.browser().want(s.browser().get(path), http.StatusOK); apartLink.MatchString(page) || strings.Contains(page, "<script") {
			t.Errorf("%s opens a window", path)
		}
	}
	plain := newCampus(t)
	if page := plain.browser().want(plain.browser().get(viewersTab), http.StatusOK); apartLink.MatchString(page) {
		t.Error("a provider that need not be apart is")
	}
}

// Whoever turned back at the provider may begin again in the same window, or sign in
// there by password: the tab hears of it all the same.
func TestWindowBeginsAgain(t *testing.T) {
	s := newApart(t)
	b := s.browser()
	address, waiter := b.apart(viewersTab)
	left, err := url.Parse(b.leave(address))
	if err != nil {
		t.Fatal(err)
	}
	refused := "/auth/oidc/campus/callback?" + url.Values{"error": {"access_denied"}, "state": {left.Query().Get("state")}, "iss": {s.idp.URL}}.Encode()
	page := b.want(b.come(refused), http.StatusForbidden)
	again := regexp.MustCompile(`href="(/auth/2/members/access\?[^"]*)"`).FindStringSubmatch(page)
	if again == nil {
		t.Fatal("no way to begin again")
	}
	form := b.want(b.get(html.UnescapeString(again[1])), http.StatusOK)
	if !strings.Contains(form, `name="waiter" value="`+waiter+`"`) || apartLink.MatchString(form) {
		t.Error("the window forgot who waits for it, or opens another")
	}
	s.reader()
	end := b.post("/auth/2/members/access", url.Values{"origin": {"https://viewer.example.com"}, "waiter": {waiter}, "email": {readerEmail}, "password": {readerSecret}})
	b.want(end, http.StatusSeeOther)
	if got := end.Header.Get("Location"); got != "/auth/done?waiter="+waiter {
		t.Errorf("ends on %s", got)
	}
}

// A provider that is found by an address is visited in a window of its own too: by a
// click, for browsers open none without.
func TestWindowOfFoundProvider(t *testing.T) {
	s := newApart(t)
	b := s.browser()
	form := url.Values{"email": {"anybody@example.edu"}, "origin": {"https://viewer.example.com"}, "window": {"yes"}}
	page := b.want(b.post("/auth/find", form), http.StatusOK)
	if !apartLink.MatchString(page) || strings.Contains(page, "http-equiv") {
		t.Error("H-021: it leads there in the viewer's tab")
	}
	form.Set("waiter", strings.Repeat("B", 26))
	page = b.want(b.post("/auth/find", form), http.StatusOK)
	if apartLink.MatchString(page) || !strings.Contains(page, "http-equiv") || !strings.Contains(page, "waiter="+form.Get("waiter")) {
		t.Error("a window opens another one, or forgets who waits for it")
	}
}

// What is no name of ours is none.
func TestWaiterOfStrangers(t *testing.T) {
	s := newApart(t)
	for _, evil := range []string{"x", `");alert(1)//`, strings.Repeat("a", 26), strings.Repeat("A", 27)} {
		page := s.browser().want(s.browser().get("/auth/done?waiter="+url.QueryEscape(evil)), http.StatusOK)
		if strings.Contains(page, "BroadcastChannel") {
			t.Errorf("%q is called", evil)
		}
	}
}
