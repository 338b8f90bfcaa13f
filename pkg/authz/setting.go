package authz

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Setting is the access of one image by itself, as a Rule has it for those it names.
type Setting struct {
	Access   Access    `json:"access"`
	Groups   []string  `json:"groups,omitempty"`
	Networks []string  `json:"networks,omitempty"`
	From     time.Time `json:"from,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Terms    string    `json:"terms,omitempty"`
	Tier     *Tier     `json:"tier,omitempty"`
	ViewOnly bool      `json:"viewOnly,omitempty"`
	Service  Service   `json:"service,omitempty"`
}

// ItemRule is what decisions name where an image's own setting decided.
const ItemRule = "the image's own setting"

// MaxItem bounds an identifier with a setting of its own, in bytes.
const MaxItem = 1024

func (s Setting) rule() Rule {
	return Rule{
		Name: ItemRule, Access: s.Access, Groups: s.Groups, Networks: s.Networks, From: s.From, Until: s.Until,
		Terms: s.Terms, Tier: s.Tier, ViewOnly: s.ViewOnly, Service: s.Service,
	}
}

// Canonical is the one text for equal settings.
func (s Setting) Canonical() (string, error) {
	s.From, s.Until = s.From.UTC(), s.Until.UTC()
	text, err := json.Marshal(s)
	return string(text), err
}

// CheckSetting tells what is wrong with a setting under the definitions that p knows.
func (p *Policy) CheckSetting(s Setting) error {
	if s.Access == "" {
		return errors.New("it has no access; set it to open, login, groups, networks, hook, hidden or deny")
	}
	_, err := p.settle(s)
	return err
}

// CheckItem tells what is wrong with an identifier that is to have a setting.
func CheckItem(image string) error {
	if image == "" || len(image) > MaxItem || !utf8.ValidString(image) {
		return fmt.Errorf("the identifier has %d bytes; write between 1 and %d of UTF-8", len(image), MaxItem)
	}
	return nil
}

// own is a setting that was found sound, ready to decide.
type own struct {
	time    *window
	verdict verdict
}

func (p *Policy) settle(s Setting) (*own, error) {
	r := s.rule()
	for _, check := range checks {
		if err := check(r); err != nil {
			return nil, err
		}
	}
	settled, err := p.defined.settle(ItemRule, r)
	if err != nil {
		return nil, err
	}
	time, err := newWindow(r.From, r.Until)
	if err != nil {
		return nil, err
	}
	return &own{time, newVerdict(settled)}, nil
}
