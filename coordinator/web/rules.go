package web

import "github.com/tessera-iiif/tessera/internal/catalogue"

// RuleLine is a rule as the table shows it.
type RuleLine struct {
	Place    int // from 1
	Name     string
	Images   []string
	More     int    // patterns beyond those
	Access   string // authz.Access
	Groups   []string
	Notes    []string // times, terms, networks, smaller images, in words
	Warnings []string

	Unmatched []string // that it names no image that there is, in a sentence
}

// Rules is the table of the rules in force.
type Rules struct {
	Notices
	Pager
	Search   string
	Items    []RuleLine
	Total    int
	Fallback string
	Warnings []string // about no rule in particular
	Form     bool     // there are few enough for the form
	Unknown  int      // rules of which it is not known whether they name any image
}

func (Rules) describe(say *catalogue.Words) (name, part, title string) {
	return "rules", "rules", say.Text("rules.title")
}

// RuleForm is a rule as its form has it.
type RuleForm struct {
	Name, Images, Collections, Access, Groups, Networks string
	From, Until, Terms, Scale, Side, ViewOnly, Service  string
	Rest                                                string // what the form has no field for, as it came

	Faults   map[string]string // by field, "" for the rule as a whole
	Warnings []string
	Open     bool // to be seen at once
}

// Accesses are the choices of a rule, in the order of the menu.
func (RuleForm) Accesses() []string {
	return []string{"open", "login", "groups", "networks", "hook", "hidden", "deny"}
}

// Services are the ways in which viewers go about networks.
func (RuleForm) Services() []string { return []string{"", "external", "kiosk"} }

// Fault is what is wrong with a field, "" if nothing is.
func (f RuleForm) Fault(field string) string { return f.Faults[field] }

// RulesEdit is the editor of rules, as a form or as JSON.
type RulesEdit struct {
	Notices
	AsJSON      bool
	Document    string // in JSON
	Revision    int64  // that the rules were read at
	Items       []RuleForm
	Definitions string // in JSON
	Fault       string // of Definitions or Document
	Changed     bool   // differs from what is in force, or may
	Fallback    string
	Warnings    []string
	Samples     string // images to try besides, one a line
	Reader      string // address of somebody to try
	Preview     *Preview
}

func (RulesEdit) describe(say *catalogue.Words) (name, part, title string) {
	return "rulesedit", "rules", say.Text("rules.edit.title")
}

// Preview is what would change if a draft were in force.
type Preview struct {
	Same     bool     // the draft is what is in force
	Readers  []string // heads of the columns
	Rows     []PreviewRow
	Tried    int    // images
	Changing int    // of these, with any change; Rows may be fewer
	Unlisted string // why images could not be listed, "" if they could

	Unmatched     []string // names of rules that name no image that there is
	MoreUnmatched int      // beyond those
	Unknown       int      // rules of which that is not known
}

// PreviewRow is one image.
type PreviewRow struct {
	Image, Thumb string
	Rule         string // that would decide, "" for the default
	Cells        []PreviewCell
}

// PreviewCell is what one reader gets of it.
type PreviewCell struct {
	Changed                 bool
	Before, After           string // keys of the catalogue
	BeforeState, AfterState string // classes
	MoreBefore, MoreAfter   string // tier and terms, in words
}
