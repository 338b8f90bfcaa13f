package oidc_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/oidc/oidctest"
)

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// R40
func TestLogoutToken(t *testing.T) {
	const event = "http://schemas.openid.net/event/backchannel-logout"
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}
	now := time.Now()
	for name, test := range map[string]struct {
		change func(map[string]any)
		good   bool
	}{
		"R40 sid and sub":     {nil, true},
		"R40 sid alone":       {set("sub", nil), true},
		"R40 sub alone":       {set("sid", nil), true},
		"R40 neither":         {func(c map[string]any) { delete(c, "sub"); delete(c, "sid") }, false},
		"R40 iss":             {set("iss", "https://evil.example"), false},
		"R40 aud":             {set("aud", "another"), false},
		"R40 nonce":           {set("nonce", "x"), false},
		"R40 nonce null":      {set("nonce", nullClaim{}), false},
		"R40 no events":       {set("events", nil), false},
		"R40 another event":   {set("events", map[string]any{"http://example.org/other": map[string]any{}}), false},
		"R40 event is no map": {set("events", map[string]any{event: "x"}), false},
		"R40 event is null":   {set("events", map[string]any{event: nil}), false},
		"R40 no jti":          {set("jti", nil), false},
		"R40 no exp":          {set("exp", nil), false},
		"R40 expired":         {set("exp", now.Add(-time.Hour).Unix()), false},
		"R40 no iat":          {set("iat", nil), false},
		"R40 of yesterday":    {set("iat", now.Add(-24*time.Hour).Unix()), false},
		"R40 of tomorrow":     {set("iat", now.Add(24*time.Hour).Unix()), false},
		"R40 long sid":        {set("sid", strings.Repeat("x", 300)), false},
		"R40 sub is a number": {set("sub", 7), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			l, err := s.client.VerifyLogout(t.Context(), s.LogoutToken("alice", "s1", test.change))
			if (err == nil) != test.good {
				t.Fatalf("%+v, %v", l, err)
			}
			if err == nil && (l.TokenID == "" || l.Until.Before(now) || l.SID == "" && l.Subject == "") {
				t.Errorf("%+v", l)
			}
		})
	}
}

// nullClaim is JSON null, which set takes for "leave out".
type nullClaim struct{}

func (nullClaim) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// R37, R40: tokens of another kind end nothing.
func TestNoLogoutToken(t *testing.T) {
	s := newStage(t)
	a, err := s.signIn()
	if err != nil {
		t.Fatal(err)
	}
	good := s.LogoutToken("alice", "s1", nil)
	_, rest, _ := strings.Cut(good, ".")
	for name, token := range map[string]string{
		"R37 ID token": a.IDToken,
		"R40 unsigned": oidctest.Unsigned([]byte(`{}`)),
		"R40 changed":  good[:len(good)-8] + "AAAAAAAA",
		"R40 nothing":  "",
		"R40 no token": "x",
		"R37 typ":      b64(`{"alg":"RS256","typ":"at+jwt"}`) + "." + rest,
		"R40 endless":  strings.Repeat("x", 70<<10),
	} {
		if _, err := s.client.VerifyLogout(t.Context(), token); err == nil {
			t.Errorf("%s was believed", name)
		} else if kind(t, err) != oidc.False {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// R41
func TestEndSession(t *testing.T) {
	s := newStage(t)
	address, err := s.client.EndSession(t.Context(), "hint", "https://iiif.example.org/auth/signed-out")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(address)
	q := u.Query()
	if !strings.HasPrefix(address, s.URL+"/end?") || q.Get("id_token_hint") != "hint" || q.Get("client_id") != oidctest.ClientID ||
		q.Get("post_logout_redirect_uri") != "https://iiif.example.org/auth/signed-out" {
		t.Errorf("address %s", address)
	}
	if long, _ := s.client.EndSession(t.Context(), strings.Repeat("x", 5000), "https://a.example"); strings.Contains(long, "xxx") {
		t.Error("the address is longer than servers take")
	}
}

// R42
func TestRefresh(t *testing.T) {
	s := newStage(t)
	first, err := s.signIn()
	if err != nil {
		t.Fatal(err)
	}
	s.Knows("alice", map[string]any{"name": "Alice", "groups": []string{"retired"}})
	second, err := s.client.Refresh(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if second.Refresh == first.Refresh || second.Person.Groups[0] != "retired" || second.SID != first.SID || !second.Told {
		t.Errorf("%+v", second)
	}
	t.Run("R42 used twice", func(t *testing.T) {
		if _, err := s.client.Refresh(t.Context(), first); kind(t, err) != oidc.Over {
			t.Error(err)
		}
	})
	t.Run("R42 somebody else", func(t *testing.T) {
		s.Lie(oidctest.Lies{Claims: func(c map[string]any) { c["sub"] = "mallory" }})
		if _, err := s.client.Refresh(t.Context(), second); kind(t, err) != oidc.False {
			t.Error(err)
		}
		s.Lie(oidctest.Lies{})
	})
	t.Run("R42 no ID token", func(t *testing.T) {
		third, err := s.signIn()
		if err != nil {
			t.Fatal(err)
		}
		s.Lie(oidctest.Lies{
			Token:    func(a map[string]any) { delete(a, "id_token"); delete(a, "refresh_token") },
			UserInfo: func(c map[string]any) { c["groups"] = []string{"by userinfo"} },
		})
		fourth, err := s.client.Refresh(t.Context(), third)
		if err != nil {
			t.Fatal(err)
		}
		if fourth.Person.Groups[0] != "by userinfo" || fourth.Person.Name != "Alice" || fourth.Refresh != third.Refresh || fourth.IDToken != third.IDToken {
			t.Errorf("%+v", fourth)
		}
		s.Lie(oidctest.Lies{})
	})
	t.Run("R42 gone", func(t *testing.T) {
		last, err := s.signIn()
		if err != nil {
			t.Fatal(err)
		}
		s.Knows("alice", nil)
		if _, err := s.client.Refresh(t.Context(), last); kind(t, err) != oidc.Over {
			t.Error(err)
		}
	})
}
