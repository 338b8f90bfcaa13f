package api

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

// Providers are the OpenID providers and token issuers that are configured, as one
// coordinator sees them.
type Providers struct {
	By    string     `json:"by"` // name of the coordinator
	Items []Provider `json:"items"`
}

// Provider is one of them. It never holds a secret.
type Provider struct {
	Name   string `json:"name"`
	Label  string `json:"label"`
	Issuer string `json:"issuer"`
	By     string `json:"by"`

	State string   `json:"state"` // works, attention, fails, unasked
	Notes []string `json:"notes"` // sentences that say what is wrong and what to do

	SignIn *ProviderSignIn `json:"signIn,omitempty"` // people sign in by it
	Tokens *ProviderTokens `json:"tokens,omitempty"` // its access tokens count
	Claims ProviderClaims  `json:"claims"`

	Discovery   ProviderRead     `json:"discovery"`
	Keys        ProviderKeys     `json:"keys"`
	Clock       *ProviderClock   `json:"clock,omitempty"` // absent: it has not answered yet
	PKCE        string           `json:"pkce"`            // with S256: yes, no, unsaid
	EndsSession bool             `json:"endsSession"`
	TellsLogout bool             `json:"tellsLogout"`
	Trouble     *ProviderTrouble `json:"trouble,omitempty"`
	Warned      []ClaimWarning   `json:"claimWarnings"`
}

// ProviderSignIn is how people sign in by a provider, and what it has to be told of us.
type ProviderSignIn struct {
	ClientID     string   `json:"clientId"`
	HasSecret    bool     `json:"hasSecret"`
	ClientAuth   string   `json:"clientAuth,omitempty"`
	Scopes       []string `json:"scopes"`
	Domains      []string `json:"domains"`
	Hidden       bool     `json:"hidden"`
	SignUp       string   `json:"signUp"`
	RefreshEvery int      `json:"refreshSeconds"` // 0: never
	Popup        bool     `json:"popup"`          // in a window of its own where a viewer waits

	Redirect  []string `json:"redirectUris"`
	SignedOut []string `json:"signedOutUris"`
	Logout    string   `json:"backchannelLogoutUri"`

	Sessions     int       `json:"sessions"`
	SignIns      int       `json:"signIns"`        // in the days
	Partial      bool      `json:"signInsPartial"` // there were more
	Days         int       `json:"days"`
	LastSignIn   time.Time `json:"lastSignIn,omitzero"`
	Arrived      time.Time `json:"lastSignInHere,omitzero"` // at the coordinator that looked
	DecidesAdmin bool      `json:"decidesAdministrators"`
}

// ProviderTokens is what a provider calls this server in access tokens.
type ProviderTokens struct {
	Audiences []string       `json:"audiences"`
	AnyType   bool           `json:"anyType"`
	Edges     []ProviderEdge `json:"edges"` // that are heard of
}

// ProviderEdge is what an edge, which verifies access tokens, says that it has of their
// provider.
type ProviderEdge struct {
	Name  string    `json:"name"`
	State string    `json:"state"` // ready, stale (reads no new keys), keyless, unset (does not take its tokens)
	Keys  int       `json:"keys"`
	Read  time.Time `json:"read,omitzero"`
}

// ProviderClaims is which claims become what.
type ProviderClaims struct {
	Name           []string           `json:"name"`
	Email          string             `json:"email"`
	Groups         []string           `json:"groups"`
	GroupPrefix    string             `json:"groupPrefix,omitempty"`
	Entitlements   []ClaimEntitlement `json:"entitlements"`
	Affiliations   []string           `json:"affiliationScopes"`
	Table          []ClaimTable       `json:"table"`
	Administrators string             `json:"administrators,omitempty"`
}

// ClaimEntitlement says whose entitlements become groups.
type ClaimEntitlement struct {
	Namespace   string   `json:"namespace"`
	Authorities []string `json:"authorities"`
}

// ClaimTable gives a group to a value.
type ClaimTable struct {
	Claim string `json:"claim"`
	Value string `json:"value"`
	Group string `json:"group"`
}

// ProviderRead is what came of asking a provider what it says of itself.
type ProviderRead struct {
	Asked   time.Time        `json:"asked,omitzero"`
	Read    time.Time        `json:"read,omitzero"` // the last success
	Failing bool             `json:"failing"`       // the last time that it was asked
	Failure *ProviderFailure `json:"failure,omitempty"`
}

// ProviderFailure is why a provider could not be asked.
type ProviderFailure struct {
	At       time.Time `json:"at"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail,omitempty"`
	Sentence string    `json:"sentence"`
}

// ProviderKeys is what is known of a provider's keys.
type ProviderKeys struct {
	Count   int              `json:"count"`
	Read    time.Time        `json:"read,omitzero"`
	Failure *ProviderFailure `json:"failure,omitempty"` // of the last try
}

// ProviderClock is by how much a provider's clock is ahead of the coordinator's.
type ProviderClock struct {
	Ahead    int       `json:"aheadSeconds"`
	Compared time.Time `json:"compared"`
}

// ProviderTrouble is a sign-in that failed by the set-up of one of both sides.
type ProviderTrouble struct {
	At       time.Time `json:"at"`
	Sentence string    `json:"sentence"`
}

// ClaimWarning is a sentence about claims that were not used.
type ClaimWarning struct {
	Text  string    `json:"text"`
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
}

func (s *server) listProviders(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	all, err := s.Providers(r)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, all)
}

// checkProvider has the coordinator ask a provider now.
func (s *server) checkProvider(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	found, err := s.CheckProvider(r, actor, r.PathValue("name"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, found)
}
