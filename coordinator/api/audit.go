package api

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/people"
)

// entry is an event on record. ActorEmail is no part of what is hashed.
type entry struct {
	audit.Entry
	ActorEmail string `json:"actorEmail"`
}

func entryOf(e people.AuditEntry) entry { return entry{e.Entry, e.ActorEmail} }

// record is a page of it; Head is its last entry.
type record struct {
	list[entry]
	Head audit.Head `json:"head"`
}

func (s *server) listAudit(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	p, err := pageOf(r, "audit")
	if err != nil {
		return err
	}
	q, err := auditQuery(r.URL.Query(), p)
	if err != nil {
		return err
	}
	rows, head, err := s.People.Audit(r.Context(), q)
	if err != nil {
		return err
	}
	seq := func(e people.AuditEntry) string { return strconv.FormatInt(e.Seq, 10) }
	return write(w, http.StatusOK, record{paged(rows, p, entryOf, seq), head})
}

func auditQuery(query url.Values, p paging) (q people.AuditQuery, err error) {
	q = people.AuditQuery{
		Event: query.Get("event"), Actor: query.Get("actor"), Target: query.Get("target"), Search: query.Get("q"), Limit: p.limit + 1,
	}
	if q.Since, err = instantIn(query, "since"); err != nil {
		return q, err
	}
	if q.Until, err = instantIn(query, "until"); err != nil {
		return q, err
	}
	switch query.Get("order") {
	case "asc":
		q.Ascending = true
	case "", "desc":
	default:
		return q, &people.Error{Kind: people.Invalid, Code: "bad-order", Field: "order"}
	}
	if p.after != "" {
		q.After, err = strconv.ParseInt(p.after, 10, 64)
	}
	if err != nil || p.after != "" && q.After < 1 {
		return q, errCursor
	}
	return q, nil
}

// instantIn reads a parameter in the form of RFC 3339, or the zero time.
func instantIn(query url.Values, name string) (time.Time, error) {
	text := query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, &people.Error{Kind: people.Invalid, Code: "bad-instant", Args: []any{name}, Field: name}
	}
	return at, nil
}

// verdict says whether the record is whole.
type verdict struct {
	Whole   bool       `json:"whole"`
	Entries int64      `json:"entries"` // checked
	Head    audit.Head `json:"head"`    // the last that was sound
	Seq     int64      `json:"seq,omitempty"`
	Problem string     `json:"problem,omitempty"`
}

func (s *server) verifyAudit(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	v, err := s.People.VerifyAudit(r.Context())
	if err != nil {
		return err
	}
	answer := verdict{Whole: v.Broken == nil, Entries: v.Entries, Head: v.Head}
	if v.Broken != nil {
		answer.Seq, answer.Problem = v.Broken.Seq, v.Broken.Error()
	}
	return write(w, http.StatusOK, answer)
}
