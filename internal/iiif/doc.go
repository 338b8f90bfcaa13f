// Package iiif writes the IIIF documents of the server: image information in both
// versions, the descriptions of its sign-in services, probe results and manifests,
// and puts those services into documents that others wrote.
//
// Everything here is a pure function of its arguments, and equal arguments give
// equal bytes, so that a hash of a document can be its ETag.
package iiif

import (
	"bytes"
	"encoding/json"
)

// The JSON-LD contexts and profiles of the IIIF specifications. They are names, not
// addresses: https forms of them are other names, and no client knows those.
const (
	contextAuth1         = "http://iiif.io/api/auth/1/context.json"
	contextAuth2         = "http://iiif.io/api/auth/2/context.json"
	contextImage2        = "http://iiif.io/api/image/2/context.json"
	contextImage3        = "http://iiif.io/api/image/3/context.json"
	contextPresentation3 = "http://iiif.io/api/presentation/3/context.json"
	imageProtocol        = "http://iiif.io/api/image"

	// ProfileImage2 and ProfileImage3 name the compliance level for the Link header
	// with rel="profile" (Image API 2.1 section 6, 3.0 section 6).
	ProfileImage2 = "http://iiif.io/api/image/2/level2.json"
	ProfileImage3 = "http://iiif.io/api/image/3/level2.json"
)

// marshal writes compact JSON without HTML escapes, which would only garble URLs.
func marshal(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// The documents are made of strings, integers and lists of them alone.
		panic("iiif: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// contexts is a @context: one string alone, or a list whose last entry is the
// context of the document itself.
func contexts(own string, before ...string) any {
	if len(before) == 0 {
		return own
	}
	return append(before, own)
}

// languageMap holds text by language tag, as the version 3 family of APIs wants it.
type languageMap map[string][]string

// verbatim is for names that are in no particular language.
func verbatim(text string) languageMap {
	return languageMap{"none": {text}}
}
