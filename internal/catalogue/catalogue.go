// Package catalogue holds every sentence that Tessera says to people, so that another
// language is another file.
package catalogue

import (
	"context"
	"fmt"
	"strings"
)

// Words are the sentences of one language.
type Words struct {
	tag       string
	sentences map[string]string
}

// Tag is the language, as it stands in lang attributes and language maps.
func (w *Words) Tag() string { return w.tag }

// Text gives the sentence of a key with its verbs filled in. A key that is not in the
// catalogue stands for itself, which no test lets pass.
func (w *Words) Text(key string, args ...any) string {
	sentence, ok := w.sentences[key]
	if !ok {
		return key
	}
	return fill(sentence, args)
}

func fill(sentence string, args []any) string {
	if len(args) == 0 || !strings.Contains(sentence, "%") {
		return sentence
	}
	return fmt.Sprintf(sentence, args...)
}

// Has tells whether there is a sentence for a key.
func (w *Words) Has(key string) bool {
	_, ok := w.sentences[key]
	return ok
}

// Keys lists every key, in no order.
func (w *Words) Keys() []string {
	keys := make([]string, 0, len(w.sentences))
	for key := range w.sentences {
		keys = append(keys, key)
	}
	return keys
}

type wordsKey struct{}

// With gives what is done in ctx the words of the reader it is done for.
func With(ctx context.Context, w *Words) context.Context {
	return context.WithValue(ctx, wordsKey{}, w)
}

// From are the words of the reader that something is done for, and English where it is
// done for nobody.
func From(ctx context.Context) *Words {
	if w, ok := ctx.Value(wordsKey{}).(*Words); ok {
		return w
	}
	return Bundled().Default()
}
