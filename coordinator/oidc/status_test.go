package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/oidc/oidctest"
	"github.com/tessera-iiif/tessera/internal/egress"
)

// here lets this machine be called.
var here = egress.Config{Loopback: true}

// looked makes a set of one issuer, has it asked, and gives what was seen.
func (s *stage) looked(issuer string, calls egress.Config) oidc.Status {
	s.t.Helper()
	set, err := oidc.New(oidc.Config{
		Issuers: []string{issuer}, Now: s.time,
		Client: egress.NewClient(calls),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(set.Close)
	if before, err := set.Status(issuer); err != nil || !before.Asked.IsZero() || before.PKCE != oidc.Unsaid {
		s.t.Errorf("before it was asked: %+v, %v", before, err)
	}
	if err := set.Check(s.t.Context(), issuer); err != nil {
		s.t.Fatal(err)
	}
	seen, err := set.Status(issuer)
	if err != nil || !seen.Asked.Equal(s.time()) {
		s.t.Errorf("asked %v: %v", seen.Asked, err)
	}
	return seen
}

// What stands between an issuer and us has a reason of its own each, by which a page can
// say what to do.
func TestReasons(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	secured := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secured.Close)
	discovery := func(answer func(w http.ResponseWriter)) func(http.ResponseWriter, string) bool {
		return func(w http.ResponseWriter, path string) bool {
			if strings.HasPrefix(path, "/.well-known") {
				answer(w)
				return true
			}
			return false
		}
	}
	var held chan struct{}
	for name, test := range map[string]struct {
		issuer string // "" is the provider's
		lies   oidctest.Lies
		abroad bool // this machine may not be called
		want   oidc.Reason
		detail string
	}{
		"another issuer": {lies: oidctest.Lies{Discovery: func(d map[string]any) { d["issuer"] = "https://elsewhere.example" }}, want: oidc.OtherIssuer, detail: "https://elsewhere.example"},
		"nobody listens": {issuer: closed.URL, want: oidc.NoAnswer, detail: "refused"},
		"unknown authority": {
			issuer: secured.URL, want: oidc.BadTLS, detail: "authority",
		},
		"no TLS there":      {issuer: strings.Replace(closed.URL, "http:", "https:", 1), want: oidc.NoAnswer},
		"no such name":      {issuer: "https://nowhere.invalid", want: oidc.NoName, detail: "nowhere.invalid"},
		"a private network": {issuer: strings.Replace(closed.URL, "http:", "https:", 1), abroad: true, want: oidc.Forbidden},
		"clear text":        {abroad: true, want: oidc.ClearText},
		"not found":         {lies: oidctest.Lies{Serve: discovery(func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) })}, want: oidc.BadStatus, detail: "404 Not Found"},
		"too slow":          {lies: oidctest.Lies{Serve: discovery(func(http.ResponseWriter) { <-held })}, want: oidc.Slow},
		"no JSON":           {lies: oidctest.Lies{Serve: discovery(func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") })}, want: oidc.BadAnswer, detail: "no JSON"},
		"no keys' address":  {lies: oidctest.Lies{Discovery: func(d map[string]any) { delete(d, "jwks_uri") }}, want: oidc.BadAnswer, detail: "jwks_uri is no web address"},
		"too much":          {lies: oidctest.Lies{Discovery: func(d map[string]any) { d["x"] = strings.Repeat("x", 70<<10) }}, want: oidc.BadAnswer, detail: "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			held = make(chan struct{})
			t.Cleanup(func() { close(held) }) // before the provider waits for who is answered
			s.Lie(test.lies)
			issuer := test.issuer
			if issuer == "" {
				issuer = s.URL
			}
			calls := egress.Config{Loopback: !test.abroad, MaxBytes: 64 << 10}
			if test.want == oidc.Slow {
				calls.Timeout = 100 * time.Millisecond
			}
			seen := s.looked(issuer, calls)
			if !seen.Failing || seen.Failure == nil || !seen.Read.IsZero() || seen.Keys != 0 {
				t.Fatalf("seen %+v", seen)
			}
			if f := *seen.Failure; f.Reason != test.want || !strings.Contains(f.Detail, test.detail) || !f.At.Equal(s.time()) {
				t.Errorf("failure %+v, want %s with %q", f, test.want, test.detail)
			}
		})
	}
}

// An issuer of access tokens that nobody signs in by needs nothing but keys.
func TestIssuerOfTokensAlone(t *testing.T) {
	s := newStage(t)
	s.Lie(oidctest.Lies{Discovery: func(d map[string]any) {
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "id_token_signing_alg_values_supported"} {
			delete(d, name)
		}
	}})
	if seen := s.looked(s.URL, egress.Config{Loopback: true}); seen.Failing || seen.Keys == 0 {
		t.Errorf("%+v", seen)
	}
	if _, err := s.signIn(); kind(t, err) != oidc.False {
		t.Errorf("where people sign in: %v", err)
	}
}

func TestServerWithoutTLS(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	seen := newStage(t).looked(strings.Replace(plain.URL, "http:", "https:", 1), here)
	if seen.Failure == nil || seen.Failure.Reason != oidc.BadTLS {
		t.Errorf("seen %+v", seen.Failure)
	}
}

