package cluster

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What differs from answer to answer, wherever it comes from.
var passing = []string{"Date", "X-Request-Id", "Server-Timing", "X-Tessera-Cache", "X-Tessera-Worker", "Content-Length"}

var nonce = regexp.MustCompile(`nonce-?="?[A-Za-z0-9+/=_-]+"?|'nonce-[^']+'`)

// comparable gives an answer without what differs by address and moment.
func (a answer) comparable(base string) string {
	h := maps.Clone(a.Header)
	for _, name := range passing {
		h.Del(name)
	}
	var b strings.Builder
	b.WriteString(a.Status + "\n")
	for _, name := range slices.Sorted(maps.Keys(h)) {
		b.WriteString(name + ": " + strings.Join(h[name], " | ") + "\n")
	}
	b.WriteString(a.body)
	text := strings.ReplaceAll(b.String(), base, "http://SITE")
	return nonce.ReplaceAllString(strings.ReplaceAll(text, strings.TrimPrefix(base, "http://"), "SITE"), "nonce")
}

// The cluster is the same program as serve: whatever is asked, at whichever edge, is
// answered alike.
func TestSameAnswersAsServe(t *testing.T) {
	c := start(t)
	serve, alone, err := c.Beside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	if err := serve.Await(c.wait()); err != nil {
		t.Fatal(err)
	}
	sessions := map[string]string{alone: signIn(t, alone, adminEmail), c.edge(0): signIn(t, c.edge(0), adminEmail)}
	sessions[c.edge(1)] = sessions[c.edge(0)]

	for _, path := range []string{
		"/", "/robots.txt", "/view/open%2Fmap", "/view/members%2Fmap", "/nowhere",
		"/iiif/3/open%2Fmap", "/iiif/3/open%2Fmap/info.json", "/iiif/2/open%2Fmap/info.json", "/iiif/images/open/map/info.json",
		"/iiif/3/members%2Fmap/info.json", "/iiif/2/members%2Fmap/info.json", "/iiif/2/staff%2Fmap/info.json", "/iiif/3/secret%2Fmap/info.json",
		tileOf("open", 256, 512), tileOf("members", 256, 512), tileOf("staff", 256, 512), tileOf("secret", 256, 512),
		"/iiif/3/open%2Fmap/full/max/0/default.png", "/iiif/3/open%2Fmap/full/400,/90/gray.webp", "/iiif/3/open%2Fmap/square/!100,100/0/default.gif",
		"/iiif/3/open%2Fmap/full/max/0/default.bmp", "/iiif/3/open%2Fmap/full/0,/0/default.jpg", "/iiif/3/absent/info.json", "/iiif/3/..%2Fx/info.json",
		"/iiif/generated/open", "/iiif/generated/open%2Fmap", "/iiif/manifests/absent.json",
		"/auth/probe/members%2Fmap", "/auth/probe/open%2Fmap", "/auth/query_auth",
		"/auth/login", "/auth/login?next=/view/members%252Fmap", "/auth/logout", "/auth/nowhere", "/auth/admin/", "/auth/admin/api/v1/rules",
		"/auth/2/members/token?messageId=1&origin=" + "http://viewer.example", "/auth/1/members/token", "/auth/2/others/token", "/auth/assets/tessera.css",
	} {
		for _, person := range []bool{false, true} {
			if person && strings.HasPrefix(path, "/auth/logout") {
				continue // would sign out
			}
			ask := func(base string) string {
				var header []string
				if person {
					header = []string{"Cookie", sessions[base]}
				}
				return send(t, http.MethodGet, base+path, "", header...).comparable(base)
			}
			want := ask(alone)
			for i := range c.Edges() {
				if got := ask(c.edge(i)); got != want {
					t.Errorf("%s, signed in: %t, at edge %d:\n%s\nserve:\n%s", path, person, i+1, excerpt(got), excerpt(want))
				}
			}
		}
	}
}

func excerpt(s string) string {
	if len(s) > 1500 {
		return s[:1500] + "…"
	}
	return s
}
