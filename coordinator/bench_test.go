package coordinator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/internal/session"
)

// counter is a coordinator with one administrator, at the real cost of passwords.
func counter(b *testing.B) *coordinator.Coordinator {
	b.Helper()
	c, err := coordinator.New(coordinator.Config{DB: dbtest.Fresh(b), PublicURLs: []string{"http://localhost"}})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.Bootstrap(b.Context(), adminEmail, adminPassword); err != nil {
		b.Fatal(err)
	}
	return c
}

func signIn(b *testing.B, c *coordinator.Coordinator) string {
	b.Helper()
	form := url.Values{"email": {adminEmail}, "password": {adminPassword}}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/auth/login", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		b.Fatal(w.Code, w.Body)
	}
	return w.Result().Cookies()[0].Value
}

func BenchmarkLookup(b *testing.B) {
	c := counter(b)
	hash := session.HashOf(signIn(b, c))
	for b.Loop() {
		if _, err := c.Lookup(b.Context(), session.KindSession, hash); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignIn(b *testing.B) {
	c := counter(b)
	for b.Loop() {
		signIn(b, c)
	}
}
