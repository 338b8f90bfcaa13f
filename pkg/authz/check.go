package authz

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

func checkRule(r Rule) error {
	switch {
	case len(r.Name) > maxName:
		return fmt.Errorf("its name has %d bytes; %d are the most", len(r.Name), maxName)
	case len(r.Images)+len(r.Collections) == 0:
		return errors.New("it names no images; add at least one pattern, such as maps/**")
	case len(r.Images) > maxRuleImages:
		return fmt.Errorf("it has %d patterns; %d are the most: use wildcards or a second rule", len(r.Images), maxRuleImages)
	}
	for _, check := range checks {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

// checks are what holds of every access, whatever images have it.
var checks = []func(Rule) error{checkGroups, checkNetworks, checkTerms, checkTier}

func checkGroups(r Rule) error {
	switch r.Access {
	case Groups:
		if len(r.Groups) == 0 {
			return errors.New("its access is groups but it names none; add a group, or set access to login")
		}
	case Hidden:
	case Open, Login, Networks, Hook, Deny:
		if len(r.Groups) > 0 {
			return fmt.Errorf("its access is %s, which pays no attention to groups; remove them, or set access to groups or hidden", r.Access)
		}
	default:
		return fmt.Errorf("its access %.60q is unknown; set it to open, login, groups, networks, hook, hidden or deny", r.Access)
	}
	if len(r.Groups) > maxRuleGroups {
		return fmt.Errorf("it has %d groups; %d are the most", len(r.Groups), maxRuleGroups)
	}
	for _, g := range r.Groups {
		if g == "" || len(g) > maxName {
			return fmt.Errorf("a name of a group has %d bytes; write between 1 and %d", len(g), maxName)
		}
	}
	return nil
}

func checkNetworks(r Rule) error {
	switch {
	case r.Access == Networks && len(r.Networks) == 0:
		return errors.New("its access is networks but it names none; add a network such as 192.0.2.0/24")
	case len(r.Networks) > 0 && (r.Access == Open || r.Access == Hook || r.Access == Deny):
		return fmt.Errorf("its access is %s, which pays no attention to networks; remove them, or set access to networks, login or groups", r.Access)
	case len(r.Networks) > maxRuleNetworks:
		return fmt.Errorf("it has %d networks; %d are the most", len(r.Networks), maxRuleNetworks)
	case r.ViewOnly && len(r.Networks) == 0:
		return errors.New("viewOnly is for readers who are let in by their address; add networks, or remove it")
	case r.Service != "" && (r.Access != Networks || r.Terms != ""):
		return errors.New("a service can be chosen where access is networks without terms alone; remove it")
	case r.Service != "" && r.Service != External && r.Service != Kiosk:
		return fmt.Errorf("its service %.60q is unknown; write external or kiosk, or leave it out", r.Service)
	}
	return nil
}

func checkTerms(r Rule) error {
	if r.Terms != "" && (r.Access == Deny || r.Access == Hook) {
		return fmt.Errorf("its access is %s, so there is nothing to accept terms for; remove them, or set access to open, login, groups or networks", r.Access)
	}
	return nil
}

func checkTier(r Rule) error {
	switch {
	case r.Tier == nil:
		return nil
	case r.Access == Hidden:
		return errors.New("its access is hidden, and a smaller image would tell that there is one; remove the tier, or set access to groups")
	case r.Access == Hook:
		return errors.New("its access is hook, and a smaller image would tell of those that the other system hides; remove the tier, or set another access")
	case r.Access == Open && r.Terms == "":
		return errors.New("its access is open, so nobody needs the smaller image; remove the tier, or set another access")
	}
	return r.Tier.check()
}

// Bounds of definitions.
const (
	maxDefinitions  = 1000
	maxNameOf       = 64      // bytes of a definition's name
	maxVersion      = 64      // bytes of the version of terms
	maxTitle        = 300     // bytes of the title of terms, in each language
	maxTermsText    = 50_000  // bytes of terms, in each language
	maxLanguages    = 50      // of a text
	maxAllTermsText = 1 << 20 // bytes of all terms together
)

// checkNameOf checks the name of a definition, which stands in addresses.
func checkNameOf(name string) error {
	const letters, others = "abcdefghijklmnopqrstuvwxyz", "0123456789-"
	if name == "" || len(name) > maxNameOf || strings.Trim(name, letters+others) != "" || !strings.Contains(letters, name[:1]) {
		return fmt.Errorf("the name %.80q does not do; write up to %d small letters, digits and hyphens, the first a letter", name, maxNameOf)
	}
	return nil
}

func (t Terms) check() error {
	if err := checkNameOf(t.Name); err != nil {
		return err
	}
	if t.Version == "" || len(t.Version) > maxVersion || strings.ContainsFunc(t.Version, func(r rune) bool { return r <= ' ' || r == '@' || r >= 0x7f }) {
		return fmt.Errorf("the version %.80q does not do; write up to %d letters or digits, such as 2026-01", t.Version, maxVersion)
	}
	if err := t.Title.check("title", maxTitle); err != nil {
		return err
	}
	return t.Text.check("text", maxTermsText)
}

// check wants English, which deployed viewers ask for.
func (t Text) check(what string, most int) error {
	if t["en"] == "" {
		return fmt.Errorf("its %s is not there in English; add one under \"en\", which viewers fall back to", what)
	}
	if len(t) > maxLanguages {
		return fmt.Errorf("its %s is in %d languages; %d are the most", what, len(t), maxLanguages)
	}
	for language, text := range t {
		switch {
		case !isLanguage(language):
			return fmt.Errorf("its %s is in the language %.40q; write a tag such as en, de or pt-BR", what, language)
		case strings.TrimSpace(text) == "" || len(text) > most || !utf8.ValidString(text):
			return fmt.Errorf("its %s in %q has %d bytes; write between 1 and %d of UTF-8", what, language, len(text), most)
		}
	}
	return nil
}

func isLanguage(tag string) bool {
	if len(tag) < 2 || len(tag) > 35 {
		return false
	}
	for _, r := range tag {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return tag[0] != '-' && tag[len(tag)-1] != '-'
}
