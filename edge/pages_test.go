package edge_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/edge/pages"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/look"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// withPages puts the real pages behind the edge.
func withPages(t *testing.T) *stage { return newStage(t, realPages) }

func realPages(c *edge.Config) {
	library := c.Library
	c.Pages = func(e *edge.Edge) http.Handler {
		return pages.New(pages.Config{Library: library, Judge: e, Look: look.New(look.Config{Name: "Test Archive"}), Texts: catalogue.Bundled(), Log: slog.New(slog.DiscardHandler)})
	}
}

// R33: the viewer's page tells nothing of what is hidden, to whoever asks and
// whichever way a name is refused.
func TestViewPageHides(t *testing.T) {
	s := withPages(t)
	alike := func(what string, a, b answer) {
		t.Helper()
		neutral := strings.NewReplacer("secret", "xxxxxx", "absent", "xxxxxx").Replace
		a.body, b.body = neutral(a.body), neutral(b.body)
		if diff := diffAnswers(a, b); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	for name, sent := range map[string]with{"nobody": header("X-Nobody", "1"), "alice": cookieOf("alice"), "admin": cookieOf("root")} {
		alike(name, s.want(404, "/view/secret%2FW", sent), s.want(404, "/view/absent%2FW", sent))
		alike(name+" HEAD", s.ask("/view/secret%2FW", sent, method("HEAD")), s.ask("/view/absent%2FW", sent, method("HEAD")))
		s.studio.fail(tile.Fail(tile.Unavailable, "", nil))
		s.clock.advance(10 * time.Minute)
		s.announce(1)
		alike(name+" in an outage", s.want(503, "/view/secret%2FW", sent), s.want(503, "/view/absent%2FW", sent))
		s.studio.fail(nil)
	}
	s.want(404, "/view/%2E%2E")
}

// R57: the built-in viewer leads to the terms and back; of the reading room it says so.
func TestViewPageByRule(t *testing.T) {
	s := withPages(t)
	title := authz.Text{"en": "Terms of the donor"}
	s.setDocument(authz.Document{
		Items: []authz.Rule{
			{Name: "gift", Images: []string{"open/**"}, Access: authz.Open, Terms: "donor"},
			{Name: "room", Images: []string{"other/**"}, Access: authz.Networks, Networks: []string{"192.0.2.0/24"}},
		},
		Definitions: authz.Definitions{Terms: []authz.Terms{{Name: "donor", Version: "1", Title: title, Text: title}}},
	})
	if a := s.want(401, "/view/open%2FW"); !strings.Contains(a.body, `href="/auth/2/members.terms.donor/access?next=%2Fview%2Fopen%252FW"`) || !strings.Contains(a.body, "Terms of the donor") {
		t.Errorf("got %v", a.body)
	}
	s.authority.visit("vera", "donor@1")
	s.want(200, "/view/open%2FW", cookieOf("vera"))
	if a := s.want(403, "/view/other%2FW", from(outside)); !strings.Contains(a.body, "in the reading room") {
		t.Errorf("got %v", a.body)
	}
	s.want(200, "/view/other%2FW", from(inRoom))
}

// What a reader may know of has a page, with what to do next.
func TestViewPage(t *testing.T) {
	s := withPages(t)
	for _, row := range []struct {
		path   string
		sent   with
		status int
		says   string
	}{
		{"/view/open%2FW", header("X-Nobody", "1"), 200, "/iiif/3/open%2FW/info.json"},
		{"/view/members%2FW", header("X-Nobody", "1"), 401, "/auth/login?next=%2Fview%2Fmembers%252FW"},
		{"/view/members%2FW", cookieOf("alice"), 200, "Alice"},
		{"/view/staff%2FW", cookieOf("alice"), 403, "Use another account"},
		{"/view/closed%2FW", cookieOf("alice"), 403, "Nobody may see it"},
		{"/view/secret%2FW", cookieOf("sam"), 200, "secret/W"},
	} {
		if a := s.want(row.status, row.path, row.sent); !strings.Contains(a.body, row.says) {
			t.Errorf("%s does not say %q: %s", row.path, row.says, a.body)
		}
	}
}

func TestViewPageSlashSubstitute(t *testing.T) {
	s := newStage(t, func(c *edge.Config) {
		library := c.Library
		c.SlashSubstitute = "!"
		c.Pages = func(e *edge.Edge) http.Handler {
			return pages.New(pages.Config{Library: library, Judge: e, Look: look.New(look.Config{}), Texts: catalogue.Bundled(), Log: slog.New(slog.DiscardHandler)})
		}
	})
	s.want(200, "/view/open!W")
}

var cardLink = regexp.MustCompile(`<h3><a href="/view/([^"]+)">`)

// R33: the list of images reads as if hidden ones were not there, page by page.
func TestLandingPagePassesOverWhatIsHidden(t *testing.T) {
	s := withPages(t)
	for i := range 60 {
		s.shelf.entries = append(s.shelf.entries, tile.Entry{ID: fmt.Sprintf("open/%03d", i)})
	}
	for i := range 1500 {
		s.shelf.entries = append(s.shelf.entries, tile.Entry{ID: fmt.Sprintf("secret/%04d", i)})
	}
	for i := range 10 {
		s.shelf.entries = append(s.shelf.entries, tile.Entry{ID: fmt.Sprintf("staff/%03d", i)})
	}
	walk := func(sent with, hides bool) (seen int, sizes []int) {
		path := "/"
		for path != "" && len(sizes) < 100 {
			body := s.want(200, path, sent).body
			found := cardLink.FindAllStringSubmatch(body, -1)
			sizes = append(sizes, len(found))
			seen += len(found)
			path = ""
			if m := regexp.MustCompile(`href="(/\?after=[^"]+)"`).FindStringSubmatch(body); m != nil {
				path = m[1]
			}
			if hides && strings.Contains(body, "secret") {
				t.Fatalf("a hidden name is on a page: %s", body)
			}
		}
		return seen, sizes
	}
	if seen, sizes := walk(header("X-Nobody", "1"), true); seen != 70 || fmt.Sprint(sizes) != "[24 24 22]" {
		t.Errorf("a stranger sees %d images on pages of %v", seen, sizes)
	}
	s.shelf.entries = s.shelf.entries[:1560]
	if _, sizes := walk(header("X-Nobody", "1"), true); fmt.Sprint(sizes) != "[24 24 12]" {
		t.Errorf("pages of %v when only hidden images come last", sizes)
	}
	s.shelf.entries = s.shelf.entries[:80]
	if seen, _ := walk(cookieOf("sam"), false); seen != 80 {
		t.Errorf("staff sees %d images", seen)
	}
}

// R33: what another system may hide is not listed, not even for whom it lets in; the
// next page is that of the images between.
func TestLandingPagePassesOverWhatAHookDecides(t *testing.T) {
	s, asked, _ := withHook(t, realPages)
	for i := range 30 {
		s.shelf.entries = append(s.shelf.entries, tile.Entry{ID: fmt.Sprintf("open/%03d", i)})
		s.shelf.entries = append(s.shelf.entries, tile.Entry{ID: fmt.Sprintf("other/%03d", i)})
	}
	slices.SortFunc(s.shelf.entries, func(a, b tile.Entry) int { return strings.Compare(a.ID, b.ID) })
	for _, who := range []string{"alice", "sam", "nobody"} {
		for path, want := range map[string]int{"/": 24, "/?after=open%2F023": 6, "/?q=other%2F": 0} {
			body := s.want(200, path, cookieOf(who)).body
			if n := len(cardLink.FindAllString(body, -1)); n != want || strings.Contains(body, "other/0") {
				t.Errorf("%s for %s shows %d images, want %d: %s", path, who, n, want, body)
			}
		}
	}
	if asked.Load() != 0 {
		t.Errorf("asked %d times", asked.Load())
	}
}
