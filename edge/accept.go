package edge

import (
	"strconv"
	"strings"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

const (
	jsonType   = "application/json"
	ldType     = "application/ld+json"
	imageType3 = ldType + `;profile="http://iiif.io/api/image/3/context.json"`
)

// infoType chooses the media type of an info.json. Version 3 prefers JSON-LD and names
// its profile; version 2 sends JSON unless JSON-LD is asked for by name.
func infoType(v iiifurl.Version, accept string) string {
	if v == iiifurl.V2 {
		return negotiate(accept, jsonType, ldType)
	}
	return negotiate(accept, imageType3, ldType)
}

// negotiate chooses between JSON and JSON-LD, which are the same bytes here. It never
// refuses: a client that accepts neither gets the preferred one and may look at it.
func negotiate(accept, preferred, ld string) string {
	prefersLD := strings.HasPrefix(preferred, ldType)
	if prefersLD {
		ld = preferred
	}
	want := parseAccept(accept)
	json, linked := want.of(jsonType), want.of(ldType)
	switch {
	case json.q == 0 && linked.q == 0:
		return preferred
	case want.navigates() && !json.named && !linked.named:
		return jsonType // a browser would offer to save JSON-LD
	case json.q > linked.q:
		return jsonType
	case json.q < linked.q:
		return ld
	case json.named && !linked.named:
		return jsonType
	case linked.named && !json.named:
		return ld
	}
	return preferred
}

// acceptance is what an Accept header says of media types: pattern to quality.
type acceptance map[string]float64

func parseAccept(header string) acceptance {
	a := make(acceptance)
	for _, item := range splitList([]string{header}, ',') {
		parameters := splitList([]string{item}, ';')
		q := 1.0
		for _, p := range parameters[1:] {
			name, value, _ := strings.Cut(p, "=")
			if strings.EqualFold(strings.TrimSpace(name), "q") {
				q = quality(value)
			}
		}
		if name := strings.ToLower(parameters[0]); name != "" {
			a[name] = max(a[name], q)
		}
	}
	return a
}

// quality reads a q value; what is not one counts as acceptance.
func quality(value string) float64 {
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 1
	}
	return q
}

// wish is how much a type is wanted, and whether it was named and not matched by a range.
type wish struct {
	q     float64
	named bool
}

func (a acceptance) of(mediaType string) wish {
	if q, ok := a[mediaType]; ok {
		return wish{q, true}
	}
	for _, pattern := range []string{"application/*", "*/*"} {
		if q, ok := a[pattern]; ok {
			return wish{q, false}
		}
	}
	return wish{}
}

// navigates tells a browser that opens the address from a program that reads it.
func (a acceptance) navigates() bool { return a["text/html"] > 0 }
