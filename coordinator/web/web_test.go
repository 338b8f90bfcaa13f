package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/tessera-iiif/tessera/coordinator/web"
)

// everyPage draws each page with something in every corner of it.
func everyPage() map[string]*httptest.ResponseRecorder {
	const evil = `"><script>alert(1)</script>`
	person := web.Person{ID: "id", Email: evil, Name: evil, Groups: evil, Admin: true, Active: true}
	notices := web.Notices{Done: evil, Problem: evil}
	drawn := map[string]*httptest.ResponseRecorder{}
	draw := func(name string, show func(w http.ResponseWriter)) {
		drawn[name] = httptest.NewRecorder()
		show(drawn[name])
	}
	draw("sign in", func(w http.ResponseWriter) {
		web.ShowSignIn(w, 200, web.SignIn{Action: "/a", Next: evil, Email: evil, As: evil, CarryOn: "/b", Error: evil})
	})
	draw("access", func(w http.ResponseWriter) {
		web.ShowSignIn(w, 401, web.SignIn{Action: "/a", Origin: evil})
	})
	draw("continue", func(w http.ResponseWriter) {
		web.ShowContinue(w, web.Continue{Action: "/a", Origin: evil, As: evil, Switch: "/b"})
	})
	draw("done", func(w http.ResponseWriter) { web.ShowDone(w, web.SignedIn) })
	draw("accepted", func(w http.ResponseWriter) { web.ShowDone(w, web.Accepted) })
	draw("looked", func(w http.ResponseWriter) { web.ShowDone(w, web.Looked) })
	draw("terms", func(w http.ResponseWriter) {
		web.ShowTerms(w, 200, web.Terms{
			Action: "/a", Origin: evil, Next: evil, Title: evil, Text: evil + "\n\n" + evil, Language: "en", Version: evil, As: evil, Switch: "/b", Problem: evil,
		})
	})
	draw("terms, accepted", func(w http.ResponseWriter) {
		web.ShowTerms(w, 200, web.Terms{Action: "/a", Title: "x", Text: "y", Language: "en", Accepted: true})
	})
	draw("signed out", func(w http.ResponseWriter) { web.ShowSignedOut(w, web.SignedOut{}) })
	draw("signed out, not there", func(w http.ResponseWriter) {
		web.ShowSignedOut(w, web.SignedOut{Label: evil, Address: "https://idp.example.org/out?" + evil})
	})
	draw("sign in by", func(w http.ResponseWriter) {
		web.ShowSignIn(w, 200, web.SignIn{
			Action: "/a", Origin: evil, Email: evil, Window: true, Find: true, NotFound: true,
			Providers: []web.Button{{Label: evil, Link: "/c?" + evil}, {Label: "Two", Link: "/d"}},
		})
	})
	draw("onward", func(w http.ResponseWriter) {
		web.ShowOnward(w, web.Onward{Sentence: evil, Next: "https://idp.example.org/a?b=c&d=" + evil})
	})
	draw("ways", func(w http.ResponseWriter) {
		web.ShowWays(w, web.Ways{
			As: evil, Held: []web.Way{{Label: evil, Email: evil, Issuer: evil, Subject: evil, Since: time.Now()}},
			Offered: []web.Button{{Label: evil, Link: "/c"}},
		})
	})
	draw("ways, none", func(w http.ResponseWriter) { web.ShowWays(w, web.Ways{As: evil}) })
	draw("problem", func(w http.ResponseWriter) {
		web.ShowProblem(w, 404, web.Problem{Sentence: evil, SignIn: "/b", Again: "/c"})
	})
	draw("link", func(w http.ResponseWriter) { web.ShowLink(w, 200, web.Link{}) })
	draw("link, read", func(w http.ResponseWriter) {
		web.ShowLink(w, 400, web.Link{Code: evil, As: evil, Email: evil, Password: true, Problem: evil})
	})
	draw("password", func(w http.ResponseWriter) {
		web.ShowPassword(w, 200, web.Password{As: evil, Email: evil, Problem: evil, Done: evil})
	})
	draw("overview", func(w http.ResponseWriter) {
		web.ShowOverview(w, 200, web.Admin{As: evil}, web.Overview{
			Notices: notices, People: web.People{Search: evil, Items: []web.Person{person}, Next: "/n", Paged: true, Draft: person, Adding: true},
			Rules: web.Rules{Notices: notices, Items: []web.Rule{{Name: evil, Images: evil, Access: "open", Groups: evil}}, Draft: true, Fallback: "login"},
		})
	})
	draw("overview, empty", func(w http.ResponseWriter) {
		web.ShowOverview(w, 200, web.Admin{}, web.Overview{Rules: web.Rules{Fallback: "open"}})
	})
	draw("overview, many rules", func(w http.ResponseWriter) {
		web.ShowOverview(w, 200, web.Admin{}, web.Overview{Rules: web.Rules{TooMany: 500}})
	})
	draw("user", func(w http.ResponseWriter) {
		web.ShowUser(w, 200, web.Admin{As: evil}, web.User{
			Notices: notices, Person: person, Sessions: []web.Session{{ID: "s", Network: evil, Agent: evil, Created: time.Now(), Seen: time.Now(), Mine: true}},
		})
	})
	draw("secret", func(w http.ResponseWriter) {
		web.ShowSecret(w, web.Admin{}, web.Secret{Person: person, Password: evil})
	})
	return drawn
}

