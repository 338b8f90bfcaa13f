package coordinator

import (
	"time"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

// seenFacts are what was last seen of a provider.
func (say sheets) seenFacts(p api.Provider) []web.Fact {
	facts := []web.Fact{say.fact("read", say.readOn(p.Discovery.Read)), say.failureFact(p.Discovery), say.keysFact(p.Keys), say.clockFact(p.Clock)}
	if p.SignIn != nil && !p.Discovery.Read.IsZero() {
		facts = append(facts, say.pkceFact(p.PKCE), say.fact("ends-session", say.yesNo(p.EndsSession)), say.logoutFact(p))
	}
	if p.Tokens != nil && len(p.Tokens.Edges) > 0 {
		facts = append(facts, say.edgesFact(p.Tokens.Edges))
	}
	if p.Trouble != nil {
		trouble := say.fact("trouble", say.When(p.Trouble.At))
		trouble.Hint = p.Trouble.Sentence
		facts = append(facts, trouble)
	}
	return facts
}

func (say sheets) readOn(t time.Time) string {
	if t.IsZero() {
		return say.Text("providers.read.never")
	}
	return say.When(t)
}

func (say sheets) yesNo(is bool) string {
	if is {
		return say.Text("providers.yes")
	}
	return say.Text("providers.no")
}

func (say sheets) failureFact(d api.ProviderRead) web.Fact {
	if d.Failure == nil {
		return say.fact("failed", say.Text("providers.failed.never"))
	}
	f := say.fact("failed", say.When(d.Failure.At))
	if !d.Failing { // else it is the first thing that is said
		f.Hint = d.Failure.Sentence
	}
	return f
}

func (say sheets) keysFact(k api.ProviderKeys) web.Fact {
	if k.Read.IsZero() {
		return say.fact("keys", say.Text("providers.keys.none"))
	}
	return say.fact("keys", say.Text("providers.keys.read", k.Count, say.When(k.Read)))
}

func (say sheets) clockFact(clock *api.ProviderClock) web.Fact {
	switch {
	case clock == nil:
		return say.fact("clock", say.Text("providers.clock.untold"))
	case clock.Ahead > clockAttention:
		return say.fact("clock", say.Text("providers.clock.ahead", clock.Ahead))
	case clock.Ahead < -clockAttention:
		return say.fact("clock", say.Text("providers.clock.behind", -clock.Ahead))
	}
	return say.fact("clock", say.Text("providers.clock.good"))
}

func (say sheets) pkceFact(said string) web.Fact {
	switch oidc.Said(said) {
	case oidc.Yes:
		return say.fact("pkce", say.Text("providers.yes"))
	case oidc.No:
		return say.fact("pkce", say.Text("providers.no"))
	}
	return say.fact("pkce", say.Text("providers.pkce.unsaid"))
}

// logoutFact tells by what sessions end when people sign out at the provider.
func (say sheets) logoutFact(p api.Provider) web.Fact {
	f := say.fact("tells-logout", say.yesNo(p.TellsLogout))
	if !p.TellsLogout && p.SignIn.RefreshEvery == 0 {
		f.Hint = say.Text("providers.logout.hint")
	}
	return f
}

// claimFacts say which claims become what.
func (say sheets) claimFacts(c api.ProviderClaims) []web.Fact {
	facts := []web.Fact{say.fact("claim-name", listed(c.Name)), say.fact("claim-email", c.Email)}
	groups := say.fact("claim-groups", say.Text("providers.claims.none"))
	if len(c.Groups) > 0 {
		groups.Value = listed(c.Groups)
		if c.GroupPrefix != "" {
			groups.Hint = say.Text("providers.claims.prefix", c.GroupPrefix)
		}
	}
	facts = append(facts, groups)
	for _, e := range c.Entitlements {
		f := say.fact("claim-entitlements", e.Namespace)
		if len(e.Authorities) > 0 {
			f.Hint = say.Text("providers.claims.authorities", listed(e.Authorities))
		}
		facts = append(facts, f)
	}
	if len(c.Affiliations) > 0 {
		facts = append(facts, say.fact("claim-affiliations", listed(c.Affiliations)))
	}
	facts = append(facts, say.tableFacts(c.Table)...)
	if c.Administrators != "" {
		facts = append(facts, say.fact("claim-administrators", c.Administrators))
	}
	return facts
}

func (say sheets) tableFacts(rows []api.ClaimTable) (facts []web.Fact) {
	for _, row := range rows[:min(len(rows), maxTableShown)] {
		facts = append(facts, say.fact("claim-table", say.Text("providers.claims.row", row.Claim, row.Value, row.Group)))
	}
	if left := len(rows) - len(facts); left > 0 {
		facts = append(facts, say.fact("claim-table", say.Text("providers.claims.more", left)))
	}
	return facts
}
