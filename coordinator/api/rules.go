package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// rules is the ordered table. Default is a setting, shown so that a reader sees the
// whole of the matter, Revision what the ETag says, for files that keep the rules, and
// Warnings what is allowed in them and hardly meant; writing any of these is of no effect.
type rules struct {
	authz.Document
	Default  authz.Access    `json:"default,omitempty"`
	Revision int64           `json:"revision"`
	Warnings []authz.Warning `json:"warnings,omitempty"`

	Unmatched *Unmatched `json:"unmatched,omitempty"` // where it was asked for
}

// Unmatched are the rules that name no image there is now, each with a sentence.
type Unmatched struct {
	Items   []authz.Warning `json:"items"`
	Unknown int             `json:"unknown"` // rules of which it could not be told in time
}

func (s *server) getRules(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	set, err := s.People.Rules(r.Context())
	if err != nil {
		return err
	}
	return s.writeRules(w, r, set)
}

func (s *server) putRules(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	expected, err := expectedRevision(r)
	if err != nil {
		return err
	}
	var body rules
	if err := read(w, r, maxRulesBody, &body); err != nil {
		return err
	}
	if body.Items == nil {
		return badJSON(errors.New(`“items” is missing; send an empty list to remove every rule`))
	}
	set, err := s.People.ReplaceDocument(r.Context(), actor, body.Document, expected)
	if err != nil {
		return err
	}
	return s.writeRules(w, r, set)
}

// writeRules looks for rules without images only where that is asked for: it takes time.
func (s *server) writeRules(w http.ResponseWriter, r *http.Request, set people.RuleSet) error {
	d := set.Document()
	warnings, err := s.People.Warnings(d, say)
	if err != nil {
		return err
	}
	var without *Unmatched
	if r.URL.Query().Get("unmatched") == "yes" {
		found, err := s.Unmatched(r.Context(), d)
		if err != nil {
			return err
		}
		without = &found
	}
	d.Items = append([]authz.Rule{}, d.Items...) // never null
	w.Header().Set("ETag", etag(set.Revision))
	return write(w, http.StatusOK, rules{Document: d, Default: s.Fallback, Revision: set.Revision, Warnings: warnings, Unmatched: without})
}

func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// expectedRevision reads If-Match: absent and "*" match any revision.
func expectedRevision(r *http.Request) (int64, error) {
	text := strings.TrimSpace(r.Header.Get("If-Match"))
	if text == "" || text == "*" {
		return people.AnyRevision, nil
	}
	revision, err := strconv.ParseInt(strings.Trim(text, `"`), 10, 64)
	if err != nil || revision < 0 || text != etag(revision) {
		return 0, &people.Error{Kind: people.Precondition, Code: "bad-if-match"}
	}
	return revision, nil
}
