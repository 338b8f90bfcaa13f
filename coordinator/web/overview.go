package web

import "github.com/tessera-iiif/tessera/internal/catalogue"

// Part is a process of the cluster as the overview shows it. Numbers are in words that
// people use.
type Part struct {
	Name, Version, Up string
	State, StateText  string // class, and the word with it
	Numbers           []Number
}

// Number is one figure with what it is.
type Number struct{ Label, Value, Hint string }

// Kind is a table of parts of one role.
type Kind struct {
	Role  string
	Heads []string
	Parts []Part
}

// Overview is the first page for administrators.
type Overview struct {
	Notices
	Figures   []Number
	Kinds     []Kind
	Alone     bool // nobody tells how the cluster is
	Revision  int64
	Refresh   int // seconds between looks, for the script
	Attention []Attention
}

// Attention is something an administrator should look at.
type Attention struct{ Text, Path, Link string }

func (Overview) describe(say *catalogue.Words) (name, part, title string) {
	return "overview", "overview", say.Text("overview.title")
}

// Picture is an image as the page of images shows it.
type Picture struct {
	ID, Name, Thumb     string
	Format, Size        string
	Rule, Access, State string
}

// Images is a page of images with the rules that decide about them.
type Images struct {
	Notices
	Pager
	Prefix     string
	Crumbs     []Crumb
	Folders    []Crumb
	Items      []Picture
	Away       bool // images cannot be listed now
	Untold     bool // nor ever, in this process
	Quarantine []Quarantined
}

// Crumb is a folder on the way.
type Crumb struct{ Name, Prefix string }

// Quarantined is an image that is set aside, by those who did.
type Quarantined struct{ Image, Workers string }

func (Images) describe(say *catalogue.Words) (name, part, title string) {
	return "images", "images", say.Text("images.title")
}
