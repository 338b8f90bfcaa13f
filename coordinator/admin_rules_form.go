package coordinator

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

var errBadForm = &people.Error{Kind: people.Invalid, Code: "bad-form"}

// fields are those of each rule in the form and where they are kept.
func fields(f *web.RuleForm) map[string]*string {
	return map[string]*string{
		"name": &f.Name, "images": &f.Images, "collections": &f.Collections, "access": &f.Access, "groups": &f.Groups,
		"networks": &f.Networks, "from": &f.From, "until": &f.Until, "terms": &f.Terms, "scale": &f.Scale, "side": &f.Side,
		"viewonly": &f.ViewOnly, "service": &f.Service, "rest": &f.Rest,
	}
}

// formsIn reads the rules of a form: each field as often as there are rules.
func formsIn(r *http.Request) ([]web.RuleForm, error) {
	n := len(r.PostForm["name"])
	if n > maxRulesOnPage {
		return nil, errBadForm
	}
	forms := make([]web.RuleForm, n)
	for i := range forms {
		for name, into := range fields(&forms[i]) {
			values := r.PostForm[name]
			if len(values) != n {
				return nil, errBadForm
			}
			*into = values[i]
		}
	}
	return forms, nil
}

// formOf is a rule as its form has it.
func formOf(rule authz.Rule) web.RuleForm {
	f := web.RuleForm{
		Name: rule.Name, Images: strings.Join(rule.Images, "\n"), Collections: strings.Join(rule.Collections, ", "),
		Access: string(rule.Access), Groups: strings.Join(rule.Groups, ", "), Networks: strings.Join(rule.Networks, ", "),
		From: momentOf(rule.From), Until: momentOf(rule.Until), Terms: rule.Terms, Service: string(rule.Service), Rest: restOf(rule),
	}
	if rule.Tier != nil {
		f.Scale, f.Side = numberOf(rule.Tier.Scale), numberOf(rule.Tier.Side)
	}
	if rule.ViewOnly {
		f.ViewOnly = "yes"
	}
	return f
}

func numberOf(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// precise is the form of a date field with seconds; instants that somebody wrote to the
// second must not change by being shown.
const precise = "2006-01-02T15:04:05.999999999"

func momentOf(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(time.Minute)):
		return t.UTC().Format(moment)
	}
	return t.UTC().Format(precise)
}

func parseMoment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(moment, text); err == nil {
		return t, nil
	}
	return time.Parse(precise, text)
}

// restOf is what the form has no fields for. A rule that lost what bounds it on the way
// through a form would open more than it was meant to.
func restOf(rule authz.Rule) string {
	rule.Name, rule.Images, rule.Collections, rule.Access, rule.Groups, rule.Networks = "", nil, nil, "", nil, nil
	rule.From, rule.Until, rule.Terms, rule.Tier, rule.ViewOnly, rule.Service = time.Time{}, time.Time{}, "", nil, false, ""
	return string(encode(rule))
}

// ruleOf reads a form. What cannot be read at all is noted in its Faults, and is not in
// the rule.
func ruleOf(f *web.RuleForm, say *catalogue.Words) (rule authz.Rule, err error) {
	if f.Rest != "" { // "" is a new one
		in := json.NewDecoder(strings.NewReader(f.Rest))
		in.DisallowUnknownFields()
		if in.Decode(&rule) != nil {
			return rule, errBadForm
		}
	}
	f.Faults = map[string]string{}
	rule.Name, rule.Access, rule.Terms = strings.TrimSpace(f.Name), authz.Access(f.Access), strings.TrimSpace(f.Terms)
	rule.Images, rule.Collections = splitList(f.Images, "\n"), splitList(f.Collections, ",")
	rule.Groups, rule.Networks = splitList(f.Groups, ","), splitList(f.Networks, ",")
	rule.ViewOnly, rule.Service = f.ViewOnly == "yes", authz.Service(f.Service)
	for name, into := range map[string]*time.Time{"from": &rule.From, "until": &rule.Until} {
		if *into, err = parseMoment(*fields(f)[name]); err != nil {
			f.Faults[name] = say.Text("problem.bad-moment")
		}
	}
	rule.Tier = tierOf(f, say)
	return rule, nil
}

func tierOf(f *web.RuleForm, say *catalogue.Words) *authz.Tier {
	if f.Scale+f.Side == "" {
		return nil
	}
	var tier authz.Tier
	for name, into := range map[string]*int{"scale": &tier.Scale, "side": &tier.Side} {
		text := strings.TrimSpace(*fields(f)[name])
		if text == "" {
			continue
		}
		var err error
		if *into, err = strconv.Atoi(text); err != nil {
			f.Faults[name] = say.Text("problem.bad-number")
		}
	}
	return &tier
}

// documentOf reads the whole form into draft and gives the document it describes. ok is
// false where some field cannot be read.
func documentOf(draft *web.RulesEdit, say *catalogue.Words) (d authz.Document, ok bool, err error) {
	ok = true
	for i := range draft.Items {
		rule, err := ruleOf(&draft.Items[i], say)
		if err != nil {
			return d, false, err
		}
		if len(draft.Items[i].Faults) > 0 {
			draft.Items[i].Open, ok = true, false
		}
		d.Items = append(d.Items, rule)
	}
	if fault := decodeStrictly(draft.Definitions, &d.Definitions, say); fault != "" {
		draft.Fault, ok = fault, false
	}
	return d, ok, nil
}

// decodeStrictly reads JSON and says in words what is wrong with it.
func decodeStrictly(text string, into any, say *catalogue.Words) (fault string) {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	in := json.NewDecoder(strings.NewReader(text))
	in.DisallowUnknownFields()
	err := in.Decode(into)
	if err == nil && !in.More() {
		return ""
	}
	if err == nil {
		return say.Text("problem.json-more")
	}
	line := 1 + strings.Count(text[:min(int(offsetOf(err, text)), len(text))], "\n")
	return say.Text("problem.json-line", line, err.Error())
}

// offsetOf is where reading JSON failed. What is missing, and a field that is not known,
// have no place of their own: the end of the text stands for them.
func offsetOf(err error, text string) int64 {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return syntax.Offset
	case errors.As(err, &kind):
		return kind.Offset
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return int64(max(0, strings.Index(text, name)))
	}
	return int64(len(text))
}

// edited does what a button of the form says: "add", "up:2", "down:2", "remove:2".
func edited(rules []web.RuleForm, do string, say *catalogue.Words) ([]web.RuleForm, error) {
	if do == "add" {
		if len(rules) == maxRulesOnPage {
			return rules, &people.Error{Kind: people.Invalid, Code: "too-many-rules", Args: []any{maxRulesOnPage}}
		}
		name := say.Text("rules.new-name", len(rules)+1)
		return append(rules, web.RuleForm{Name: name, Access: string(authz.Login), Open: true}), nil
	}
	verb, number, _ := strings.Cut(do, ":")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(rules) {
		return rules, errBadForm
	}
	return moved(rules, verb, i)
}

func moved(rules []web.RuleForm, verb string, i int) ([]web.RuleForm, error) {
	switch {
	case verb == "remove":
		return slices.Delete(rules, i, i+1), nil
	case verb == "up" && i > 0:
		rules[i-1], rules[i] = rules[i], rules[i-1]
		return rules, nil
	case verb == "down" && i+1 < len(rules):
		rules[i], rules[i+1] = rules[i+1], rules[i]
		return rules, nil
	}
	return rules, errBadForm
}
