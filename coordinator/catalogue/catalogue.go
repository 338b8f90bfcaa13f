// Package catalogue holds every sentence that the coordinator says to people, so
// that another language is another file.
package catalogue

import (
	_ "embed" // the file below
	"encoding/json"
	"fmt"
)

//go:embed en.json
var english []byte

var sentences = func() (all map[string]string) {
	if err := json.Unmarshal(english, &all); err != nil {
		panic("catalogue: " + err.Error()) // embedded: cannot happen in a build that passed its tests
	}
	return all
}()

// Text gives the sentence of a key with its verbs filled in. A key that is not in
// the catalogue stands for itself, which no test lets pass.
func Text(key string, args ...any) string {
	sentence, ok := sentences[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return sentence
	}
	return fmt.Sprintf(sentence, args...)
}

// Has tells whether there is a sentence for a key.
func Has(key string) bool {
	_, ok := sentences[key]
	return ok
}

// Keys lists every key, in no order.
func Keys() []string {
	keys := make([]string, 0, len(sentences))
	for key := range sentences {
		keys = append(keys, key)
	}
	return keys
}
