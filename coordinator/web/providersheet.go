package web

import (
	"time"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// Providers is the page of the ways to sign in by others, and of issuers of access tokens.
type Providers struct {
	Notices
	By    string // the coordinator that looked
	Items []ProviderSheet
}

// ProviderSheet is one of them.
type ProviderSheet struct {
	Name, Label, Issuer string
	State, StateText    string // class, and the word with it
	Notes               []string
	Open                bool

	Register []Fact // addresses to write down at the provider
	Here     []Fact // how it is set
	Seen     []Fact // what was seen of it
	Claims   []Fact
	Warned   []ClaimWarning

	SignsIn  bool // people sign in by it
	Use      []Fact
	Sessions int
}

// Fact is a value with its name. One with an ID can be copied.
type Fact struct{ Label, Value, Hint, ID string }

// ClaimWarning is a sentence about claims that were not used.
type ClaimWarning struct {
	Text  string
	Count int
	Last  time.Time
}

func (Providers) describe(say *catalogue.Words) (name, part, title string) {
	return "providers", "providers", say.Text("providers.title")
}
