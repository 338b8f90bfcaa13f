package web

import (
	"net/http"
	"strings"
)

// Terms is the page that asks for the one click by which terms are accepted.
type Terms struct {
	Action   string
	Origin   string // of the viewer that asked, "" if none did
	Next     string // path to go on to, "" to close the tab
	Title    string
	Text     string // paragraphs are parted by empty lines
	Language string // of both
	Version  string
	Accepted bool   // already
	As       string // who is signed in, "" for nobody
	Switch   string // link to the form for another account, "" for none
	Problem  string
}

// Paragraphs of the text.
func (t Terms) Paragraphs() []string {
	var all []string
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(t.Text, "\r\n", "\n"), "\n\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
			all = append(all, paragraph)
		}
	}
	return all
}

// ShowTerms draws the page with the terms.
func (pages *Pages) ShowTerms(w http.ResponseWriter, r *http.Request, status int, t Terms) {
	protect(w.Header(), "")
	pages.render(w, r, status, "terms", page{Title: text(r, "terms.title"), Show: t})
}
