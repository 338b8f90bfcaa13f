package coordinator

import (
	"net/url"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// Seconds by which clocks may differ (R56): beyond the first somebody should look,
// beyond the second nobody signs in.
const (
	clockAttention = 2
	clockFails     = 30
)

// judge says what state a provider is in, and why. What is worse is said first.
func judge(p *api.Provider, words *catalogue.Words) {
	p.State = providerWorks
	say := func(state, text string) {
		if p.State != providerFails {
			p.State = state
		}
		p.Notes = append(p.Notes, text)
	}
	switch d := p.Discovery; {
	case d.Asked.IsZero():
		p.State = providerUnasked
	case d.Failing && d.Read.IsZero():
		say(providerFails, d.Failure.Sentence)
	case d.Failing:
		say(providerAttention, d.Failure.Sentence)
	}
	if f := p.Keys.Failure; f != nil {
		state := providerAttention
		if p.Keys.Count == 0 {
			state = providerFails
		}
		say(state, words.Text("providers.keys.failed", f.Sentence))
	}
	judgeClock(p, words, say)
	if p.SignIn != nil {
		judgeSignIn(p, words, say)
	}
	if p.Tokens != nil {
		judgeEdges(p, words, say)
	}
}

func judgeClock(p *api.Provider, words *catalogue.Words, say func(state, text string)) {
	if p.Clock == nil {
		return
	}
	switch off := max(p.Clock.Ahead, -p.Clock.Ahead); {
	case off > clockFails:
		say(providerFails, words.Text("providers.clock.fails", off))
	case off > clockAttention:
		say(providerAttention, words.Text("providers.clock.attention", off))
	}
}

func judgeSignIn(p *api.Provider, words *catalogue.Words, say func(state, text string)) {
	if p.PKCE == string(oidc.No) {
		say(providerAttention, words.Text("providers.pkce.note"))
	}
	if p.Trouble != nil && p.Trouble.At.After(p.SignIn.Arrived) {
		say(providerAttention, words.Text("providers.trouble.note", words.When(p.Trouble.At), p.Trouble.Sentence))
	}
	if len(p.Warned) > 0 {
		say(providerAttention, words.Text("providers.warned.note"))
	}
}

// failureText says what an administrator does about a failure.
func failureText(issuer string, f oidc.Failure, words *catalogue.Words) string {
	host := issuer
	if u, err := url.Parse(issuer); err == nil && u.Host != "" {
		host = u.Host
	}
	switch f.Reason {
	case oidc.OtherIssuer:
		return words.Text("providers.failure.issuer", f.Detail, issuer)
	case oidc.BadTLS:
		return words.Text("providers.failure.tls", host, f.Detail)
	case oidc.Slow:
		return words.Text("providers.failure.timeout", host)
	case oidc.NoName:
		return words.Text("providers.failure.name", f.Detail)
	case oidc.NoAnswer:
		return words.Text("providers.failure.unreached", host, f.Detail)
	case oidc.Forbidden:
		return words.Text("providers.failure.forbidden", host)
	case oidc.ClearText:
		return words.Text("providers.failure.clear")
	case oidc.BadStatus:
		return words.Text("providers.failure.status", host, f.Detail)
	case oidc.BadAnswer:
		return words.Text("providers.failure.answer", host, f.Detail)
	}
	return words.Text("providers.failure.other", host, f.Detail)
}

func troubleText(kind oidc.Kind, words *catalogue.Words) string {
	switch kind {
	case oidc.Away:
		return words.Text("providers.trouble.away")
	case oidc.Clock:
		return words.Text("providers.trouble.clock")
	case oidc.Misset:
		return words.Text("providers.trouble.misset")
	}
	return words.Text("providers.trouble.false")
}
