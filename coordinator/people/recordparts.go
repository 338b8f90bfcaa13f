package people

import (
	"encoding/json"
	"fmt"

	"github.com/tessera-iiif/tessera/coordinator/audit"
)

// Bounds of what is said of one change, which may concern ten thousand rules.
const (
	maxPart  = 32 << 10 // bytes of an entry, unless one piece is longer
	maxPiece = 24 << 10 // bytes of a text that is repeated whole
	maxParts = 64       // entries: they are written in one transaction, which others wait for
)

// spread says which part of a change an entry tells.
type spread struct {
	Part    int `json:"part,omitempty"` // from 1, where there are several
	Parts   int `json:"parts,omitempty"`
	Omitted int `json:"omitted,omitempty"` // pieces beyond the last part
}

func (s spread) isFirst() bool { return s.Part <= 1 }

// recordParts has as many entries written as it takes to say all pieces of a change, and
// one if there are none. What is beyond the bound is counted in the last.
func recordParts[T any](pieces []T, size func(T) int, write func(some []T, at spread) error) error {
	parts, omitted := cutParts(pieces, size)
	for i, some := range parts {
		var at spread
		if len(parts) > 1 {
			at = spread{Part: i + 1, Parts: len(parts)}
		}
		if i == len(parts)-1 {
			at.Omitted = omitted
		}
		if err := write(some, at); err != nil {
			return err
		}
	}
	return nil
}

func cutParts[T any](pieces []T, size func(T) int) (parts [][]T, omitted int) {
	parts = [][]T{nil}
	bytes := 0
	for i, p := range pieces {
		last := len(parts) - 1
		n := size(p)
		if len(parts[last]) > 0 && bytes+n > maxPart {
			if len(parts) == maxParts {
				return parts, len(pieces) - i
			}
			parts, last, bytes = append(parts, nil), last+1, 0
		}
		parts[last] = append(parts[last], p)
		bytes += n
	}
	return parts, 0
}

// repeated is a JSON text as it stands in an entry: null for none, and its SHA-256 if it
// is too long.
func repeated(text string) json.RawMessage {
	switch {
	case text == "":
		return json.RawMessage("null")
	case len(text) > maxPiece:
		return json.RawMessage(fmt.Sprintf(`{"bytes":%d,"sha256":"%s"}`, len(text), audit.DigestOf([]byte(text))))
	}
	return json.RawMessage(text)
}
