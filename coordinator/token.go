package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// maxMessageID bounds what is echoed to a viewer, in bytes: viewers send numbers
// or the address of the token service.
const maxMessageID = 4096

// token serves the token service: a page in a viewer's hidden frame that posts an
// access token, or why there is none, to the viewer. Its status is 200 whatever
// the message says.
func (c *Coordinator) token(v protocol) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		switch {
		case v.hasDirect() && !query.Has("messageId"):
			c.tokenDirect(w, r, v)
		case query.Has("recheck"):
			c.tokenAgain(w, r, v)
		case !fitsFrame(r):
			c.problem(w, r, http.StatusBadRequest, "token-page")
		default:
			c.tokenPage(w, r, v)
		}
	}
}

// fitsFrame: browsers that say what they fetch must fetch a frame.
func fitsFrame(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest == "" || dest == "iframe" || dest == "frame"
}

// tokenRequest is a viewer's question. messageID is echoed as it came.
type tokenRequest struct {
	messageID string
	viewer    origin
}

// parseTokenRequest fails where nobody can be answered: there is no origin to
// post to, or no id by which the viewer would know its answer.
func parseTokenRequest(query url.Values) (tokenRequest, error) {
	viewer, err := parseOrigin(query.Get("origin"))
	if err != nil {
		return tokenRequest{}, err
	}
	id := query.Get("messageId")
	if len(id) > maxMessageID || !utf8.ValidString(id) {
		return tokenRequest{}, errors.New("message id out of bounds")
	}
	return tokenRequest{messageID: id, viewer: viewer}, nil
}

func (c *Coordinator) tokenPage(w http.ResponseWriter, r *http.Request, v protocol) {
	offerStorageAccess(w, r)
	req, err := parseTokenRequest(r.URL.Query())
	if err != nil {
		c.pages.ShowToken(w, r, web.Token{Sentence: wordsFor(r).Text("token.invalidRequest")})
		return
	}
	g := c.grant(r, v, req.viewer, req.messageID != "")
	page := web.Token{Message: c.message(r, v, req, g), Target: encode(req.viewer.String())}
	if g.refusal == missing && isThirdParty(r) {
		again := url.Values{"messageId": {req.messageID}, "origin": {req.viewer.String()}, "recheck": {"yes"}}
		page.Recheck = encode(r.URL.Path + "?" + again.Encode())
	}
	c.pages.ShowToken(w, r, page)
}

// tokenAgain answers the token page's own script with the message, once the
// browser may have let it have its cookies.
func (c *Coordinator) tokenAgain(w http.ResponseWriter, r *http.Request, v protocol) {
	req, err := parseTokenRequest(r.URL.Query())
	if err != nil || r.Header.Get("Sec-Fetch-Site") != "same-origin" {
		c.problem(w, r, http.StatusBadRequest, "token-page")
		return
	}
	g := c.grant(r, v, req.viewer, req.messageID != "")
	writeJSON(w, http.StatusOK, c.message(r, v, req, g))
}

// tokenDirect answers clients that are no browsers (Auth 1.0 only).
func (c *Coordinator) tokenDirect(w http.ResponseWriter, r *http.Request, v protocol) {
	var viewer origin
	if text := r.URL.Query().Get("origin"); text != "" {
		var err error
		if viewer, err = parseOrigin(text); err != nil {
			g := grant{refusal: invalidOrigin}
			writeJSON(w, g.refusal.status(), c.message(r, v, tokenRequest{}, g))
			return
		}
	}
	g := c.grant(r, v, viewer, true)
	writeJSON(w, g.refusal.status(), c.message(r, v, tokenRequest{viewer: viewer}, g))
}

// grant is an access token or the reason why there is none.
type grant struct {
	token   string
	life    time.Duration
	refusal refusal // "" with a token
}

// grant decides. No origin is a client that is no browser; such a token says so.
func (c *Coordinator) grant(r *http.Request, v protocol, viewer origin, complete bool) grant {
	if !complete {
		return grant{refusal: invalidRequest}
	}
	cookie := c.sessionSecret(r)
	if cookie == "" {
		return grant{refusal: missing}
	}
	s, _ := c.serviceOf(r)
	sess, err := c.session(r)
	switch {
	case s.Kind == authz.Accept && errors.Is(err, session.ErrUnknown):
		return c.grantVisit(r, v, viewer, s)
	case errors.Is(err, people.ErrExpired):
		return grant{refusal: expired}
	case errors.Is(err, session.ErrUnknown):
		return grant{refusal: invalid}
	case err != nil:
		return c.unavailable(r.Context(), err)
	}
	known := func(o string) (bool, error) { return c.people.HasOrigin(r.Context(), sess, o) }
	accepted := func(t authz.Terms) (bool, error) { return c.people.HasAccepted(r.Context(), sess.User.ID, t) }
	if g := c.qualify(r, s, viewer, known, accepted); g.refusal != "" {
		return g
	}
	service := people.TokenService{Flow: v.flow(), Name: s.String()}
	token, life, err := c.people.IssueAccessToken(r.Context(), sess, cookie, viewer.String(), service)
	if err != nil {
		return c.unavailable(r.Context(), err)
	}
	return grant{token: token, life: life}
}

