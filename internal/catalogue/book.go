package catalogue

import (
	"embed"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

//go:embed *.json
var files embed.FS

// English is the language that the others are measured by, and that every text has.
const English = "en"

// Book is every language there is. Pages are written in those that have every sentence;
// the others lend theirs to documents that hold several languages at once.
type Book struct {
	all     []*Words // by tag
	whole   []*Words // the first is what nothing else fits
	matcher language.Matcher
}

// Bundled are the languages that come with Tessera, English before all.
var Bundled = sync.OnceValue(func() *Book {
	book, err := New(Config{})
	if err != nil {
		panic("catalogue: " + err.Error()) // embedded: cannot happen in a build that passed its tests
	}
	return book
})

// Config is what a site says about its texts.
type Config struct {
	Language string // of readers who ask for none that is there; "": English
	Own      []byte // JSON, {"de": {"signin.title": "…"}}: what differs, and other languages; nil: nothing
}

// New makes the book of a site. Errors name what is wrong with its own texts.
func New(c Config) (*Book, error) {
	texts, err := bundled()
	if err != nil {
		return nil, err
	}
	own, err := readOwn(c.Own, texts[English])
	if err != nil {
		return nil, err
	}
	for tag, sentences := range own {
		if texts[tag] == nil {
			texts[tag] = map[string]string{}
		}
		maps.Copy(texts[tag], sentences)
	}
	return bind(texts, c.Language)
}

// bundled reads the files of this package.
func bundled() (map[string]map[string]string, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	texts := map[string]map[string]string{}
	for _, entry := range entries {
		body, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		sentences, err := parse(body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		texts[strings.TrimSuffix(entry.Name(), ".json")] = sentences
	}
	return texts, nil
}

// bind puts the languages in order, the preferred one first.
func bind(texts map[string]map[string]string, preferred string) (*Book, error) {
	if preferred == "" {
		preferred = English
	}
	b := &Book{}
	var tags []language.Tag
	for _, tag := range slices.SortedFunc(maps.Keys(texts), preferring(preferred)) {
		w := &Words{tag: tag, sentences: texts[tag]}
		b.all = append(b.all, w)
		if len(w.sentences) == len(texts[English]) {
			b.whole, tags = append(b.whole, w), append(tags, language.Make(tag))
		}
	}
	if b.whole[0].tag != preferred {
		return nil, b.unfit(preferred, texts)
	}
	b.matcher = language.NewMatcher(tags)
	return b, nil
}

func preferring(preferred string) func(a, b string) int {
	return func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == preferred:
			return -1
		case b == preferred:
			return 1
		}
		return strings.Compare(a, b)
	}
}

// LanguageError says why a language cannot be that of the pages.
type LanguageError struct{ Sentence string }

func (e *LanguageError) Error() string { return e.Sentence }

// unfit says why no page can be written in a language.
func (b *Book) unfit(tag string, texts map[string]map[string]string) error {
	if len(texts[tag]) == 0 {
		return &LanguageError{fmt.Sprintf("there are no texts in %q; write %s, or give texts in that language", tag, strings.Join(b.Languages(), " or "))}
	}
	var missing []string
	for key := range texts[English] {
		if texts[tag][key] == "" {
			missing = append(missing, key)
		}
	}
	slices.Sort(missing)
	return &LanguageError{fmt.Sprintf("pages cannot be in %q while texts are missing, %d of them; the first is %s", tag, len(missing), missing[0])}
}

// Languages lists those that pages are written in, the default first.
func (b *Book) Languages() []string {
	tags := make([]string, len(b.whole))
	for i, w := range b.whole {
		tags[i] = w.tag
	}
	return tags
}

// Whole are the words of the languages that pages are written in, the default first.
func (b *Book) Whole() []*Words { return b.whole }

// All are the words of every language, whole or not, the default first.
func (b *Book) All() []*Words { return b.all }

// Default are the words of readers who ask for no language that is there.
func (b *Book) Default() *Words { return b.whole[0] }

// For are the words of the language that a request asks for.
func (b *Book) For(r *http.Request) *Words {
	_, best, confidence := b.matcher.Match(wanted(r)...)
	if confidence == language.No {
		best = 0
	}
	return b.whole[best]
}

// Each is a sentence in every language that has it, filled in.
func (b *Book) Each(key string, args ...any) map[string]string {
	texts := map[string]string{}
	for _, w := range b.all {
		if w.Has(key) {
			texts[w.tag] = w.Text(key, args...)
		}
	}
	return texts
}

// Choose gives the language of a text that a request asks for; words are those of the
// page around it, whose language comes next, and then English.
func Choose(r *http.Request, words *Words, text map[string]string) string {
	tags := []string{words.Tag(), English}
	tags = slices.DeleteFunc(tags, func(tag string) bool { return text[tag] == "" })
	for _, tag := range slices.Sorted(maps.Keys(text)) {
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) == 0 {
		return English
	}
	known := make([]language.Tag, len(tags))
	for i, tag := range tags {
		known[i] = language.Make(tag)
	}
	_, best, confidence := language.NewMatcher(known).Match(wanted(r)...)
	if confidence == language.No {
		best = 0
	}
	return tags[best]
}

// maxAccept bounds what is parsed of a header that anybody can write.
const maxAccept = 200

func wanted(r *http.Request) []language.Tag {
	header := r.Header.Get("Accept-Language")
	tags, _, _ := language.ParseAcceptLanguage(header[:min(len(header), maxAccept)])
	return tags
}
