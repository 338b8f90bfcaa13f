package coordinator

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

const accountPath = "/auth/account"

// maxOwn is more than anybody may have of sessions, or of tokens.
const maxOwn = 200

func (c *Coordinator) getAccount(w http.ResponseWriter, r *http.Request) {
	sess, err := c.session(r)
	if err != nil {
		c.refuseOwn(w, r, err)
		return
	}
	c.showAccount(w, r, sess, http.StatusOK, web.Account{Notices: web.Notices{Done: doneNotice(r)}})
}

// showAccount adds what hangs on the account to what the caller has to show.
func (c *Coordinator) showAccount(w http.ResponseWriter, r *http.Request, sess people.Session, status int, page web.Account) {
	sessions, err := c.people.Sessions(r.Context(), people.SessionQuery{SessionFilter: people.SessionFilter{UserID: sess.User.ID}, Limit: maxOwn})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	tokens, err := c.people.PersonalTokens(r.Context(), people.TokenQuery{UserID: sess.User.ID, Limit: maxOwn})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Person, page.Sessions, page.Tokens = personOf(sess.User), sessionsOf(sessions, sess), tokensOf(tokens)
	_, err = c.adminSession(r)
	page.IsAdmin = err == nil
	c.pages.ShowAccount(w, r, status, page)
}

// forOwner lets people change what is their own, by forms of our own pages.
func (c *Coordinator) forOwner(page adminPage) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !c.readOwnForm(w, r) {
			return
		}
		sess, err := c.session(r)
		if err != nil {
			c.refuseOwn(w, r, err)
			return
		}
		page(w, r, sess)
	}
}

func (c *Coordinator) accountAgain(w http.ResponseWriter, r *http.Request, sess people.Session, err error) {
	status, sentence := c.explain(r.Context(), w, err)
	c.showAccount(w, r, sess, status, web.Account{Notices: web.Notices{Problem: sentence}, NewToken: r.PostFormValue("name")})
}

// postOwnToken makes a token and shows it once. One that administers takes the
// administrator's own cookie: the other may be sent from viewers on other sites, and must
// not become more by this way (R39).
func (c *Coordinator) postOwnToken(w http.ResponseWriter, r *http.Request, sess people.Session) {
	scope := r.PostFormValue("scope")
	if scope != people.ScopeImages {
		if _, err := c.adminSession(r); err != nil {
			c.accountAgain(w, r, sess, errNotAdmin)
			return
		}
	}
	days, err := strconv.Atoi(r.PostFormValue("days"))
	if err != nil || days < 1 || days > 366 {
		c.accountAgain(w, r, sess, errBadForm)
		return
	}
	t, secret, err := c.people.CreatePersonalToken(r.Context(), c.people.ActorOf(sess), people.NewToken{
		UserID: sess.User.ID, Name: r.PostFormValue("name"), Scopes: []string{scope}, Expires: c.people.Now().Add(time.Duration(days) * 24 * time.Hour),
	})
	if err != nil {
		c.accountAgain(w, r, sess, err)
		return
	}
	c.showAccount(w, r, sess, http.StatusOK, web.Account{Secret: secret, SecretName: t.Name})
}

func (c *Coordinator) postDropOwnToken(w http.ResponseWriter, r *http.Request, sess people.Session) {
	id := r.PathValue("id")
	tokens, err := c.people.PersonalTokens(r.Context(), people.TokenQuery{UserID: sess.User.ID, Limit: maxOwn})
	if err == nil && !slices.ContainsFunc(tokens, func(t people.PersonalToken) bool { return t.ID == id }) {
		err = &people.Error{Kind: people.NotFound, Code: "no-such-token"}
	}
	if err == nil {
		err = c.people.DeletePersonalToken(r.Context(), c.people.ActorOf(sess), id)
	}
	c.afterOwn(w, r, sess, "token-deleted", err)
}

func (c *Coordinator) postEndOwnSession(w http.ResponseWriter, r *http.Request, sess people.Session) {
	id := r.PathValue("id")
	sessions, err := c.people.Sessions(r.Context(), people.SessionQuery{SessionFilter: people.SessionFilter{UserID: sess.User.ID}, Limit: maxOwn})
	if err == nil && !slices.ContainsFunc(sessions, func(s people.Session) bool { return s.ID == id }) {
		err = &people.Error{Kind: people.NotFound, Code: "no-such-session"}
	}
	if err == nil {
		err = c.people.EndSession(r.Context(), c.people.ActorOf(sess), id)
	}
	c.afterOwn(w, r, sess, "session-ended", err)
}

func (c *Coordinator) afterOwn(w http.ResponseWriter, r *http.Request, sess people.Session, code string, err error) {
	if err != nil {
		c.accountAgain(w, r, sess, err)
		return
	}
	did(w, accountPath, code, "")
}
