package oidctoken

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/claims"
	"github.com/tessera-iiif/tessera/internal/oidctoken/issuertest"
)

const (
	issuerURL = issuertest.URL
	audience  = issuertest.Audience
)

type token = issuertest.Token

// stage is a verifier and what it logs.
type stage struct {
	*Verifier
	provider *issuertest.Provider
	log      bytes.Buffer
}

func newStage(t testing.TB, change ...func(*Issuer)) *stage {
	t.Helper()
	m, err := claims.New(claims.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	i := Issuer{Name: "main", URL: issuerURL, Audiences: []string{audience, "tessera-api"}, Mapping: m}
	for _, f := range change {
		f(&i)
	}
	s := &stage{provider: issuertest.New()}
	s.Verifier, err = New(Config{
		Issuers: []Issuer{i}, Client: &http.Client{Transport: s.provider}, Now: time.Now, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