var nonce = regexp.MustCompile(`script-src 'nonce-([A-Z2-7]{26})'`)

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// R62: no page needs unsafe-inline, may be framed, or lets what people typed out
// of its place; and each can be used with keyboard and screen reader.
func TestPages(t *testing.T) {
	for name, w := range everyPage() {
		t.Run(name, func(t *testing.T) {
			csp := w.Header().Get("Content-Security-Policy")
			if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.HasPrefix(csp, "default-src 'none'") {
				t.Errorf("policy %s", csp)
			}
			allowed := ""
			if found := nonce.FindStringSubmatch(csp); found != nil {
				allowed = found[1]
			}
			page := w.Body.String()
			if strings.Contains(page, "ZgotmplZ") {
				t.Error("a value in a place where it cannot be made safe")
			}
			root, err := html.Parse(strings.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			checkNodes(t, root, allowed)
		})
	}
}

func checkNodes(t *testing.T, root *html.Node, nonce string) {
	t.Helper()
	labels, ids, headings := map[string]bool{}, map[string]int{}, 0
	for node := range root.Descendants() {
		if node.Data == "label" {
			labels[attribute(node, "for")] = true
		}
		if id := attribute(node, "id"); id != "" {
			ids[id]++
		}
		if node.Data == "h1" && node.Type == html.ElementNode {
			headings++
		}
	}
	for node := range root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		for _, a := range node.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s>", node.Data, a.Key)
			}
			if a.Key == "aria-describedby" || a.Key == "aria-labelledby" {
				if ids[a.Val] == 0 {
					t.Errorf("%s=%q points nowhere", a.Key, a.Val)
				}
			}
		}
		switch node.Data {
		case "script":
			if nonce == "" || attribute(node, "nonce") != nonce {
				t.Errorf("a script the policy forbids: %s", node.FirstChild.Data)
			}
		case "input", "select", "textarea":
			inLabel := node.Parent.Data == "label"
			hidden := attribute(node, "type") == "hidden"
			if !hidden && !inLabel && !labels[attribute(node, "id")] && attribute(node, "aria-label") == "" {
				t.Errorf("<%s name=%q> has no label", node.Data, attribute(node, "name"))
			}
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %s is there %d times", id, n)
		}
	}
	if headings != 1 {
		t.Errorf("%d main headings", headings)
	}
}

func TestTokenPageSaysNothingToNobody(t *testing.T) {
	w := httptest.NewRecorder()
	web.ShowToken(w, web.Token{Sentence: "<b>"})
	if page := w.Body.String(); strings.Contains(page, "<script") || strings.Contains(page, "<b>") || w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, page)
	}
	w = httptest.NewRecorder()
	web.ShowToken(w, web.Token{Message: json.RawMessage(`{"a":"b"}`), Target: json.RawMessage(`"https://viewer.test"`)})
	if !strings.Contains(w.Body.String(), `window.parent.postMessage({"a":"b"}, "https://viewer.test");`) {
		t.Error(w.Body.String())
	}
}
