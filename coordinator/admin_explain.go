package coordinator

import (
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

func (c *Coordinator) explainPages() map[string]adminPage {
	return map[string]adminPage{"GET /auth/admin/explain": c.getExplain}
}

func (c *Coordinator) getExplain(w http.ResponseWriter, r *http.Request, as people.Session) {
	page := web.Explain{User: asked(r, "user"), Image: asked(r, "image"), Address: asked(r, "address"), At: asked(r, "at")}
	if len(r.URL.Query()) == 0 {
		c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), page)
		return
	}
	q, err := questionOf(page)
	var e people.Explanation
	if err == nil {
		e, err = c.people.ExplainAll(r.Context(), q)
	}
	status := http.StatusOK
	if err != nil {
		status, page.Problem = c.explain(r.Context(), w, err)
		page.Field = fieldOf(err)
	} else {
		page.Answer = answerOf(e, page.Image, wordsFor(r))
	}
	c.pages.ShowAdmin(w, r, status, adminOf(as), page)
}

// moment is the form of a field for date and time, which are UTC.
const moment = "2006-01-02T15:04"

func questionOf(page web.Explain) (q people.Question, err error) {
	q = people.Question{User: page.User, Image: page.Image}
	if q.Image == "" {
		return q, &people.Error{Kind: people.Invalid, Code: "missing-image", Field: "image"}
	}
	if page.Address != "" {
		if q.Addr, err = netip.ParseAddr(page.Address); err != nil {
			return q, &people.Error{Kind: people.Invalid, Code: "bad-address", Field: "address"}
		}
	}
	if page.At != "" {
		if q.At, err = time.Parse(moment, page.At); err != nil {
			return q, &people.Error{Kind: people.Invalid, Code: "bad-moment", Field: "at"}
		}
	}
	return q, nil
}

// states are the classes of outcomes; each has a word besides.
var states = map[authz.Outcome]string{
	authz.Allow: "good", authz.NeedLogin: "warn", authz.NeedTerms: "warn", authz.AskHook: "warn", authz.Forbidden: "bad", authz.NotFound: "bad",
}

func outcomeKey(o authz.Outcome) string { return "outcome." + o.String() }

func answerOf(e people.Explanation, image string, say *catalogue.Words) *web.Explained {
	answer := &web.Explained{
		Outcome: outcomeKey(e.Outcome), State: states[e.Outcome], Reason: people.ReasonFor(e.Decision, say), Rule: e.Rule,
		Access: say.Text("access." + string(e.Access)), Changes: e.Changes, Thumb: thumbOf(image),
	}
	for _, m := range e.Matches {
		answer.Matches = append(answer.Matches, web.Match{Rule: m.Rule, Decides: m.Decides, Note: m.Note})
	}
	return answer
}

// thumbOf is a small picture of an image, which is asked for with the rights of whoever
// looks at the page, and not with anybody else's.
func thumbOf(image string) string {
	return "/iiif/3/" + url.PathEscape(image) + "/full/!320,240/0/default.jpg"
}
