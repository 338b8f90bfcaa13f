package authz

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a piece of a pattern.
type token struct {
	kind tokenKind
	text string // literal
}

type tokenKind uint8

const (
	literal  tokenKind = iota // text as it stands
	star                      // *: any run without a slash
	globstar                  // **: any run
	segments                  // **/ at the start of a segment: nothing, or any run that ends with a slash
)

// pattern is what one of Rule.Images means. No two neighbours are literals.
type pattern []token

// parsePattern refuses whatever could never match an identifier, since a rule
// that silently protects nothing is worse than an error.
func parsePattern(s string) (pattern, error) {
	if err := checkPattern(s); err != nil {
		return nil, err
	}
	var p pattern
	for i := 0; i < len(s); {
		t, n := nextToken(s, i)
		p = append(p, t)
		i += n
	}
	return p, nil
}

// nextToken reads the token at s[i:] and gives its length there.
func nextToken(s string, i int) (token, int) {
	rest := s[i:]
	switch {
	case strings.HasPrefix(rest, "**/") && (i == 0 || s[i-1] == '/'):
		return token{kind: segments}, 3
	case strings.HasPrefix(rest, "**"):
		return token{kind: globstar}, 2
	case rest[0] == '*':
		return token{kind: star}, 1
	}
	n := strings.IndexByte(rest, '*')
	if n < 0 {
		n = len(rest)
	}
	return token{kind: literal, text: rest[:n]}, n
}

func checkPattern(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty; write ** for all images")
	case len(s) > maxPatternBytes:
		return fmt.Errorf("it has %d bytes; %d are the most", len(s), maxPatternBytes)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("it holds characters no identifier can have; remove control characters and write it in UTF-8")
	case strings.Contains(s, `\`):
		return errors.New("it holds a backslash; separate folders with /")
	case s[0] == '/':
		return errors.New("it begins with a slash; leave that out")
	case s[len(s)-1] == '/':
		return errors.New("it ends with a slash; write /** for everything below")
	case strings.Contains(s, "***"):
		return errors.New("it has three stars in a row; write * within a segment or ** across segments")
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			return fmt.Errorf("it has the segment %s, which no identifier has; write the whole path", segment)
		}
	}
	return nil
}

// match tells whether the pattern matches the whole of s. Where s is the symbolic form
// of a pattern, that means that p matches whatever the other does.
func (p pattern) match(s string, symbolic bool) bool {
	m := matcher{pattern: p, s: s, symbolic: symbolic, wide: none, narrow: none}
	for {
		for m.advance() {
		}
		if m.at.token == len(p) && m.at.offset == len(s) {
			return true
		}
		if !m.retreat() {
			return false
		}
	}
}

// matcher tries wildcards as short as they can be and lengthens them on failure.
//
// Two places to resume suffice. Lengthening a star never helps once a later star
// of the same segment was reached, and slashes pin a star to its segment. Likewise
// the tokens that cross slashes: the last of them can take over from any place.
type matcher struct {
	pattern  pattern
	s        string
	symbolic bool
	at       cursor
	wide     cursor // behind the last token that crosses slashes
	narrow   cursor // behind the last star since then
}

// cursor is a place in a match: the next token, the next byte.
type cursor struct{ token, offset int }

var none = cursor{offset: -1}

// advance goes past one token; false at the end and where a literal is missing.
func (m *matcher) advance() bool {
	if m.at.token == len(m.pattern) {
		return false
	}
	t := m.pattern[m.at.token]
	if t.kind == literal && !strings.HasPrefix(m.s[m.at.offset:], t.text) {
		return false
	}
	m.at.token++
	switch t.kind {
	case literal:
		m.at.offset += len(t.text)
	case star:
		m.narrow = m.at
	case globstar:
		if m.at.token == len(m.pattern) {
			m.at.offset = len(m.s) // nothing follows that could want a part of it
		}
		m.wide, m.narrow = m.at, none
	case segments:
		m.wide, m.narrow = m.at, none
	}
	return true
}

// retreat lengthens the last wildcard that can still grow; false if none can.
func (m *matcher) retreat() bool {
	if n := &m.narrow; n.offset >= 0 && n.offset < len(m.s) && !m.crosses(m.s[n.offset]) {
		n.offset++
		m.at = *n
		return true
	}
	step := m.widening()
	if step == 0 {
		return false
	}
	m.wide.offset += step
	m.at, m.narrow = m.wide, none
	return true
}

// widening is the least by which the token before wide can grow, 0 if it cannot.
func (m *matcher) widening() int {
	if m.wide.offset < 0 || m.wide.offset >= len(m.s) {
		return 0
	}
	switch {
	case m.pattern[m.wide.token-1].kind != segments:
		return 1
	case m.symbolic:
		return strings.IndexAny(m.s[m.wide.offset:], "/"+symbolOf[segments]) + 1
	}
	return strings.IndexByte(m.s[m.wide.offset:], '/') + 1
}

// crosses tells whether a star has to stop at a byte.
func (m *matcher) crosses(b byte) bool {
	return b == '/' || m.symbolic && (b == symbolOf[globstar][0] || b == symbolOf[segments][0])
}

// symbolOf stands for a wildcard in the symbolic form of a pattern: characters that no
// pattern holds.
var symbolOf = map[tokenKind]string{star: "\x01", globstar: "\x02", segments: "\x03"}

// symbolic is the pattern as one string that stands for all that it matches. A pattern
// that matches it, each wildcard taking symbols of its own reach alone, covers this
// one; that it does not match does not mean that it does not cover it.
func (p pattern) symbolic() string {
	var b strings.Builder
	for _, t := range p {
		b.WriteString(t.text + symbolOf[t.kind])
	}
	return b.String()
}
