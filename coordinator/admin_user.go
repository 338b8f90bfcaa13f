package coordinator

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

func (c *Coordinator) getUser(w http.ResponseWriter, r *http.Request, as people.Session) {
	u, err := c.people.User(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showUser(w, r, as, http.StatusOK, web.User{Notices: web.Notices{Done: doneNotice(r)}, Person: personOf(u)})
}

// showUser adds what hangs on the account to what the caller has to show.
func (c *Coordinator) showUser(w http.ResponseWriter, r *http.Request, as people.Session, status int, page web.User) {
	id := page.Person.ID
	if err := c.addLink(r.Context(), &page); err != nil {
		c.fail(w, r, err)
		return
	}
	sessions, err := c.people.Sessions(r.Context(), people.SessionQuery{SessionFilter: people.SessionFilter{UserID: id}, Limit: pageSize})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	tokens, err := c.people.PersonalTokens(r.Context(), people.TokenQuery{UserID: id, Limit: pageSize})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Sessions, page.Tokens = sessionsOf(sessions, as), tokensOf(tokens)
	c.pages.ShowAdmin(w, r, status, adminOf(as), page)
}

// addLink tells of the sign-in link that is still to be used, and whether the account is
// the last that can administer.
func (c *Coordinator) addLink(ctx context.Context, page *web.User) error {
	link, err := c.people.Link(ctx, page.Person.ID)
	var none *people.Error
	switch {
	case err == nil:
		page.Link = link.Expires
	case !errors.As(err, &none) || none.Kind != people.NotFound:
		return err
	}
	page.Last, err = c.people.IsLastAdmin(ctx, page.Person.ID)
	return err
}

func sessionsOf(sessions []people.Session, mine people.Session) []web.Session {
	shown := make([]web.Session, len(sessions))
	for i, s := range sessions {
		shown[i] = web.Session{
			ID: s.ID, Network: s.Network, Agent: s.Agent, UserID: s.User.ID, Email: s.User.Email, Name: s.User.Name, Provider: s.Provider,
			Created: s.Created, Seen: s.Seen, Expires: s.Expires, Mine: s.ID == mine.ID,
		}
	}
	return shown
}

func tokensOf(tokens []people.PersonalToken) []web.PersonalToken {
	shown := make([]web.PersonalToken, len(tokens))
	for i, t := range tokens {
		shown[i] = web.PersonalToken{
			ID: t.ID, Name: t.Name, Scopes: strings.Join(people.Scopes(t), ", "), Email: t.User.Email,
			Created: t.Created, Used: t.Used, Expires: t.Expires,
		}
	}
	return shown
}

// userAgain shows a person's page with what went wrong.
func (c *Coordinator) userAgain(w http.ResponseWriter, r *http.Request, as people.Session, typed *web.Person, cause error) {
	u, err := c.people.User(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, errors.Join(err, cause))
		return
	}
	page := web.User{Person: personOf(u), Field: fieldOf(cause)}
	if typed != nil {
		now := page.Person.Version
		page.Person = *typed
		page.Person.Version = now // who has read what others did may go on
	}
	status, sentence := c.explain(r.Context(), w, cause)
	page.Problem = sentence
	c.showUser(w, r, as, status, page)
}

func (c *Coordinator) postUser(w http.ResponseWriter, r *http.Request, as people.Session) {
	typed := personIn(r)
	if _, err := c.people.UpdateUser(r.Context(), c.people.ActorOf(as), typed.ID, changeOf(typed), typed.Version); err != nil {
		c.userAgain(w, r, as, &typed, err)
		return
	}
	did(w, userPath(typed.ID), "user-saved", "")
}

func (c *Coordinator) postPassword(w http.ResponseWriter, r *http.Request, as people.Session) {
	text, madeUp := passwordIn(r)
	u, err := c.people.UpdateUser(r.Context(), c.people.ActorOf(as), r.PathValue("id"), people.UserChange{Password: &text}, people.AnyVersion)
	if err != nil {
		c.userAgain(w, r, as, nil, err)
		return
	}
	if madeUp {
		c.showPassword(w, r, as, u, text)
		return
	}
	did(w, userPath(u.ID), "password-set", "")
}

func (c *Coordinator) postDelete(w http.ResponseWriter, r *http.Request, as people.Session) {
	if r.PostFormValue("confirm") == "" {
		c.userAgain(w, r, as, nil, errUnconfirmed)
		return
	}
	if err := c.people.DeleteUser(r.Context(), c.people.ActorOf(as), r.PathValue("id"), people.AnyVersion); err != nil {
		c.userAgain(w, r, as, nil, err)
		return
	}
	did(w, usersPath, "user-deleted", "")
}

var errUnconfirmed = &people.Error{Kind: people.Invalid, Code: "unconfirmed"}

// postMakeLink shows a sign-in link, this once.
func (c *Coordinator) postMakeLink(w http.ResponseWriter, r *http.Request, as people.Session) {
	link, secret, err := c.people.CreateLink(r.Context(), c.people.ActorOf(as), people.NewLink{
		UserID: r.PathValue("id"), Password: r.PostFormValue("password") != "",
	})
	if err != nil {
		c.userAgain(w, r, as, nil, err)
		return
	}
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), web.Secret{
		Person: personOf(link.User), Kind: "link", Text: c.linkURL(r, secret), Until: link.Expires, Back: userPath(link.User.ID), Part: "users",
	})
}

func (c *Coordinator) postRevokeLink(w http.ResponseWriter, r *http.Request, as people.Session) {
	err := c.people.RevokeLink(r.Context(), c.people.ActorOf(as), r.PathValue("id"))
	c.ended(w, r, as, "link-revoked", "#link", err)
}

func (c *Coordinator) postEndSession(w http.ResponseWriter, r *http.Request, as people.Session) {
	err := c.people.EndSession(r.Context(), c.people.ActorOf(as), r.PathValue("sid"))
	c.ended(w, r, as, "session-ended", "", err)
}

func (c *Coordinator) postEndSessions(w http.ResponseWriter, r *http.Request, as people.Session) {
	err := c.people.EndSessions(r.Context(), c.people.ActorOf(as), r.PathValue("id"))
	c.ended(w, r, as, "sessions-ended", "", err)
}

func (c *Coordinator) postDeleteToken(w http.ResponseWriter, r *http.Request, as people.Session) {
	err := c.people.DeletePersonalToken(r.Context(), c.people.ActorOf(as), r.PathValue("tid"))
	c.ended(w, r, as, "token-deleted", "", err)
}

// ended goes back to the person's page after something of hers was ended.
func (c *Coordinator) ended(w http.ResponseWriter, r *http.Request, as people.Session, code, anchor string, err error) {
	if err != nil {
		c.userAgain(w, r, as, nil, err)
		return
	}
	did(w, userPath(r.PathValue("id")), code, anchor)
}
