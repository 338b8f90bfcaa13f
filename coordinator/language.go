package coordinator

import (
	"net/http"

	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// wordsFor are those of whoever asks.
func wordsFor(r *http.Request) *catalogue.Words { return catalogue.From(r.Context()) }

// inLanguageOf gives terms in the language that a browser asks for, as far as they are
// in it; both parts in the same.
func inLanguageOf(r *http.Request, t authz.Terms) (title, text, tag string) {
	both := map[string]string{}
	for tag, text := range t.Text {
		if _, titled := t.Title[tag]; titled {
			both[tag] = text
		}
	}
	tag = catalogue.Choose(r, wordsFor(r), both)
	return t.Title[tag], t.Text[tag], tag
}
