package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/look"
)

var (
	show = web.New(look.New(look.Config{}), catalogue.Bundled())
	get  = httptest.NewRequest(http.MethodGet, "/auth/somewhere?next=%2F", nil)
)

// everyPage draws each page with something in every corner of it.
func everyPage() map[string]*httptest.ResponseRecorder {
	const evil = `"><script>alert(1)</script>`
	person := web.Person{ID: "id", Email: evil, Name: evil, Groups: evil, Admin: true, Active: true}
	notices := web.Notices{Done: evil, Problem: evil}
	sessions := []web.Session{{ID: "s", Email: evil, Network: evil, Agent: evil, Provider: evil, Created: time.Now(), Seen: time.Now(), Mine: true}, {ID: "t"}}
	tokens := []web.PersonalToken{{ID: "t", Name: evil, Scopes: evil, Used: time.Now()}, {ID: "u"}}
	drawn := map[string]*httptest.ResponseRecorder{}
	draw := func(name string, page func(w http.ResponseWriter)) {
		drawn[name] = httptest.NewRecorder()
		page(drawn[name])
	}
	draw("sign in", func(w http.ResponseWriter) {
		show.ShowSignIn(w, get, 200, web.SignIn{Action: "/a", Next: evil, Email: evil, As: evil, CarryOn: "/b", Error: evil})
	})
	draw("access", func(w http.ResponseWriter) {
		show.ShowSignIn(w, get, 401, web.SignIn{Action: "/a", Origin: evil})
	})
	draw("continue", func(w http.ResponseWriter) {
		show.ShowContinue(w, get, web.Continue{Action: "/a", Origin: evil, As: evil, Switch: "/b"})
	})
	draw("done", func(w http.ResponseWriter) { show.ShowDone(w, get, web.Done{Deed: web.SignedIn}) })
	draw("accepted", func(w http.ResponseWriter) { show.ShowDone(w, get, web.Done{Deed: web.Accepted}) })
	draw("looked", func(w http.ResponseWriter) { show.ShowDone(w, get, web.Done{Deed: web.Looked}) })
	draw("terms", func(w http.ResponseWriter) {
		show.ShowTerms(w, get, 200, web.Terms{
			Action: "/a", Origin: evil, Next: evil, Title: evil, Text: evil + "\n\n" + evil, Language: "en", Version: evil, As: evil, Switch: "/b", Problem: evil,
		})
	})
	draw("terms, accepted", func(w http.ResponseWriter) {
		show.ShowTerms(w, get, 200, web.Terms{Action: "/a", Title: "x", Text: "y", Language: "en", Accepted: true})
	})
	draw("signed out", func(w http.ResponseWriter) { show.ShowSignedOut(w, get, web.SignedOut{}) })
	draw("signed out, not there", func(w http.ResponseWriter) {
		show.ShowSignedOut(w, get, web.SignedOut{Label: evil, Address: "https://idp.example.org/out?" + evil})
	})
	draw("sign in by", func(w http.ResponseWriter) {
		show.ShowSignIn(w, get, 200, web.SignIn{
			Action: "/a", Origin: evil, Email: evil, Window: true, Find: true, NotFound: true,
			Providers: []web.Button{{Label: evil, Link: "/c?" + evil}, {Label: "Two", Link: "/d"}},
		})
	})
	draw("onward", func(w http.ResponseWriter) {
		show.ShowOnward(w, get, web.Onward{Sentence: evil, Next: "https://idp.example.org/a?b=c&d=" + evil})
	})
	draw("ways", func(w http.ResponseWriter) {
		show.ShowWays(w, get, web.Ways{
			As: evil, Held: []web.Way{{Label: evil, Email: evil, Issuer: evil, Subject: evil, Since: time.Now()}},
			Offered: []web.Button{{Label: evil, Link: "/c"}},
		})
	})
	draw("ways, none", func(w http.ResponseWriter) { show.ShowWays(w, get, web.Ways{As: evil}) })
	draw("problem", func(w http.ResponseWriter) {
		show.ShowProblem(w, get, 404, web.Problem{Sentence: evil, SignIn: "/b", Again: "/c"})
	})
	draw("link", func(w http.ResponseWriter) { show.ShowLink(w, get, 200, web.Link{}) })
	draw("link, read", func(w http.ResponseWriter) {
		show.ShowLink(w, get, 400, web.Link{Code: evil, As: evil, Email: evil, Password: true, Problem: evil})
	})
	draw("password", func(w http.ResponseWriter) {
		show.ShowPassword(w, get, 200, web.Password{As: evil, Email: evil, Problem: evil, Done: evil})
	})
	draw("account", func(w http.ResponseWriter) {
		show.ShowAccount(w, get, 200, web.Account{
			Notices: notices, Person: person, Sessions: sessions, Tokens: tokens, IsAdmin: true, NewToken: evil, Secret: evil, SecretName: evil,
		})
	})
	for name, sheet := range everySheet(evil, person, notices, sessions, tokens) {
		draw(name, func(w http.ResponseWriter) { show.ShowAdmin(w, get, 200, web.Admin{As: evil}, sheet) })
	}
	return drawn
}

