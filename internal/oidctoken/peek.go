package oidctoken

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// issuerOf reads who a text says it is from, "" where it is no JWT. Nothing of it is
// verified: it only says whose keys to try, and is compared again once it is.
func issuerOf(text string) string {
	_, rest, _ := strings.Cut(text, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if !found || len(text) > maxToken || strings.Contains(signature, ".") {
		return ""
	}
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var said struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	return said.Issuer
}

// Resembles tells whether a text has the form of a token: three parts between dots.
func Resembles(text string) bool { return len(text) <= maxToken && strings.Count(text, ".") == 2 }
