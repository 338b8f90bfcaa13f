package authz

import (
	"net/netip"
	"time"
)

// Principal is whoever asks. An empty ID is an anonymous reader, who belongs to
// no group whatever Groups says.
type Principal struct {
	ID     string
	Name   string
	Groups []string
	Terms  []string   // accepted, each as Terms.Key gives it; an anonymous reader's count too
	Admin  bool       // may manage rules; gives no access to images
	Addr   netip.Addr // where the request came from
}

// Access is what a rule grants.
type Access string

// The kinds of access, from the widest to none.
const (
	Open     Access = "open"     // everyone
	Login    Access = "login"    // everyone signed in
	Groups   Access = "groups"   // members of the rule's groups
	Networks Access = "networks" // readers in the rule's networks, signed in or not
	Hook     Access = "hook"     // whoever another system lets in
	Hidden   Access = "hidden"   // as Groups; others are told the image does not exist
	Deny     Access = "deny"     // nobody
)

// Document is everything that is written down about who may see what: the rules in
// order, and what they name.
type Document struct {
	Items []Rule `json:"items"`
	Definitions
}

// Definitions are what rules refer to by name, so that it is written once. A name is
// made of small letters, digits and hyphens and begins with a letter.
type Definitions struct {
	Collections []Collection `json:"collections,omitempty"`
	Networks    []Network    `json:"networks,omitempty"`
	Terms       []Terms      `json:"terms,omitempty"`
}

// Collection is a set of patterns.
type Collection struct {
	Name   string   `json:"name"`
	Images []string `json:"images"`
}

// Network is a set of addresses, such as those of a reading room.
type Network struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"` // networks in CIDR form, or single addresses
}

// Text is a text by language tag, {"en": "…", "de": "…"}.
type Text map[string]string

// Terms are what a reader has to accept before images are shown. Another version is
// asked for anew, whatever was accepted before.
type Terms struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Title   Text   `json:"title"`
	Text    Text   `json:"text"` // paragraphs are parted by empty lines
}

// Key names one version of the terms, as in Principal.Terms.
func (t Terms) Key() string { return t.Name + "@" + t.Version }

// Rule gives images an access.
type Rule struct {
	Name        string   `json:"name"`                  // for people; may be empty
	Images      []string `json:"images"`                // patterns; at least one, or a collection
	Collections []string `json:"collections,omitempty"` // whose patterns count as well
	Access      Access   `json:"access"`                //
	Groups      []string `json:"groups,omitempty"`      // with Groups at least one, with Hidden any number

	// Networks let readers in besides: names of networks, networks in CIDR form, or
	// single addresses. With Networks there is at least one.
	Networks []string `json:"networks,omitempty"`

	// From and Until bound the time in which the rule counts: from From on, and no
	// longer at Until. Outside it the rules behind it decide. Zero: no bound.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`

	Terms    string  `json:"terms,omitempty"`    // name of the terms that whoever is let in has to accept first
	Tier     *Tier   `json:"tier,omitempty"`     // what everyone else may see
	ViewOnly bool    `json:"viewOnly,omitempty"` // who is let in by the address alone gets nothing to keep
	Service  Service `json:"service,omitempty"`  // with Networks: how viewers go about it, External (the default) or Kiosk
}
