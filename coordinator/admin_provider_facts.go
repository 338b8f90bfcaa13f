package coordinator

import (
	"time"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/catalogue"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

// seenFacts are what was last seen of a provider.
func seenFacts(p api.Provider) []web.Fact {
	facts := []web.Fact{fact("read", readOn(p.Discovery.Read)), failureFact(p.Discovery), keysFact(p.Keys), clockFact(p.Clock)}
	if p.SignIn != nil && !p.Discovery.Read.IsZero() {
		facts = append(facts, pkceFact(p.PKCE), fact("ends-session", yesNo(p.EndsSession)), logoutFact(p))
	}
	if p.Trouble != nil {
		trouble := fact("trouble", inWords(p.Trouble.At))
		trouble.Hint = p.Trouble.Sentence
		facts = append(facts, trouble)
	}
	return facts
}

func readOn(t time.Time) string {
	if t.IsZero() {
		return catalogue.Text("providers.read.never")
	}
	return inWords(t)
}

func yesNo(is bool) string {
	if is {
		return catalogue.Text("providers.yes")
	}
	return catalogue.Text("providers.no")
}

func failureFact(d api.ProviderRead) web.Fact {
	if d.Failure == nil {
		return fact("failed", catalogue.Text("providers.failed.never"))
	}
	f := fact("failed", inWords(d.Failure.At))
	if !d.Failing { // else it is the first thing that is said
		f.Hint = d.Failure.Sentence
	}
	return f
}

func keysFact(k api.ProviderKeys) web.Fact {
	if k.Read.IsZero() {
		return fact("keys", catalogue.Text("providers.keys.none"))
	}
	return fact("keys", catalogue.Text("providers.keys.read", k.Count, inWords(k.Read)))
}

func clockFact(clock *api.ProviderClock) web.Fact {
	switch {
	case clock == nil:
		return fact("clock", catalogue.Text("providers.clock.untold"))
	case clock.Ahead > clockAttention:
		return fact("clock", catalogue.Text("providers.clock.ahead", clock.Ahead))
	case clock.Ahead < -clockAttention:
		return fact("clock", catalogue.Text("providers.clock.behind", -clock.Ahead))
	}
	return fact("clock", catalogue.Text("providers.clock.good"))
}

func pkceFact(said string) web.Fact {
	switch oidc.Said(said) {
	case oidc.Yes:
		return fact("pkce", catalogue.Text("providers.yes"))
	case oidc.No:
		return fact("pkce", catalogue.Text("providers.no"))
	}
	return fact("pkce", catalogue.Text("providers.pkce.unsaid"))
}

// logoutFact tells by what sessions end when people sign out at the provider.
func logoutFact(p api.Provider) web.Fact {
	f := fact("tells-logout", yesNo(p.TellsLogout))
	if !p.TellsLogout && p.SignIn.RefreshEvery == 0 {
		f.Hint = catalogue.Text("providers.logout.hint")
	}
	return f
}

// claimFacts say which claims become what.
func claimFacts(c api.ProviderClaims) []web.Fact {
	facts := []web.Fact{fact("claim-name", listed(c.Name)), fact("claim-email", c.Email)}
	groups := fact("claim-groups", catalogue.Text("providers.claims.none"))
	if len(c.Groups) > 0 {
		groups.Value = listed(c.Groups)
		if c.GroupPrefix != "" {
			groups.Hint = catalogue.Text("providers.claims.prefix", c.GroupPrefix)
		}
	}
	facts = append(facts, groups)
	for _, e := range c.Entitlements {
		f := fact("claim-entitlements", e.Namespace)
		if len(e.Authorities) > 0 {
			f.Hint = catalogue.Text("providers.claims.authorities", listed(e.Authorities))
		}
		facts = append(facts, f)
	}
	if len(c.Affiliations) > 0 {
		facts = append(facts, fact("claim-affiliations", listed(c.Affiliations)))
	}
	facts = append(facts, tableFacts(c.Table)...)
	if c.Administrators != "" {
		facts = append(facts, fact("claim-administrators", c.Administrators))
	}
	return facts
}

func tableFacts(rows []api.ClaimTable) (facts []web.Fact) {
	for _, row := range rows[:min(len(rows), maxTableShown)] {
		facts = append(facts, fact("claim-table", catalogue.Text("providers.claims.row", row.Claim, row.Value, row.Group)))
	}
	if left := len(rows) - len(facts); left > 0 {
		facts = append(facts, fact("claim-table", catalogue.Text("providers.claims.more", left)))
	}
	return facts
}
