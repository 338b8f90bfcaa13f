package edge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/edge/hook"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// withHook is a stage whose rules leave a folder to another system, which lets alice
// see what is in it, hides it from sam, and asks everybody else to sign in.
func withHook(t *testing.T, adjust ...func(*edge.Config)) (s *stage, asked *atomic.Int64, server *httptest.Server) {
	t.Helper()
	asked = new(atomic.Int64)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var q struct{ Principal struct{ ID string } }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		access := map[string]string{"alice": "allow", "sam": "hidden", "root": "deny"}[q.Principal.ID]
		if access == "" {
			access = "login"
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access":%q}`, access)
	}))
	t.Cleanup(server.Close)
	client, err := hook.New(hook.Config{URL: server.URL, Egress: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s = newStage(t, append(adjust, func(c *edge.Config) { c.Hook = client })...)
	s.setRules([]authz.Rule{
		{Name: "theirs", Images: []string{"other/**"}, Access: authz.Hook},
		{Name: "ours", Images: []string{"open/**"}, Access: authz.Open},
	})
	return s, asked, server
}

func TestHookDecides(t *testing.T) {
	s, asked, server := withHook(t)
	const image = "/iiif/3/other%2FW" + pixels
	s.want(200, "/iiif/3/open%2FW"+pixels, cookieOf("alice"))
	if asked.Load() != 0 {
		t.Error("asked though no rule says so")
	}
	if a := s.want(200, image, cookieOf("alice")); a.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("R29: %v", a.header)
	}
	s.want(401, image)
	s.want(404, image, cookieOf("sam"))
	s.want(403, image, cookieOf("root"))
	for who, want := range map[string]float64{"alice": 200, "sam": 404, "root": 403, "nobody": 401} {
		if doc := parse(t, s.want(200, "/auth/probe/other%2FW", tokenOf(who))); doc["status"] != want {
			t.Errorf("D-085 for %s: %v", who, doc)
		}
	}
	server.Close()
	// It is down: what it decides about is shown to nobody, the rest goes on (R18).
	s.want(503, image, cookieOf("alice"))
	s.want(503, "/iiif/2/other%2FW/info.json", tokenOf("alice"))
	s.want(503, "/iiif/3/other%2FW~reduced"+pixels)
	s.want(200, "/iiif/3/open%2FW"+pixels)
}

// R33: what that system hides is not there, byte for byte.
func TestHookHides(t *testing.T) {
	s, _, _ := withHook(t)
	s.want(404, "/iiif/3/other%2FW~reduced"+pixels, cookieOf("sam"))
	for _, path := range []string{"/iiif/3/other%%2F%s" + pixels, "/iiif/3/other%%2F%s/info.json", "/iiif/2/other%%2F%s/info.json"} {
		if diff := diffAnswers(s.ask(fmt.Sprintf(path, "W"), cookieOf("sam")), s.ask(fmt.Sprintf(path, "X"), cookieOf("sam"))); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

// R33: nor does it tell what is there and what is not that the system cannot be asked.
func TestHookIsDown(t *testing.T) {
	s, _, server := withHook(t, realPages, func(c *edge.Config) { c.ManifestsAsImages = true })
	s.shelf.documents["other/W.json"] = documentOf(`{"type": "Manifest"}`)
	server.Close()
	neutral := strings.NewReplacer("other%2FX", "other%2FW", "other/X", "other/W", "other%252FX", "other%252FW").Replace
	for _, path := range []string{
		"/iiif/3/other%2FW" + pixels, "/iiif/3/other%2FW/info.json", "/iiif/2/other%2FW/info.json", "/auth/probe/other%2FW",
		"/iiif/generated/other%2FW", "/iiif/manifests/other/W.json", "/view/other%2FW",
	} {
		for _, who := range []string{"alice", "sam", "nobody"} {
			there, missing := s.ask(path, cookieOf(who)), s.ask(strings.ReplaceAll(path, "W", "X"), cookieOf(who))
			missing.body = neutral(missing.body)
			if diff := diffAnswers(there, missing); diff != "" {
				t.Errorf("%s for %s: %s", path, who, diff)
			}
			if !strings.Contains(path, "probe") && (there.status != http.StatusServiceUnavailable || there.header.Get("Retry-After") == "") {
				t.Errorf("%s for %s: %v", path, who, there)
			}
		}
	}
	if infos := s.studio.infos.Load(); infos != 0 {
		t.Errorf("%d images were looked for", infos)
	}
}

// R33: nor does a folder tell that there are images in it that nobody can be asked about;
// the others in it are shown (R18). One image is asked about for all.
func TestFolderWhileHookIsDown(t *testing.T) {
	s, asked, server := withHook(t)
	s.setRules([]authz.Rule{
		{Name: "theirs", Images: []string{"other/**", "mix/theirs*"}, Access: authz.Hook},
		{Name: "ours", Images: []string{"**"}, Access: authz.Open},
	})
	ids := []string{"mix/ours"}
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("other/%02d", i), fmt.Sprintf("mix/theirs%02d", i))
	}
	for _, id := range ids {
		s.shelf.entries = append(s.shelf.entries, tile.Entry{ID: id})
		s.studio.put(tile.Image{ID: id, Version: "v1", Width: 100, Height: 50})
	}
	if ids, _ := canvases(t, s.want(200, "/iiif/generated/mix", cookieOf("alice"))); len(ids) != 101 || asked.Load() != 100 {
		t.Errorf("%d canvases, asked %d times", len(ids), asked.Load())
	}
	server.Close()
	full, empty := s.want(404, "/iiif/generated/other", cookieOf("alice")), s.want(404, "/iiif/generated/absnt", cookieOf("alice"))
	if diff := diffAnswers(full, empty); diff != "" {
		t.Error(diff)
	}
	if ids, _ := canvases(t, s.want(200, "/iiif/generated/mix", cookieOf("alice"))); len(ids) != 1 {
		t.Errorf("canvases %v", ids)
	}
	if n := strings.Count(s.log.String(), "the decision hook does not answer"); n > 40 {
		t.Errorf("asked %d times about 200 images", n)
	}
}

// Without an address for it, the rule closes its images.
func TestHookWithoutAddress(t *testing.T) {
	s := withRules(t, authz.Rule{Name: "theirs", Images: []string{"other/**"}, Access: authz.Hook})
	s.want(503, "/iiif/3/other%2FW"+pixels, cookieOf("alice"))
	s.want(200, "/iiif/3/members%2FW"+pixels, cookieOf("alice"))
}
