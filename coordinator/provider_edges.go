package coordinator

import (
	"slices"
	"strconv"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/cluster"
)

// How an edge stands with an issuer of access tokens, which edges verify by themselves.
const (
	edgeReady   = "ready"
	edgeStale   = "stale"
	edgeKeyless = "keyless"
	edgeUnset   = "unset"
)

// maxEdgesNamed bounds a sentence about edges.
const maxEdgesNamed = 5

// edgesWith is what the edges that are heard of say that they have of an issuer.
func (c *Coordinator) edgesWith(issuer string) []api.ProviderEdge {
	found := []api.ProviderEdge{}
	if c.members == nil {
		return found
	}
	for _, m := range c.members() {
		if m.Edge != nil && !m.Silent {
			found = append(found, edgeWith(issuer, m))
		}
	}
	return found
}

func edgeWith(issuer string, m cluster.Member) api.ProviderEdge {
	e := api.ProviderEdge{Name: m.Name, State: edgeUnset}
	i := slices.IndexFunc(m.Edge.Issuers, func(i cluster.Issuer) bool { return i.URL == issuer })
	if i < 0 {
		return e
	}
	has := m.Edge.Issuers[i]
	e.Keys, e.Read = has.Keys, has.Read
	switch {
	case has.Keys == 0:
		e.State = edgeKeyless
	case has.Failing:
		e.State = edgeStale
	default:
		e.State = edgeReady
	}
	return e
}

// judgeEdges says at which edges access tokens do not count as they should.
func judgeEdges(p *api.Provider, words *catalogue.Words, say func(state, text string)) {
	for _, state := range []string{edgeUnset, edgeKeyless, edgeStale} {
		var names []string
		for _, e := range p.Tokens.Edges {
			if e.State == state {
				names = append(names, e.Name)
			}
		}
		if len(names) > 0 {
			say(providerAttention, words.Text("providers.edge."+state, named(names, words)))
		}
	}
}

func named(names []string, words *catalogue.Words) string {
	shown := listed(names[:min(len(names), maxEdgesNamed)])
	if left := len(names) - maxEdgesNamed; left > 0 {
		shown += " " + words.Text("providers.claims.more", left)
	}
	return shown
}

// edgesFact counts the edges that hold keys.
func (say sheets) edgesFact(edges []api.ProviderEdge) web.Fact {
	with := 0
	for _, e := range edges {
		if e.Keys > 0 {
			with++
		}
	}
	return say.fact("edges", say.Text("providers.edges.count", strconv.Itoa(with), strconv.Itoa(len(edges))))
}
