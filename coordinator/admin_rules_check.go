package coordinator

import (
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// place puts what is wrong with a document beside the fields that are to blame. It tells
// whether anything is.
func (c *Coordinator) place(draft *web.RulesEdit, d authz.Document, say *catalogue.Words) (faulty bool) {
	if _, err := d.Compile(c.fallback); err == nil {
		return false
	}
	if _, err := (authz.Document{Definitions: d.Definitions}).Compile(c.fallback); err != nil {
		draft.Fault = sentence(err.Error())
		return true
	}
	for i, rule := range d.Items {
		field, text := c.faultOf(rule, d.Definitions, say)
		if text != "" {
			draft.Items[i].Faults, draft.Items[i].Open = map[string]string{field: text}, true
		}
	}
	return true
}

// faultOf is what is wrong with one rule, and the field to blame for it.
func (c *Coordinator) faultOf(rule authz.Rule, definitions authz.Definitions, say *catalogue.Words) (field, text string) {
	unnamed := rule
	unnamed.Name = ""
	_, err := authz.Document{Items: []authz.Rule{unnamed}, Definitions: definitions}.Compile(c.fallback)
	if err != nil {
		text = strings.TrimPrefix(err.Error(), "rule 1: ")
		return blamed(text), sentence(text)
	}
	if _, err = (authz.Document{Items: []authz.Rule{rule}, Definitions: definitions}).Compile(c.fallback); err != nil {
		return "name", say.Text("problem.bad-rule-name")
	}
	return "", ""
}

// blame tells the fields of a rule by the words that only a fault of theirs has. The
// first that fits counts.
var blame = []struct{ words, field string }{
	{"is unknown; set it to open", "access"},
	{"viewOnly", "viewonly"},
	{"service", "service"},
	{"pattern", "images"},
	{"names no images", "images"},
	{"collection", "collections"},
	{"tier", "scale"},
	{"terms", "terms"},
	{"pays no attention to networks", "networks"},
	{"its access is networks", "networks"},
	{"network", "networks"},
	{"group", "groups"},
	{"instant", "until"},
	{"it ends before it begins", "until"},
	{"its access", "access"},
}

func blamed(text string) string {
	for _, b := range blame {
		if strings.Contains(text, b.words) {
			return b.field
		}
	}
	return ""
}
