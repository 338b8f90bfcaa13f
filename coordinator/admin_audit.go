package coordinator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
)

const (
	auditPath  = "/auth/admin/audit"
	exportPath = "/auth/admin/audit.jsonl"
)

func (c *Coordinator) auditPages() map[string]adminPage {
	return map[string]adminPage{"GET " + auditPath: c.getAudit, "GET " + exportPath: c.getAuditExport}
}

// events are those that the filter offers, in the order of the menu.
var events = []string{
	audit.LoginSuccess, audit.LoginFail, audit.LoginLock, audit.SessionExpired, audit.PasswordChange, audit.PasswordFail,
	audit.TokenCreated, audit.TokenRevoked, audit.UserCreated, audit.UserUpdated, audit.UserDeleted, audit.RightsChange,
	audit.RulesChange, audit.Purged, audit.TermsAccepted, audit.Denied, audit.Granted, audit.Checkpoint, audit.Dropped,
}

func eventText(name string, say *catalogue.Words) string {
	if key := "event." + name; say.Has(key) {
		return say.Text(key)
	}
	return name
}

// day is the form of a date field.
const day = "2006-01-02"

// auditQuery reads the filters. A day that is none does not filter.
func auditQuery(query url.Values) people.AuditQuery {
	q := people.AuditQuery{
		Event: query.Get("event"), Actor: query.Get("actor"), Target: query.Get("target"), Search: query.Get("q"),
	}
	q.Since, _ = time.Parse(day, query.Get("since"))
	if until, err := time.Parse(day, query.Get("until")); err == nil {
		q.Until = until.AddDate(0, 0, 1) // the day is meant with its end
	}
	return q
}

func (c *Coordinator) getAudit(w http.ResponseWriter, r *http.Request, as people.Session) {
	query := r.URL.Query()
	page := web.Audit{
		Event: asked(r, "event"), Actor: asked(r, "actor"), Target: asked(r, "target"), Search: asked(r, "q"),
		Since: asked(r, "since"), Until: asked(r, "until"),
	}
	page.Filtered = page.Event+page.Actor+page.Target+page.Search+page.Since+page.Until != ""
	say := wordsFor(r)
	for _, name := range events {
		page.Events = append(page.Events, web.Event{Name: name, Text: eventText(name, say)})
	}
	q := auditQuery(query)
	q.Limit = pageSize + 1
	q.After, _ = strconv.ParseInt(query.Get("after"), 10, 64)
	if err := c.fillAudit(r, q, &page); err != nil {
		c.fail(w, r, err)
		return
	}
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), page)
}

func (c *Coordinator) fillAudit(r *http.Request, q people.AuditQuery, page *web.Audit) error {
	rows, head, err := c.people.Audit(r.Context(), q)
	if err != nil {
		return err
	}
	if page.Entries = head.Seq; head.Seq > 0 {
		page.Head = head.Hash.String()
	}
	if r.URL.Query().Has("check") {
		if page.Checked, err = c.checked(r); err != nil {
			return err
		}
	}
	filters := r.URL.Query()
	filters.Del("after")
	filters.Del("check")
	page.Export = exportPath + "?" + filters.Encode()
	rows, page.Pager = cut(r, rows, func(e people.AuditEntry) string { return strconv.FormatInt(e.Seq, 10) })
	for _, e := range rows {
		page.Items = append(page.Items, auditedOf(e, wordsFor(r)))
	}
	return nil
}

func (c *Coordinator) checked(r *http.Request) (*web.Checked, error) {
	v, err := c.people.VerifyAudit(r.Context())
	if err != nil {
		return nil, err
	}
	if v.Broken == nil {
		return &web.Checked{Whole: true, Entries: v.Entries}, nil
	}
	return &web.Checked{Entries: v.Entries, Seq: v.Broken.Seq, Problem: v.Broken.Error()}, nil
}

func auditedOf(e people.AuditEntry, say *catalogue.Words) web.Audited {
	shown := web.Audited{
		Seq: e.Seq, At: e.At, Event: e.Name, What: eventText(e.Name, say), Actor: e.ActorEmail, ActorID: e.Actor,
		Target: e.Target, Addr: e.Addr, Hash: e.Hash.String(),
	}
	if shown.Actor == "" {
		shown.Actor = e.Actor
	}
	if text := string(e.Details); text != "{}" && text != "" {
		var indented bytes.Buffer
		if json.Indent(&indented, e.Details, "", "  ") == nil {
			text = indented.String()
		}
		shown.Details = text
	}
	return shown
}

// exportBatch is how many entries of an export are in memory at a time.
const exportBatch = 1000

// getAuditExport sends the entries that the filters choose, oldest first, a line each. An
// export that cannot be finished breaks off, so that nobody takes a part for the whole.
func (c *Coordinator) getAuditExport(w http.ResponseWriter, r *http.Request, _ people.Session) {
	q := auditQuery(r.URL.Query())
	q.Ascending, q.Limit = true, exportBatch
	rows, _, err := c.people.Audit(r.Context(), q)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/jsonl; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="tessera-audit.jsonl"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	for lines := json.NewEncoder(w); len(rows) > 0; {
		for _, e := range rows {
			if err := lines.Encode(e.Entry); err != nil {
				return // who asked has left
			}
		}
		if len(rows) < exportBatch {
			return
		}
		q.After = rows[len(rows)-1].Seq
		if rows, _, err = c.people.Audit(r.Context(), q); err != nil {
			c.log.ErrorContext(r.Context(), "export of the record broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}
