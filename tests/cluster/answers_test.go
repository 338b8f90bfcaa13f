package cluster

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What differs from answer to answer, wherever it comes from.
var passing = []string{"Date", "X-Request-Id", "Server-Timing", "X-Tessera-Cache", "X-Tessera-Worker", "Content-Length"}

// What is made up for an answer or a database: nonces, tokens, ids, times.
var madeUp = regexp.MustCompile(`nonce-?="?[A-Za-z0-9+/=_-]+"?|'nonce-[^']+'|tiat_[A-Za-z0-9_-]+|[0-9a-f]{8}-[0-9a-f-]{27}|` +
	`\d{4}-\d\d-\d\dT[0-9:.]+Z|\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC|` +
	`"expiresIn":\d+`)

// comparable gives an answer, a line for each part, without what differs from moment to
// moment.
func (a answer) comparable() []string {
	h := maps.Clone(a.Header)
	for _, name := range passing {
		h.Del(name)
	}
	lines := []string{a.Status}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		lines = append(lines, name+": "+strings.Join(h[name], " | "))
	}
	text := strings.Join(append(lines, a.body), "\n")
	return strings.Split(madeUp.ReplaceAllString(text, "…"), "\n")
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
		"/auth/login", "/auth/login?next=/view/members%252Fmap", "/auth/logout", "/auth/nowhere", "/auth/admin/rules", "/auth/admin/api/v1/rules",
		"/auth/2/members/token?messageId=1&origin=" + "http://viewer.example", "/auth/1/members/token", "/auth/2/others/token", "/auth/assets/tessera.css",
	} {
		for _, person := range []bool{false, true} {
			if person && strings.HasPrefix(path, "/auth/logout") {
				continue // would sign out
			}
			ask := func(base string) []string {
				// One name for all: it is in documents, and so in their ETags.
				header := []string{"Host", "iiif.localhost"}
				if person {
					header = append(header, "Cookie", sessions[base])
				}
				return get(t, base+path, header...).comparable()
			}
			want := ask(alone)
			for i := range c.Edges() {
				got := ask(c.edge(i))
				for n := range max(len(got), len(want)) {
					if at(got, n) != at(want, n) {
						t.Errorf("%s, signed in: %t: edge %d says %q, serve %q", path, person, i+1, at(got, n), at(want, n))
						break
					}
				}
			}
		}
	}
}

// at is a line of an answer.
func at(lines []string, n int) string {
	if n >= len(lines) {
		return "(nothing more)"
	}
	return lines[n]
}
