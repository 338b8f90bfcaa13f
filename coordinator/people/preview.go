package people

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Reader is somebody for whom a draft of rules is tried.
type Reader struct {
	Label string // "" for somebody who has an account, see Email
	Email string
	who   authz.Principal
}

// Readers for whom every draft is tried.
const (
	ReaderAnonymous = "anonymous" // has not signed in
	ReaderGroupless = "groupless" // is signed in and in no group
)

// Readers gives those two and, where one is named by id or address, a user as she is.
func (s *Service) Readers(ctx context.Context, user string) ([]Reader, error) {
	readers := []Reader{{Label: ReaderAnonymous}, {Label: ReaderGroupless, who: authz.Principal{ID: "somebody"}}}
	if user == "" {
		return readers, nil
	}
	who, err := s.explained(ctx, user)
	return append(readers, Reader{Email: user, who: who}), err
}

// Shift is one image under the rules in force and under a draft, by reader.
type Shift struct {
	Image         string
	Before, After []authz.Decision
}

// Differs tells whether a reader would notice.
func (s Shift) Differs(reader int) bool {
	a, b := s.Before[reader], s.After[reader]
	return a.Outcome != b.Outcome || a.ViewOnly != b.ViewOnly || !sameTerms(a.Terms, b.Terms) || !sameTier(a.Tier, b.Tier)
}

// Any tells whether some reader would.
func (s Shift) Any() bool {
	for i := range s.Before {
		if s.Differs(i) {
			return true
		}
	}
	return false
}

func sameTerms(a, b *authz.Terms) bool {
	return a == b || a != nil && b != nil && a.Key() == b.Key()
}

func sameTier(a, b *authz.Tier) bool { return a == b || a != nil && b != nil && *a == *b }

// Preview decides about images by the rules in force and by a draft, neither of which it
// changes. Errors are *Error of kind Invalid where the draft is at fault.
func (s *Service) Preview(ctx context.Context, draft authz.Document, images []string, readers []Reader) ([]Shift, error) {
	next, err := s.compile(draft)
	if err != nil {
		return nil, err
	}
	set, err := s.Rules(ctx)
	if err != nil {
		return nil, err
	}
	now, err := set.Document().Compile(s.Fallback)
	if err != nil {
		return nil, err
	}
	// Images with settings of their own are not touched by rules, but by definitions.
	if now, err = s.withItems(ctx, now, images...); err != nil {
		return nil, err
	}
	if next, err = s.withItems(ctx, next, images...); err != nil {
		return nil, err
	}
	at := s.Now()
	shifts := make([]Shift, len(images))
	for i, image := range images {
		shifts[i].Image = image
		for _, r := range readers {
			name := tile.RuleName(image)
			shifts[i].Before = append(shifts[i].Before, now.Decide(r.who, name, at))
			shifts[i].After = append(shifts[i].After, next.Decide(r.who, name, at))
		}
	}
	return shifts, nil
}

// Touched lists the patterns of rules by which two documents differ, those that came or
// went before those that moved.
func Touched(before, after authz.Document) []string {
	var patterns []string
	add := func(d authz.Document, r authz.Rule) { patterns = append(patterns, PatternsOf(d, r)...) }
	left, right := resolved(before), resolved(after)
	for i, text := range left {
		if !slices.Contains(right, text) {
			add(before, before.Items[i])
		}
	}
	for i, text := range right {
		if !slices.Contains(left, text) {
			add(after, after.Items[i])
		}
	}
	for i := range min(len(left), len(right)) {
		if left[i] != right[i] {
			add(before, before.Items[i])
			add(after, after.Items[i])
		}
	}
	return patterns
}

// resolved gives the text of each rule with that of the definitions it names.
func resolved(d authz.Document) []string {
	texts := make([]string, len(d.Items))
	for i, r := range d.Items {
		own := struct {
			authz.Rule
			Definitions authz.Definitions
		}{Rule: r}
		for _, c := range d.Collections {
			if slices.Contains(r.Collections, c.Name) {
				own.Definitions.Collections = append(own.Definitions.Collections, c)
			}
		}
		for _, n := range d.Networks {
			if slices.Contains(r.Networks, n.Name) {
				own.Definitions.Networks = append(own.Definitions.Networks, n)
			}
		}
		for _, t := range d.Terms {
			if r.Terms == t.Name {
				own.Definitions.Terms = append(own.Definitions.Terms, t)
			}
		}
		text, _ := json.Marshal(own) // of strings, numbers and instants within bounds
		texts[i] = string(text)
	}
	return texts
}

// PatternsOf lists the patterns of a rule of a document, those of its collections
// included.
func PatternsOf(d authz.Document, r authz.Rule) []string {
	patterns := slices.Clone(r.Images)
	for _, c := range d.Collections {
		if slices.Contains(r.Collections, c.Name) {
			patterns = append(patterns, c.Images...)
		}
	}
	return patterns
}

// PrefixOf is what every image that a pattern matches begins with.
func PrefixOf(pattern string) string {
	prefix, _, _ := strings.Cut(pattern, "*")
	return prefix
}
