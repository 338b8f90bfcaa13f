package edge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// client is a viewer that follows the specifications alone: it knows nothing of rules.
type client struct {
	*stage
	t            *rapid.T
	image, place string
	reader       string // "" is nobody
}

// R49, C-112, D-085: whatever the rules are, what a viewer is told of an image by either
// flow is what a request for its pixels gets; and a smaller image that is offered instead
// is there, for everybody.
func TestFlowsTellTheTruth(t *testing.T) {
	s, tries := newStage(t), 0
	rapid.Check(t, func(t *rapid.T) {
		tries++
		rules := rapid.SliceOfN(rapid.Custom(anyRule), 1, 5).Draw(t, "rules")
		rules[0].Name = fmt.Sprint("try ", tries) // edges take no notice of rules that they have
		s.setRules(rules)
		place := rapid.SampledFrom([]string{inRoom, outside}).Draw(t, "place")
		for _, folder := range []string{"open", "members", "staff", "secret", "closed", "other"} {
			for _, reader := range []string{"", "alice", "sam"} {
				c := client{s, t, folder + "%2FW", place, reader}
				c.followsFlow2()
				c.followsFlow1()
			}
		}
	})
}

func anyRule(t *rapid.T) authz.Rule {
	r := authz.Rule{
		Images: []string{rapid.SampledFrom([]string{"open/**", "members/**", "staff/**", "secret/*", "closed/W", "**/W", "**"}).Draw(t, "images")},
		Access: rapid.SampledFrom([]authz.Access{authz.Open, authz.Login, authz.Groups, authz.Networks, authz.Deny, authz.Hidden}).Draw(t, "access"),
	}
	if r.Access == authz.Groups || r.Access == authz.Hidden {
		r.Groups = []string{"staff"}
	}
	if r.Access == authz.Networks || r.Access == authz.Groups && rapid.Bool().Draw(t, "or in the room") {
		r.Networks = []string{"192.0.2.0/24"}
	}
	if r.Access == authz.Networks && rapid.Bool().Draw(t, "kiosk") {
		r.Service = authz.Kiosk
	}
	if r.Access != authz.Hidden && r.Access != authz.Open && rapid.Bool().Draw(t, "tier") {
		r.Tier = &authz.Tier{Scale: 8}
	}
	return r
}

// get asks as the reader, by cookie or by token, or as nobody.
func (c client) get(path string, as func(string) with) answer {
	if as == nil || c.reader == "" {
		return c.ask(path, from(c.place))
	}
	return c.ask(path, from(c.place), as(c.reader))
}

func (c client) pixels() int { return c.get("/iiif/3/"+c.image+pixels, cookieOf).status }

func (c client) fail(what string, got any) {
	c.t.Helper()
	c.t.Fatalf("%s for %q in %s: %s: %v", c.image, c.reader, c.place, what, got)
}

func (c client) object(a answer) (doc map[string]any) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		c.fail("no document", a)
	}
	return doc
}

// followsFlow2 is the client of Authorization Flow 2.0, section 7, once it has a token.
func (c client) followsFlow2() {
	c.t.Helper()
	info := c.get("/iiif/3/"+c.image+"/info.json", cookieOf)
	if info.status == 404 {
		if got := c.pixels(); got != 404 {
			c.fail("R33: pixels of an image that is not there", got)
		}
		return
	}
	if info.status != 200 {
		c.fail("D-003: info.json", info)
	}
	doc := c.object(info)
	probe := serviceOfType(doc, "AuthProbeService2")
	if contexts, _ := doc["@context"].([]any); (probe != nil) != (len(contexts) == 2 && contexts[0] == "http://iiif.io/api/auth/2/context.json") {
		c.fail("D-004: context", doc["@context"])
	}
	if probe == nil {
		if a := c.get("/iiif/3/"+c.image+pixels, nil); a.status != 200 {
			c.fail("without a probe service and without rights", a)
		}
		return
	}
	if access := serviceOfType(probe, "AuthAccessService2"); access == nil || serviceOfType(access, "AuthAccessTokenService2") == nil {
		c.fail("D-010: nothing helps", probe)
	}
	c.probes(probe["id"].(string))
}

func (c client) probes(id string) {
	c.t.Helper()
	a := c.get(strings.TrimPrefix(id, base), tokenOf)
	if a.status != 200 {
		c.fail("D-070: the probe's own status", a)
	}
	result := c.object(a)
	granted, got := result["status"] == 200.0, c.pixels()
	if granted != (got == 200) || !granted && (!slices.Contains([]any{401.0, 403.0}, result["status"]) || got != 401 && got != 403) {
		c.fail(fmt.Sprintf("D-085: the probe says %v, pixels", result["status"]), got)
	}
	instead, _ := result["substitute"].([]any)
	if len(instead) > 0 && granted {
		c.fail("D-079: a substitute for what is granted", result)
	}
	for _, small := range instead {
		c.reaches(small.(map[string]any)["id"].(string))
	}
}

// reaches looks at a smaller image as nobody.
func (c client) reaches(id string) {
	c.t.Helper()
	path := strings.TrimPrefix(id, base)
	if path == "/iiif/3/"+c.image || path == "/iiif/2/"+c.image {
		c.fail("C-027: the same identifier", id)
	}
	for _, wanted := range []string{"/info.json", pixels} {
		if a := c.get(path+wanted, nil); a.status != 200 {
			c.fail("D-080: what is offered instead", a)
		}
	}
}

// followsFlow1 is the client of Authentication 1.0 once it has a token.
func (c client) followsFlow1() {
	c.t.Helper()
	info, got := c.get("/iiif/2/"+c.image+"/info.json", tokenOf), c.pixels()
	switch info.status {
	case 200:
		if got != 200 {
			c.fail("C-112: described, and pixels", got)
		}
		return
	case 302:
		c.reaches(strings.TrimSuffix(info.header.Get("Location"), "/info.json"))
	case 401:
		if doc := c.object(info); doc["service"] == nil || doc["@id"] != base+"/iiif/2/"+c.image {
			c.fail("C-020: a refusal without what helps", info)
		}
	case 403, 404:
	default:
		c.fail("C-020: info.json", info)
	}
	if got == 200 || (info.status == 404) != (got == 404) {
		c.fail(fmt.Sprintf("C-112: info.json %d, pixels", info.status), got)
	}
}

func serviceOfType(of map[string]any, kind string) map[string]any {
	list, _ := of["service"].([]any)
	for _, s := range list {
		if service, _ := s.(map[string]any); service["type"] == kind {
			return service
		}
	}
	return nil
}
