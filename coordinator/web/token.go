package web

import (
	"encoding/json"
	"net/http"
)

// Token is the page that hands one message to the viewer around it.
type Token struct {
	Message json.RawMessage // an object; nil: nobody can be told
	Target  json.RawMessage // the viewer's origin, as a JSON string
	Recheck json.RawMessage // where to ask once more with storage access, as a JSON string; nil: don't

	Sentence string // for people, where there is no message
}

// ShowToken draws the token page, which anybody may frame: its message reaches
// nobody but the target. Ancestors are not narrowed to the target, for a viewer
// may itself be embedded in somebody's page.
func (pages *Pages) ShowToken(w http.ResponseWriter, r *http.Request, t Token) {
	nonce := newNonce()
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+
		"'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors https: http:")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Referrer-Policy", "no-referrer")
	pages.render(w, r, http.StatusOK, "token", page{Nonce: nonce, Show: t})
}
