package coordinator

import (
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

const sessionsPath = "/auth/admin/sessions"

func (c *Coordinator) sessionPages() map[string]adminPage {
	return map[string]adminPage{
		"GET " + sessionsPath:                c.getSessions,
		"POST " + sessionsPath + "/end":      c.postEndMany,
		"POST " + sessionsPath + "/{id}/end": c.postEndListed,
	}
}

func (c *Coordinator) getSessions(w http.ResponseWriter, r *http.Request, as people.Session) {
	c.showSessions(w, r, as, http.StatusOK, web.Notices{Done: doneNotice(r)})
}

func (c *Coordinator) showSessions(w http.ResponseWriter, r *http.Request, as people.Session, status int, notices web.Notices) {
	page := web.Sessions{
		Notices: notices, Search: asked(r, "q"), User: asked(r, "user"),
		Provider: asked(r, "provider"), ByProvider: r.URL.Query().Has("provider"),
	}
	filter := people.SessionFilter{UserID: page.User}
	if page.ByProvider {
		filter.Provider = &page.Provider
	}
	sessions, err := c.people.Sessions(r.Context(), people.SessionQuery{
		SessionFilter: filter, Search: page.Search, After: r.URL.Query().Get("after"), Limit: pageSize + 1,
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	sessions, page.Pager = cut(r, sessions, func(s people.Session) string { return s.ID })
	page.Items = sessionsOf(sessions, as)
	c.pages.ShowAdmin(w, r, status, adminOf(as), page)
}

func (c *Coordinator) postEndListed(w http.ResponseWriter, r *http.Request, as people.Session) {
	err := c.people.EndSession(r.Context(), c.people.ActorOf(as), r.PathValue("id"))
	c.afterEnd(w, r, as, "session-ended", err)
}

// postEndMany ends all of a user or of a provider, of which "" is this site itself.
func (c *Coordinator) postEndMany(w http.ResponseWriter, r *http.Request, as people.Session) {
	filter := people.SessionFilter{UserID: r.PostFormValue("user")}
	if r.PostForm.Has("provider") {
		provider := r.PostFormValue("provider")
		filter.Provider = &provider
	}
	_, err := c.people.EndSessionsOf(r.Context(), c.people.ActorOf(as), filter)
	c.afterEnd(w, r, as, "sessions-ended", err)
}

func (c *Coordinator) afterEnd(w http.ResponseWriter, r *http.Request, as people.Session, code string, err error) {
	if err != nil {
		status, sentence := c.explain(r.Context(), w, err)
		c.showSessions(w, r, as, status, web.Notices{Problem: sentence})
		return
	}
	did(w, sessionsPath, code, "")
}
