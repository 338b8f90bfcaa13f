package edge

import (
	"net/http"
	"strconv"

	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// service names the authorization service that belongs to a decision.
func (e *Edge) service(d authz.Decision) iiif.Service {
	s := iiif.Service{Site: e.cfg.ServiceName, Kind: d.Service}
	if d.Terms != nil {
		s.Terms = d.Terms.Name
	}
	return s
}

// texts are what viewers show around that service.
func (e *Edge) texts(d authz.Decision) iiif.Texts {
	t, ok := e.said.services[d.Service]
	if !ok {
		t = e.said.services[authz.SignIn]
	}
	if d.Service == authz.Accept && d.Terms != nil {
		t = t.ForTerms(d.Terms.Title)
	}
	return t
}

// auth describes the service of an image that is not open to everybody, alike for those
// whom it has let in. Where a document knows one language it is that of say.
func (e *Edge) auth(base, id string, d authz.Decision, say *catalogue.Words) *iiif.Auth {
	return &iiif.Auth{
		Base: base, Name: e.service(d).String(), Kind: d.Service, ImageSpelling: e.spell(id), Texts: e.texts(d), Language: say.Tag(),
	}
}

// ownWords are those of the reader, for answers that no cache may give to another.
func (e *Edge) ownWords(x *exchange) *catalogue.Words { return e.cfg.Texts.For(x.r) }

// sharedWords are for answers that everybody gets.
func (e *Edge) sharedWords() *catalogue.Words { return e.cfg.Texts.Default() }

// said is what documents say in every language, put together once.
type said struct {
	services map[authz.Service]iiif.Texts
	statuses map[int]status
	preview  iiif.Text
}

// status is what a probe says of one that is not success.
type status struct{ heading, note iiif.Text }

func newSaid(book *catalogue.Book, institution string) said {
	s := said{services: map[authz.Service]iiif.Texts{}, statuses: map[int]status{}, preview: book.Each("iiif.preview")}
	for kind, key := range map[authz.Service]string{
		authz.SignIn: "login", authz.Accept: "terms", authz.SignInTerms: "login-terms",
		// Alike for people; only viewers go about the two differently.
		authz.External: "external", authz.Kiosk: "external",
	} {
		s.services[kind] = serviceTexts(book, "iiif."+key+".", institution)
	}
	for _, code := range []int{0, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable} {
		key := "iiif.status.other."
		if code != 0 {
			key = "iiif.status." + strconv.Itoa(code) + "."
		}
		s.statuses[code] = status{book.Each(key + "heading"), book.Each(key + "note")}
	}
	return s
}

// serviceTexts are those of a kind of service, with the institution named in them.
func serviceTexts(book *catalogue.Book, prefix, institution string) iiif.Texts {
	text := func(name string) iiif.Text {
		all := iiif.Text{}
		for _, say := range book.All() {
			site := institution
			if site == "" {
				site = say.Text("iiif.site")
			}
			if say.Has(prefix + name) {
				all[say.Tag()] = say.Text(prefix+name, site)
			}
		}
		return all
	}
	return iiif.Texts{
		Label: text("label"), Heading: text("heading"), Note: text("note"), Confirm: text("confirm"),
		FailureHeading: text("failure.heading"), FailureNote: text("failure.note"), LogoutLabel: text("logout"),
	}
}

// of are the words for a status.
func (s said) of(code int) status {
	if words, ok := s.statuses[code]; ok {
		return words
	}
	return s.statuses[0]
}
