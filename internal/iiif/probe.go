package iiif

import "net/http"

// ProbeResult is the answer of a probe service, always sent with HTTP status 200.
type ProbeResult struct {
	ID     string // the probe's address; left out when empty
	Status int    // what a request for the image would get, e.g. 401
	// Heading and Note are for people. A status that is not success has to have a
	// heading (D-082).
	Heading, Note Text
	// Substitute is the base URI of a smaller image of Image API 3 that everybody may
	// see; "" where there is none, and wherever the status is success.
	Substitute string
	Preview    Text // what the smaller image is called
}

type probeDocument struct {
	Context    string       `json:"@context"`
	ID         string       `json:"id,omitempty"`
	Type       string       `json:"type"`
	Status     int          `json:"status"`
	Heading    languageMap  `json:"heading,omitempty"`
	Note       languageMap  `json:"note,omitempty"`
	Substitute []substitute `json:"substitute,omitempty"`
}

type substitute struct {
	ID      string      `json:"id"`
	Type    string      `json:"type"`
	Profile string      `json:"profile"`
	Label   languageMap `json:"label"`
}

// Probe writes an AuthProbeResult2 (Authorization Flow 2.0 section 6.2).
func Probe(r ProbeResult) []byte {
	doc := probeDocument{
		Context: contextAuth2, ID: r.ID, Type: "AuthProbeResult2", Status: r.Status,
		Heading: r.Heading.languages(),
	}
	if doc.Heading != nil {
		doc.Note = r.Note.languages()
	}
	if r.Substitute != "" && r.Status != http.StatusOK {
		doc.Substitute = []substitute{{r.Substitute, "ImageService3", "level2", r.Preview.languages()}}
	}
	return marshal(doc)
}
