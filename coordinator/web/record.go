package web

import (
	"time"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// Audited is an entry of the record as the page shows it.
type Audited struct {
	Seq     int64
	At      time.Time
	Event   string
	What    string // the event in words
	Actor   string // address, id, or ""
	ActorID string
	Target  string
	Addr    string
	Details string // JSON, "" where there are none
	Hash    string
}

// Event is one choice of the filter.
type Event struct{ Name, Text string }

// Audit is a page of the record.
type Audit struct {
	Notices
	Pager
	Event, Actor, Target, Search string
	Since, Until                 string // days, as a date field wants them
	Filtered                     bool
	Events                       []Event
	Items                        []Audited
	Entries                      int64  // of the whole record
	Head                         string // hash of the last of them
	Export                       string // address of the same entries as JSON lines
	Checked                      *Checked
}

// Checked is what came of verifying the chain.
type Checked struct {
	Whole   bool
	Entries int64
	Seq     int64  // of the entry at fault
	Problem string // in words
}

func (Audit) describe(say *catalogue.Words) (name, part, title string) {
	return "audit", "audit", say.Text("audit.title")
}

// Explained is the answer to a question about rights.
type Explained struct {
	Outcome string // of the catalogue: outcome.…
	State   string // class of the state
	Reason  string
	Rule    string // "" for the default
	Access  string
	Changes time.Time // zero: nothing is known to change by itself
	Matches []Match
	Thumb   string // address of a picture
}

// Match is a rule that names the image.
type Match struct {
	Rule    string
	Decides bool
	Note    string
}

// Explain is the page that tells why somebody can, or cannot, see an image.
type Explain struct {
	Notices
	User, Image, Address, At string
	Field                    string // that is to blame for the problem
	Answer                   *Explained
}

func (Explain) describe(say *catalogue.Words) (name, part, title string) {
	return "explain", "explain", say.Text("explain.title")
}