// everySheet is every page for administrators, full and empty.
func everySheet(evil string, person web.Person, notices web.Notices, sessions []web.Session, tokens []web.PersonalToken) map[string]web.Sheet {
	pager := web.Pager{First: "/f", Next: "/n"}
	numbers := []web.Number{{Label: evil, Value: evil, Hint: evil}}
	form := web.RuleForm{Name: evil, Images: evil, Access: "networks", Groups: evil, Networks: evil, ViewOnly: "yes", Rest: "{}", Open: true, Warnings: []string{evil}, Faults: map[string]string{"": evil}}
	for _, field := range []string{"name", "images", "collections", "access", "groups", "networks", "from", "until", "terms", "scale", "side", "viewonly", "service"} {
		form.Faults[field] = evil
	}
	cell := web.PreviewCell{Changed: true, Before: "outcome.allow", After: "outcome.forbidden", AfterState: "bad", MoreAfter: evil}
	preview := &web.Preview{Readers: []string{evil}, Rows: []web.PreviewRow{{Image: evil, Thumb: "/t", Rule: evil, Cells: []web.PreviewCell{cell}}}, Tried: 2, Changing: 1, Unlisted: evil}
	return map[string]web.Sheet{
		"overview": web.Overview{
			Notices: notices, Figures: numbers, Refresh: 3, Attention: []web.Attention{{Text: evil, Path: "/p", Link: evil}},
			Kinds: []web.Kind{{Role: "edge", Heads: []string{evil}, Parts: []web.Part{{Name: evil, State: "good", StateText: evil, Numbers: numbers}}}, {Role: "worker"}, {Role: "coordinator"}},
		},
		"overview, alone": web.Overview{Alone: true},
		"images": web.Images{
			Notices: notices, Pager: pager, Prefix: evil, Crumbs: []web.Crumb{{Name: evil, Prefix: evil}}, Folders: []web.Crumb{{Name: evil, Prefix: evil}},
			Items: []web.Picture{{ID: evil, Name: evil, Thumb: "/t", Rule: evil, Access: "open", State: "open"}}, Quarantine: []web.Quarantined{{Image: evil, Workers: evil}},
		},
		"images, away": web.Images{Away: true}, "images, untold": web.Images{Untold: true}, "images, empty": web.Images{},
		"users": web.Users{Notices: notices, Pager: pager, Search: evil, Items: []web.Person{person}}, "users, empty": web.Users{},
		"new user":      web.NewUser{Notices: notices, Person: person, Field: "email"},
		"user":          web.User{Notices: notices, Person: person, Field: "name", Link: time.Now(), Sessions: sessions, Tokens: tokens},
		"user, last":    web.User{Person: person, Last: true},
		"secret":        web.Secret{Person: person, Kind: "link", Text: evil, Until: time.Now(), Back: "/b", Part: "users"},
		"groups":        web.Groups{Notices: notices, Pager: pager, Search: evil, Items: []web.Group{{Name: evil, Members: 3}}, Unborn: []string{evil}},
		"groups, empty": web.Groups{},
		"group":         web.OneGroup{Notices: notices, Group: web.Group{Name: evil, Members: 1}, Members: []web.Person{person}, Rules: []string{evil}},
		"group, empty":  web.OneGroup{Group: web.Group{Name: evil}},
		"sessions":      web.Sessions{Notices: notices, Pager: pager, Search: evil, User: evil, Provider: evil, Items: sessions}, "sessions, none": web.Sessions{},
		"rules": web.Rules{
			Notices: notices, Pager: pager, Search: evil, Fallback: "open", Warnings: []string{evil}, Form: true,
			Items: []web.RuleLine{{Place: 1, Name: evil, Images: []string{evil}, More: 3, Access: "hidden", Groups: []string{evil}, Notes: []string{evil}, Warnings: []string{evil}}},
		},
		"rules, none": web.Rules{Fallback: "login"},
		"rules, edited": web.RulesEdit{
			Notices: notices, Items: []web.RuleForm{form, {Access: "open"}}, Definitions: evil, Fault: evil, Changed: true, Fallback: "login",
			Warnings: []string{evil}, Samples: evil, Reader: evil, Preview: preview,
		},
		"rules, none edited": web.RulesEdit{Fallback: "open", Preview: &web.Preview{Same: true}},
		"rules as JSON":      web.RulesEdit{AsJSON: true, Document: evil, Fault: evil, Preview: &web.Preview{Tried: 1}},
		"explain": web.Explain{Notices: notices, User: evil, Image: evil, Answer: &web.Explained{
			Outcome: "outcome.allow", State: "good", Reason: evil, Rule: evil, Changes: time.Now(), Matches: []web.Match{{Rule: evil, Decides: true, Note: evil}}, Thumb: "/t",
		}},
		"explain, asked": web.Explain{Field: "image"},
		"audit": web.Audit{
			Pager: pager, Filtered: true, Events: []web.Event{{Name: "x", Text: evil}}, Event: "x", Export: "/e", Head: "00", Checked: &web.Checked{Seq: 3, Problem: evil},
			Items: []web.Audited{{Seq: 1, At: time.Now(), What: evil, Actor: evil, Target: evil, Details: evil}},
		},
		"audit, whole": web.Audit{Checked: &web.Checked{Whole: true}},
	}
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

// R38: nothing that scripts keep outlives a page, and cookies are none of theirs.
func TestScriptsKeepNothing(t *testing.T) {
	script, err := os.ReadFile("admin.js")
	if err != nil {
		t.Fatal(err)
	}
	said := string(script)
	for _, w := range everyPage() {
		said += w.Body.String()
	}
	for _, place := range []string{"localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches."} {
		if strings.Contains(said, place) {
			t.Errorf("a script uses %s", place)
		}
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
				for id := range strings.FieldsSeq(a.Val) {
					if ids[id] == 0 {
						t.Errorf("%s=%q points nowhere", a.Key, id)
					}
				}
			}
		}
		switch node.Data {
		case "script":
			if nonce == "" || attribute(node, "nonce") != nonce {
				t.Errorf("a script the policy forbids: %v", node.Attr)
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
	show.ShowToken(w, get, web.Token{Sentence: "<b>"})
	if page := w.Body.String(); strings.Contains(page, "<script") || strings.Contains(page, "<b>") || w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, page)
	}
	w = httptest.NewRecorder()
	show.ShowToken(w, get, web.Token{Message: json.RawMessage(`{"a":"b"}`), Target: json.RawMessage(`"https://viewer.test"`)})
	if !strings.Contains(w.Body.String(), `window.parent.postMessage({"a":"b"}, "https://viewer.test");`) {
		t.Error(w.Body.String())
	}
}
