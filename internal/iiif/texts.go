package iiif

import (
	"bytes"
	_ "embed" // the file below
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Text is a sentence by language tag. English, "en", is in every text that is not
// empty: deployed viewers look for it.
type Text map[string]string

// Texts are what viewers show around signing in: plain sentences, no markup. Empty ones
// are left out, but for Label, Confirm and LogoutLabel, without which deployed viewers
// fail; those fall back to [DefaultTexts].
type Texts struct {
	Label          Text `json:"label"`          // of the service; names the institution
	Heading        Text `json:"heading"`        // before signing in
	Note           Text `json:"note"`           // likewise, below Heading
	Confirm        Text `json:"confirm"`        // on the button that opens the page
	FailureHeading Text `json:"failureHeading"` // when it did not help
	FailureNote    Text `json:"failureNote"`    // likewise, below FailureHeading; {view} stands for the image in the built-in viewer
	LogoutLabel    Text `json:"logout"`
}

//go:embed texts.json
var textsFile []byte

// words is every text of the package, read once.
var words = func() (w struct {
	Site     Text
	Services map[authz.Service]Texts
	Preview  Text
	Statuses map[string]struct{ Heading, Note Text }
},
) {
	in := json.NewDecoder(bytes.NewReader(textsFile))
	in.DisallowUnknownFields()
	if err := in.Decode(&w); err != nil {
		panic(fmt.Sprintf("iiif: texts.json: %v", err))
	}
	return w
}()

// DefaultTexts are the texts of a service of the institution called name, which may
// be empty, in every bundled language.
func DefaultTexts(service authz.Service, name string) Texts {
	switch service {
	case "":
		service = authz.SignIn
	case authz.Kiosk:
		service = authz.External // alike for people; only viewers go about it differently
	}
	t := words.Services[service]
	for _, text := range []*Text{&t.Label, &t.Heading, &t.Note, &t.Confirm, &t.FailureHeading, &t.FailureNote, &t.LogoutLabel} {
		*text = text.of(name)
	}
	return t
}

// of puts the institution's name in.
func (t Text) of(name string) Text {
	filled := make(Text, len(t))
	for language, sentence := range t {
		site := name
		if site == "" {
			site = words.Site[language]
		}
		filled[language] = strings.ReplaceAll(sentence, "{site}", site)
	}
	return filled
}

// with puts a value in the place of a word in braces.
func (t Text) with(word, value string) Text {
	filled := make(Text, len(t))
	for language, sentence := range t {
		filled[language] = strings.ReplaceAll(sentence, word, value)
	}
	return filled
}

// ForTerms puts the title of the terms that are to be accepted in the place of the
// heading.
func (t Texts) ForTerms(title authz.Text) Texts {
	t.Heading = maps.Clone(Text(title))
	return t
}

// statusTexts are the words for a status that is not success.
func statusTexts(status int) (heading, note Text) {
	w, ok := words.Statuses[strconv.Itoa(status)]
	if !ok {
		w = words.Statuses[""]
	}
	return w.Heading, w.Note
}

// english is the text for documents that know one language.
func (t Text) english() string { return t["en"] }

// languages is nil for an empty text, so that the property is left out.
func (t Text) languages() languageMap {
	if len(t) == 0 {
		return nil
	}
	m := make(languageMap, len(t))
	for language, sentence := range t {
		m[language] = []string{sentence}
	}
	return m
}
