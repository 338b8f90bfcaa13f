package coordinator

import (
	"net/http"
	"slices"

	"golang.org/x/text/language"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// inLanguageOf gives terms in the language that a browser asks for, as far as they are
// in it; both parts in the same, and in English where nothing fits.
func inLanguageOf(r *http.Request, t authz.Terms) (title, text, tag string) {
	tags := []string{"en"} // the first is what nothing else fits
	for tag := range t.Text {
		if _, both := t.Title[tag]; both && tag != "en" {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags[1:])
	known := make([]language.Tag, len(tags))
	for i, tag := range tags {
		known[i] = language.Make(tag)
	}
	wanted, _, _ := language.ParseAcceptLanguage(limited(r.Header.Get("Accept-Language")))
	_, best, confidence := language.NewMatcher(known).Match(wanted...)
	if confidence == language.No {
		best = 0
	}
	return t.Title[tags[best]], t.Text[tags[best]], tags[best]
}

// limited bounds what is parsed of a header that anybody can write.
func limited(header string) string { return header[:min(len(header), 200)] }