// R35, R56: what an issuer can do, its keys, and its clock.
func TestStatus(t *testing.T) {
	s := newStage(t)
	seen := s.looked(s.URL, here)
	if seen.Failing || seen.Failure != nil || !seen.Read.Equal(s.time()) || seen.Keys != 1 || !seen.KeysRead.Equal(s.time()) || seen.KeysFailure != nil {
		t.Errorf("seen %+v", seen)
	}
	if seen.PKCE != oidc.Unsaid || !seen.EndsSession || seen.TellsLogout || seen.Ahead.Abs() > 2*time.Second || seen.Compared.IsZero() {
		t.Errorf("seen %+v", seen)
	}
	s.Lie(oidctest.Lies{
		Discovery: func(d map[string]any) {
			d["code_challenge_methods_supported"], d["backchannel_logout_supported"] = []string{"plain"}, true
		},
		Serve: func(w http.ResponseWriter, _ string) bool {
			w.Header().Set("Date", s.time().Add(20*time.Second).UTC().Format(http.TimeFormat))
			return false
		},
	})
	if seen = s.looked(s.URL, here); seen.PKCE != oidc.No || !seen.TellsLogout || seen.Ahead < 15*time.Second {
		t.Errorf("seen %+v", seen)
	}
	s.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, path string) bool {
		if path == "/jwks" {
			w.WriteHeader(http.StatusBadGateway)
		}
		return path == "/jwks"
	}})
	if seen = s.looked(s.URL, here); seen.Failing || seen.Keys != 0 || seen.KeysFailure == nil || seen.KeysFailure.Reason != oidc.BadStatus {
		t.Errorf("seen %+v", seen)
	}
}

// A check asks at once where waiting people would be told to wait, and is itself no way
// to ask without end.
func TestCheck(t *testing.T) {
	s := newStage(t)
	set, err := oidc.New(oidc.Config{Issuers: []string{s.URL}, Now: s.time, Client: egress.NewClient(egress.Config{Loopback: true})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	const path = "/.well-known/openid-configuration"
	for range 3 {
		if err := set.Check(t.Context(), s.URL); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Asked(path); n != 1 {
		t.Errorf("asked %d times at one instant", n)
	}
	s.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, _ string) bool { w.WriteHeader(http.StatusInternalServerError); return true }})
	s.pass(3 * time.Second)
	if err := set.Check(t.Context(), s.URL); err != nil {
		t.Fatal(err)
	}
	seen, err := set.Status(s.URL)
	if err != nil || !seen.Failing || seen.Keys != 1 || !seen.Read.Before(seen.Asked) {
		t.Errorf("what was known is not kept: %+v, %v", seen, err)
	}
	s.Lie(oidctest.Lies{})
	s.pass(3 * time.Second)
	if err := set.Check(t.Context(), s.URL); err != nil {
		t.Fatal(err)
	}
	if seen, err = set.Status(s.URL); err != nil || seen.Failing || seen.Failure == nil {
		t.Errorf("the last failure is to be told, and that it is over: %+v, %v", seen, err)
	}
	if _, err := set.Status("https://other.example"); !errors.Is(err, oidc.ErrNoIssuer) {
		t.Errorf("an issuer of nobody: %v", err)
	}
	if err := set.Check(t.Context(), "https://other.example"); !errors.Is(err, oidc.ErrNoIssuer) {
		t.Errorf("an issuer of nobody: %v", err)
	}
}

// Whoever asks for the status does not wait for an issuer that is being asked.
func TestStatusWhileAsked(t *testing.T) {
	s := newStage(t)
	asked, held := make(chan struct{}), make(chan struct{})
	s.Lie(oidctest.Lies{Serve: func(http.ResponseWriter, string) bool { asked <- struct{}{}; <-held; return true }})
	set, err := oidc.New(oidc.Config{Issuers: []string{s.URL}, Now: s.time, Client: egress.NewClient(egress.Config{Loopback: true})})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- set.Check(context.Background(), s.URL) }()
	<-asked
	if _, err := set.Status(s.URL); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := set.Check(gone, s.URL); !errors.Is(err, context.Canceled) {
		t.Errorf("a second check: %v", err)
	}
	close(held)
	if err := <-done; err != nil {
		t.Error(err)
	}
	set.Close()
}

// What came of sign-ins: that they work, what the set-up spoilt, and claims that were not
// used (R51, R53).
func TestLately(t *testing.T) {
	s := newStage(t)
	if l := s.client.Lately(); !l.Arrived.IsZero() || l.Trouble != nil || len(l.Warned) != 0 {
		t.Errorf("before anybody came: %+v", l)
	}
	s.client.Mapping = func(merged map[string]any) (oidc.Person, []string, error) {
		p, _, err := mapping(merged)
		return p, []string{fmt.Sprint(merged["name"])}, err
	}
	for i := range 25 {
		s.Knows("alice", map[string]any{"name": fmt.Sprint("claim ", i)})
		if _, err := s.signIn(); err != nil {
			t.Fatal(err)
		}
		s.pass(time.Second)
	}
	if _, err := s.signIn(); err != nil {
		t.Fatal(err)
	}
	l := s.client.Lately()
	if len(l.Warned) != 20 || l.Warned[0].Text != "claim 24" || l.Warned[0].Count != 2 || !l.Arrived.Equal(s.time()) || l.Trouble != nil {
		t.Errorf("%d warnings, the last %+v, arrived %s", len(l.Warned), l.Warned[0], l.Arrived)
	}
	s.client.ClientSecret = "another"
	if _, err := s.signIn(); err == nil {
		t.Fatal("signed in with the wrong secret")
	}
	if l := s.client.Lately(); l.Trouble == nil || l.Trouble.Kind != oidc.Misset || !l.Trouble.At.Equal(s.time()) {
		t.Errorf("trouble %+v", l.Trouble)
	}
}
