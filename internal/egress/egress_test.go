package egress_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/internal/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// R27: what is private stays out of reach, however it is written.
func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.215.14": true, "2606:2800:21f:cb07:6820:80da:af6b:8b2c": true, "8.8.8.8": true,
		"127.0.0.1": false, "127.8.9.1": false, "::1": false, "::ffff:127.0.0.1": false,
		"10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "172.32.0.1": true, "192.168.1.1": false,
		"::ffff:10.0.0.1": false, "fd00::1": false, "fc00::1": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false,
		"169.254.169.254": false, "::ffff:169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false, "100.128.0.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "::": false, "255.255.255.255": false, "224.0.0.1": false, "ff02::1": false, "240.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "64:ff9b::5db8:d70e": false, "64:ff9b:1::a00:1": false,
		"2002:7f00:1::": false, "2002:a00:1::1": false, "2001::1": false, "2001:db8::1": false, "::127.0.0.1": false,
		"192.0.2.1": false, "198.51.100.7": false, "203.0.113.9": false, "198.18.0.1": false, "192.0.0.8": false, "192.88.99.1": false,
	} {
		if got := egress.IsPublic(netip.MustParseAddr(text)); got != want {
			t.Errorf("R27 %s is public: %v", text, got)
		}
	}
}

func allow(t *testing.T, items ...string) egress.Allow {
	t.Helper()
	a, err := egress.ParseAllow(items)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func get(t *testing.T, c egress.Config, address string) (string, error) {
	t.Helper()
	client := egress.NewClient(c)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// R27: a name that leads to this machine is stopped when it is dialled.
func TestDial(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "inside") }))
	defer server.Close()
	at, _ := url.Parse(server.URL)
	for name, test := range map[string]struct {
		config egress.Config
		host   string
		want   error
	}{
		"R27 address":           {egress.Config{}, "127.0.0.1", egress.ErrForbidden},
		"R27 name":              {egress.Config{}, "localhost", egress.ErrForbidden},
		"R27 name of this host": {egress.Config{}, "idp.localhost", egress.ErrForbidden},
		"R27 mapped":            {egress.Config{}, "[::ffff:127.0.0.1]", egress.ErrForbidden},
		"R27 another allowed":   {egress.Config{Allow: allow(t, "10.0.0.0/8", "login.example.edu")}, "127.0.0.1", egress.ErrForbidden},
		"network allowed":       {egress.Config{Allow: allow(t, "127.0.0.0/8")}, "127.0.0.1", nil},
		"host allowed":          {egress.Config{Allow: allow(t, "LOCALHOST")}, "localhost", nil},
		"development":           {egress.Config{Loopback: true}, "127.0.0.1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := get(t, test.config, "https://"+test.host+":"+at.Port())
			// The certificate is nobody's; that it was seen shows that the dial went through.
			if forbidden := errors.Is(err, egress.ErrForbidden); err == nil || forbidden != (test.want != nil) {
				t.Errorf("answer: %v", err)
			}
		})
	}
}

func TestClearText(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "inside") }))
	defer server.Close()
	if body, err := get(t, egress.Config{Loopback: true}, server.URL); err != nil || body != "inside" {
		t.Errorf("within this machine: %q, %v", body, err)
	}
	if _, err := get(t, egress.Config{Loopback: true}, strings.Replace(server.URL, "127.0.0.1", "idp.tessera.localhost", 1)); err != nil {
		t.Errorf("a name below localhost: %v", err)
	}
	if _, err := get(t, egress.Config{Allow: allow(t, "127.0.0.1")}, server.URL); err == nil {
		t.Error("clear text left although this is no development")
	}
	if _, err := get(t, egress.Config{Loopback: true}, "http://example.org/"); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("clear text to the world: %v", err)
	}
}

// R27: redirects are dialled as everything else; what was posted is never sent on.
func TestRedirects(t *testing.T) {
	var posted int
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posted++ }))
	defer inner.Close()
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metadata":
			http.Redirect(w, r, "https://169.254.169.254/latest", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
		}
	}))
	defer outer.Close()
	config := egress.Config{Loopback: true}
	if _, err := get(t, config, outer.URL+"/metadata"); !errors.Is(err, egress.ErrForbidden) {
		t.Errorf("R27 redirect inside: %v", err)
	}
	if _, err := get(t, config, outer.URL+"/round"); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("redirects without end: %v", err)
	}
	client := egress.NewClient(config)
	defer client.CloseIdleConnections()
	answer, err := client.PostForm(outer.URL, url.Values{"code": {"secret"}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusTemporaryRedirect || posted != 0 {
		t.Errorf("a post was sent on: status %d", answer.StatusCode)
	}
}

// R27: an answer ends where its bound is, with an error.
func TestBounds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "0123456789") }))
	defer server.Close()
	if body, err := get(t, egress.Config{Loopback: true, MaxBytes: 10}, server.URL); err != nil || body != "0123456789" {
		t.Errorf("at the bound: %q, %v", body, err)
	}
	if _, err := get(t, egress.Config{Loopback: true, MaxBytes: 9}, server.URL); !errors.Is(err, egress.ErrTooLarge) {
		t.Errorf("above the bound: %v", err)
	}
}

func TestParseAllow(t *testing.T) {
	for _, item := range []string{"", "https://login.example.edu", "login example", "10.0.0.0/33", "*.example.edu", "a/b"} {
		if _, err := egress.ParseAllow([]string{item}); err == nil {
			t.Errorf("%q was accepted", item)
		}
	}
}
