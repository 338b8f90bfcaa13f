package iiif

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// MaxDocument bounds the documents that InjectAuth edits, in bytes. The manifest of a
// bound newspaper year is about a third of it.
const MaxDocument = 64 << 20

// InjectAuth makes a stored IIIF document (a manifest, collection or annotation list of
// Presentation API 2 or 3) fit for the people who ask for it now.
//
// rebase gets every string value that is an http or https URL and returns what is to
// stand in its place, the same string to keep it.
//
// lookup gets the id of each image service, after rebase, with the version it declares,
// and returns the sign-in service that guards the image, or nil for images that are not
// ours or open to all. The service is put inside the image service, for version 2 that
// of Authentication 1.0 and for version 3 that of Authorization Flow 2.0, in the place
// of any auth services there: the description of a restricted image is ours to give, and
// what a stored document says of it may be stale.
//
// Every other byte stays as it is. The result may share memory with document. An error
// is a [tile.Error] of code Broken: the document is too large, too deeply nested or no
// valid JSON.
func InjectAuth(
	document []byte,
	lookup func(imageServiceID string, version iiifurl.Version) *Auth,
	rebase func(id string) string,
) ([]byte, error) {
	if err := check(document); err != nil {
		return nil, tile.Fail(tile.Broken, "This document cannot be read. Its owner has to mend it.", err)
	}
	s := scanner{data: document, rebase: rebase, authIDs: map[string]bool{}}
	root, err := s.scan()
	if err != nil {
		return nil, tile.Fail(tile.Broken, "This document cannot be read. Its owner has to mend it.", err)
	}
	in := injector{root: root.object, authIDs: s.authIDs, edits: s.edits, cited: map[string]bool{}}
	// Services are found as they end, yet the first that a reader meets has to be whole.
	slices.SortFunc(s.services, func(a, b value) int { return a.start - b.start })
	for _, service := range s.services {
		if v := imageVersion(service.object); v != 0 {
			if auth := lookup(service.object.id, v); auth != nil {
				in.guard(service.object, v, *auth)
			}
		}
	}
	in.declareAuth2()
	return splice(document, in.edits), nil
}

func check(document []byte) error {
	if len(document) > MaxDocument {
		return fmt.Errorf("%d bytes of JSON are over the limit of %d", len(document), MaxDocument)
	}
	if json.Valid(document) {
		return nil
	}
	var ignored json.RawMessage
	return fmt.Errorf("invalid JSON: %w", json.Unmarshal(document, &ignored))
}

// injector collects the edits of one document.
type injector struct {
	root    *object
	authIDs map[string]bool
	edits   []edit
	cited   map[string]bool // Auth 1 services that were put in whole
	probes  int             // put in
}

func (in *injector) insert(at int, text ...string) {
	in.edits = append(in.edits, edit{span{at, at}, strings.Join(text, "")})
}

func (in *injector) replace(s span, text string) {
	in.edits = append(in.edits, edit{s, text})
}

// guard puts the service of auth into an image service.
func (in *injector) guard(image *object, v iiifurl.Version, auth Auth) {
	text := in.service(v, auth)
	existing := image.service
	switch {
	case existing.kind == 0:
		in.insert(image.last, `,"service":[`, text, `]`)
	case existing.kind == '[':
		in.guardList(existing, auth, text)
	case existing.kind != '{' && existing.kind != '"', in.superseded(existing, auth):
		in.replace(existing.span, "["+text+"]")
	default:
		in.insert(existing.start, "[")
		in.insert(existing.end, ",", text, "]")
	}
}

// guardList puts text in the place of the first auth service of a list and drops the
// others; without any it goes to the end.
func (in *injector) guardList(list value, auth Auth, text string) {
	placed := false
	for i, item := range list.items {
		switch {
		case !in.superseded(item, auth):
		case !placed:
			in.replace(item.span, text)
			placed = true
		default: // never the first of the list: it goes with the comma before it
			in.replace(span{list.items[i-1].end, item.end}, "")
		}
	}
	switch {
	case placed:
	case len(list.items) == 0:
		in.insert(list.start+1, text)
	default:
		in.insert(list.items[len(list.items)-1].end, ",", text)
	}
}

// superseded tells whether an entry of an image service's service list is, or refers
// to, an auth service.
func (in *injector) superseded(v value, auth Auth) bool {
	if v.object != nil {
		return isAuthService(v.object)
	}
	return v.kind == '"' && (in.authIDs[v.text] || strings.HasPrefix(v.text, auth.Base+"/auth/"))
}

// service is the JSON of what stands in an image service of version v for auth.
func (in *injector) service(v iiifurl.Version, auth Auth) string {
	typed := in.isPresentation3()
	if v == iiifurl.V3 {
		in.probes++
		probe := probeService(auth)
		if !typed { // no context of the document's covers it
			probe.Context = contextAuth2
		}
		return string(marshal(probe))
	}
	if typed {
		return string(marshal(cookieService(auth, withType)))
	}
	service := cookieService(auth, withContext)
	if in.cited[service.ID] { // Presentation 2 has repeated services by their id alone
		return string(marshal(service.ID))
	}
	in.cited[service.ID] = true
	return string(marshal(service))
}

// declareAuth2 puts the context of the probes before those of the document, whose last
// has to stay that of its own API. Presentation 2 documents declare it in the probe.
func (in *injector) declareAuth2() {
	if in.probes == 0 || !in.isPresentation3() || slices.Contains(in.root.context.strings(), contextAuth2) {
		return
	}
	declared, quoted := in.root.context, `"`+contextAuth2+`",`
	if declared.kind == '[' {
		in.insert(declared.start+1, quoted)
		return
	}
	in.insert(declared.start, "[", quoted)
	in.insert(declared.end, "]")
}

func (in *injector) isPresentation3() bool {
	return in.root != nil && slices.ContainsFunc(in.root.context.strings(), func(c string) bool {
		return isName(c, "iiif.io/api/presentation/3/")
	})
}

// imageVersion tells which Image API an object is a service of; 0: none that is served
// here. Presentation 3 says it by type, Presentation 2 by context, or profile alone.
func imageVersion(o *object) iiifurl.Version {
	switch o.kind {
	case "ImageService3":
		return iiifurl.V3
	case "ImageService2":
		return iiifurl.V2
	case "ImageService1":
		return 0
	}
	for _, name := range append(o.context.strings(), o.profile.strings()...) {
		switch {
		case isName(name, "iiif.io/api/image/3/"):
			return iiifurl.V3
		case isName(name, "iiif.io/api/image/2/"):
			return iiifurl.V2
		}
	}
	return 0
}

func isAuthService(o *object) bool {
	switch o.kind {
	case "AuthProbeService2", "AuthAccessService2", "AuthAccessTokenService2", "AuthLogoutService2",
		"AuthCookieService1", "AuthTokenService1", "AuthLogoutService1":
		return true
	}
	return slices.ContainsFunc(append(o.context.strings(), o.profile.strings()...), func(name string) bool {
		return isName(name, "iiif.io/api/auth/")
	})
}

// isName matches the names of the IIIF specifications, which some documents write with
// https.
func isName(name, prefix string) bool {
	rest, found := strings.CutPrefix(name, "http://")
	if !found {
		rest, _ = strings.CutPrefix(name, "https://")
	}
	return strings.HasPrefix(rest, prefix)
}
