package iiif

import (
	"cmp"
	"net/http"
)

// ProbeResult is the answer of a probe service, always sent with HTTP status 200.
type ProbeResult struct {
	ID     string // the probe's address; left out when empty
	Status int    // what a request for the image would get, e.g. 401
	// Heading and Note are for people. A status that is not success has to have a
	// heading; an empty one stands for the package's own words on that status.
	Heading, Note string
}

type probeDocument struct {
	Context string      `json:"@context"`
	ID      string      `json:"id,omitempty"`
	Type    string      `json:"type"`
	Status  int         `json:"status"`
	Heading languageMap `json:"heading,omitempty"`
	Note    languageMap `json:"note,omitempty"`
}

// Probe writes an AuthProbeResult2 (Authorization Flow 2.0 section 6.2).
func Probe(r ProbeResult) []byte {
	if r.Heading == "" && r.Status != http.StatusOK {
		r.Heading, r.Note = refusal(r.Status)
	}
	doc := probeDocument{
		Context: contextAuth2, ID: r.ID, Type: "AuthProbeResult2", Status: r.Status,
		Heading: english(r.Heading),
	}
	if r.Heading != "" {
		doc.Note = english(r.Note)
	}
	return marshal(doc)
}

func refusal(status int) (heading, note string) {
	switch status {
	case http.StatusUnauthorized:
		return "Sign in to see this image", "If you are signed in already, another account may be allowed to see it."
	case http.StatusForbidden:
		return "This image is not open to you", "Signing in does not change that. Ask the institution that holds it."
	case http.StatusNotFound:
		return "There is no such image", "It may have been moved or renamed. Look for it in the catalogue again."
	case http.StatusServiceUnavailable:
		return "Access cannot be checked at the moment", "Try again in a minute."
	}
	return cmp.Or(http.StatusText(status), "The image cannot be shown"), "Try again later, or ask the institution that holds it."
}