// grantVisit decides for somebody who has not signed in.
func (c *Coordinator) grantVisit(r *http.Request, v protocol, viewer origin, s iiif.Service) grant {
	ctx, cookie := r.Context(), c.sessionSecret(r)
	visit, err := c.people.VisitBySecret(ctx, cookie)
	switch {
	case errors.Is(err, people.ErrExpired):
		return grant{refusal: expired}
	case errors.Is(err, session.ErrUnknown):
		return grant{refusal: invalid}
	case err != nil:
		return c.unavailable(ctx, err)
	}
	known := func(o string) (bool, error) { return c.people.VisitHasOrigin(ctx, visit, o) }
	accepted := func(t authz.Terms) (bool, error) { return slices.Contains(visit.Terms, t.Key()), nil }
	if g := c.qualify(r, s, viewer, known, accepted); g.refusal != "" {
		return g
	}
	token, life, err := c.people.IssueVisitToken(ctx, visit, cookie, viewer.String(), people.TokenService{Flow: v.flow(), Name: s.String()})
	if err != nil {
		return c.unavailable(ctx, err)
	}
	return grant{token: token, life: life}
}

// qualify refuses viewers that may not ask, and readers who have not accepted the terms
// that the service is about.
func (c *Coordinator) qualify(r *http.Request, s iiif.Service, viewer origin, known func(origin string) (bool, error), accepted func(authz.Terms) (bool, error)) grant {
	ok, err := c.mayAsk(r, viewer, known)
	switch {
	case err != nil:
		return c.unavailable(r.Context(), err)
	case !ok:
		return grant{refusal: invalidOrigin}
	case s.Terms == "":
		return grant{}
	}
	t, err := c.people.Terms(r.Context(), s.Terms)
	if err == nil {
		ok, err = accepted(t)
	}
	switch {
	case err != nil:
		return c.unavailable(r.Context(), err)
	case !ok:
		return grant{refusal: unaccepted}
	}
	return grant{}
}

// mayAsk: viewers of our own site, listed ones, and those for which the person
// signed in or clicked.
func (c *Coordinator) mayAsk(r *http.Request, viewer origin, known func(origin string) (bool, error)) (bool, error) {
	if viewer == (origin{}) || viewer.sameSite(c.base(r)) || c.viewers[viewer] {
		return true, nil
	}
	return known(viewer.String())
}

func (c *Coordinator) unavailable(ctx context.Context, err error) grant {
	var refused *people.Error
	switch {
	case errors.As(err, &refused):
		c.log.WarnContext(ctx, "access token not issued", "error", err)
	case ctx.Err() == nil:
		c.log.ErrorContext(ctx, "access token not issued", "error", err)
	}
	return grant{refusal: unavailable}
}

func (c *Coordinator) message(r *http.Request, v protocol, req tokenRequest, g grant) json.RawMessage {
	if g.refusal == "" {
		return encode(v.success(req.messageID, g))
	}
	return encode(v.failure(req.messageID, g.refusal, voice{c.book, wordsFor(r), c.base(r).String()}))
}

// isThirdParty: the frame is, or may be, on another site, where browsers keep our
// cookies back.
func isThirdParty(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "cross-site"
}

// offerStorageAccess lets a browser that already allowed this viewer our cookies
// load the page with them (Storage Access Headers).
func offerStorageAccess(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Sec-Fetch-Storage-Access, Origin")
	if state := r.Header.Get("Sec-Fetch-Storage-Access"); state == "inactive" || state == "active" {
		h.Set("Activate-Storage-Access", "load")
	}
}

// encode makes JSON that is also safe within a script: encoding/json escapes
// angle brackets, ampersands and line separators.
func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("coordinator: " + err.Error()) // only strings, numbers and maps of them come here
	}
	return data
}

func writeJSON(w http.ResponseWriter, status int, body json.RawMessage) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // JSON, and no browser may take it for anything else
}
