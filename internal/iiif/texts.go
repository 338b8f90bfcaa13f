package iiif

import (
	"maps"
	"strings"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Text is a sentence by language tag. English, "en", is in every text that is not
// empty: deployed viewers look for it.
type Text map[string]string

// Texts are what viewers show around signing in: plain sentences, no markup. Empty ones
// are left out; without Label, Confirm and LogoutLabel deployed viewers fail.
type Texts struct {
	Label          Text // of the service; names the institution
	Heading        Text // before signing in
	Note           Text // likewise, below Heading
	Confirm        Text // on the button that opens the page
	FailureHeading Text // when it did not help
	FailureNote    Text // likewise, below FailureHeading; {view} stands for the image in the built-in viewer
	LogoutLabel    Text
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

// in is the text for documents that know one language; English where it has no other.
func (t Text) in(language string) string {
	if sentence, ok := t[language]; ok {
		return sentence
	}
	return t["en"]
}

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
