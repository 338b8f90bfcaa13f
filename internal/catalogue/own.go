package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// Bounds of a site's own texts.
const (
	MaxOwn       = 1 << 20 // bytes of the file
	maxSentence  = 2000    // bytes of a text
	maxLanguages = 50
)

var errNoObject = errors.New(`not a JSON object of texts such as {"signin.title": "Sign in"}`)

// parse reads the texts of one language.
func parse(body []byte) (map[string]string, error) {
	in := json.NewDecoder(bytes.NewReader(body))
	var sentences map[string]string
	if in.Decode(&sentences) != nil || sentences == nil || in.More() {
		return nil, errNoObject
	}
	return sentences, nil
}

// readOwn reads a site's own texts and checks each by the English one.
func readOwn(body []byte, english map[string]string) (map[string]map[string]string, error) {
	if body == nil {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	if len(body) > MaxOwn {
		return nil, fmt.Errorf("the file is larger than %d KiB", MaxOwn>>10)
	}
	if json.Unmarshal(body, &raw) != nil || len(raw) > maxLanguages {
		return nil, errors.New(`it has to be a JSON object of languages, such as {"de": {"signin.title": "Anmelden"}}, of 50 at most`)
	}
	own := map[string]map[string]string{}
	var errs []error
	for _, tag := range slices.Sorted(maps.Keys(raw)) {
		if err := checkTag(tag); err != nil {
			errs = append(errs, err)
			continue
		}
		sentences, err := parse(raw[tag])
		if err != nil {
			errs = append(errs, fmt.Errorf("what stands below %q is %w", tag, err))
			continue
		}
		errs = append(errs, checkAll(tag, sentences, english))
		own[tag] = sentences
	}
	return own, errors.Join(errs...)
}

func checkTag(tag string) error {
	if parsed, err := language.Parse(tag); err != nil || parsed.String() != tag {
		return fmt.Errorf("%q is no language tag such as de, pt-BR or zh-Hant", tag)
	}
	return nil
}

// maxFaults is how many wrong texts are told of at once.
const maxFaults = 20

func checkAll(tag string, sentences, english map[string]string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(sentences)) {
		if len(errs) == maxFaults {
			break
		}
		like, known := english[key]
		if !known {
			errs = append(errs, fmt.Errorf("%s: there is no text called %q%s", tag, key, nearest(key, english)))
			continue
		}
		if err := check(sentences[key], like); err != nil {
			errs = append(errs, fmt.Errorf("%s: the text %q %w", tag, key, err))
		}
	}
	return errors.Join(errs...)
}

// check compares a text with the English one.
func check(text, english string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("is empty; leave it out to keep ours")
	case len(text) > maxSentence:
		return fmt.Errorf("is longer than %d bytes", maxSentence)
	case strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("has a line break or another control character in it")
	}
	want, err := verbs(english)
	if err != nil {
		return err
	}
	got, err := verbs(text)
	if err != nil {
		return err
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("has the placeholders %s and needs %s, as in %q", inWords(got), inWords(want), english)
	}
	return nil
}

// verb is a placeholder, "%s" or "%[2]s", or a per cent sign, "%%".
var verb = regexp.MustCompile(`%(?:\[(\d)\])?([.\d]*)([a-zA-Z%])?`)

// verbs are the placeholders of a text, by the place of what they stand for. A text
// without any is never filled in, and may have per cent signs as it likes.
func verbs(text string) (map[int]string, error) {
	found, next := map[int]string{}, 1
	for _, m := range verb.FindAllStringSubmatch(text, -1) {
		switch {
		case m[3] == "%" && m[1] == "":
			continue
		case m[3] == "":
			return nil, errors.New("has a per cent sign that stands for nothing; write %% for one to be read")
		case m[1] != "":
			next = int(m[1][0] - '0')
		}
		found[next] = "%" + m[2] + m[3]
		next++
	}
	return found, nil
}

func inWords(verbs map[int]string) string {
	if len(verbs) == 0 {
		return "none"
	}
	var all []string
	for _, i := range slices.Sorted(maps.Keys(verbs)) {
		all = append(all, fmt.Sprintf("%s (number %d)", verbs[i], i))
	}
	return strings.Join(all, ", ")
}

// nearest names the key that shares the longest beginning with one that is not there.
func nearest(key string, english map[string]string) string {
	best, length := "", 3
	for _, known := range slices.Sorted(maps.Keys(english)) {
		n := 0
		for n < len(key) && n < len(known) && key[n] == known[n] {
			n++
		}
		if n > length {
			best, length = known, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
