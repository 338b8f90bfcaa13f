package iiif

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// maxDepth bounds the nesting of documents, and with it the scanner's stack. Tables of
// contents are the deepest thing people write, at two levels for each heading.
const maxDepth = 256

// maxKept bounds what the scanner remembers: list entries and objects around services.
const maxKept = 1 << 20

var (
	errTooDeep = errors.New("nested too deeply")
	errTooMany = errors.New("too many services")
)

// span is a half-open range of bytes of the document.
type span struct{ start, end int }

// value is a JSON value where it stands. items, object and text are filled only for
// values under the keys the editor reads; the rest of a document is only passed over,
// so that memory follows the number of services and not the size of the document.
type value struct {
	span
	kind   byte // '{', '[', '"', or the first byte of a literal; 0: no such value
	text   string
	items  []value
	object *object
}

// object is what the editor reads of a JSON object. Of equal keys the last counts, as
// for JSON parsers at large.
type object struct {
	id, kind         string // id or @id; type or @type
	context, profile value
	service          value
	last             int // end of the last member's value
}

// scanner walks over JSON that is known to be valid, which is why it looks at no more
// bytes than it takes to find its way.
type scanner struct {
	data  []byte
	pos   int
	depth int
	kept  int

	rebase   func(string) string
	edits    []edit          // strings that rebase changes
	services []value         // objects under "service", in the order they end in
	authIDs  map[string]bool // ids of all auth services described in the document
}

// scan reads the whole document and returns its outermost value.
func (s *scanner) scan() (value, error) {
	return s.value(true)
}

func (s *scanner) value(keep bool) (value, error) {
	s.space()
	v := value{span: span{start: s.pos}, kind: s.data[s.pos]}
	var err error
	switch v.kind {
	case '{':
		v.object, err = s.members(keep)
	case '[':
		v.items, err = s.elements(keep)
	case '"':
		v.text = s.text(keep)
	default:
		for s.pos < len(s.data) && strings.IndexByte(",]} \t\r\n", s.data[s.pos]) < 0 {
			s.pos++
		}
	}
	v.end = s.pos
	return v, err
}

func (s *scanner) space() {
	for s.pos < len(s.data) && (s.data[s.pos] == ' ' || s.data[s.pos] == '\n' || s.data[s.pos] == '\r' || s.data[s.pos] == '\t') {
		s.pos++
	}
}

// next steps into a list or object, or past the comma in it; false: past its end.
func (s *scanner) next() bool {
	s.space()
	switch s.data[s.pos] {
	case ']', '}':
		s.pos++
		s.depth--
		return false
	case ',':
		s.pos++
		s.space()
	}
	return true
}

// open steps over an opening bracket.
func (s *scanner) open() error {
	s.pos++
	s.depth++
	if s.depth > maxDepth {
		return errTooDeep
	}
	return nil
}

func (s *scanner) count() error {
	s.kept++
	if s.kept > maxKept {
		return errTooMany
	}
	return nil
}

func (s *scanner) elements(keep bool) ([]value, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	var items []value
	for s.next() {
		v, err := s.value(keep)
		if err != nil {
			return nil, err
		}
		if !keep {
			continue
		}
		if err := s.count(); err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return items, nil
}

func (s *scanner) members(keep bool) (*object, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	var o object
	for s.next() {
		key := s.key()
		v, err := s.value(isRead(key))
		if err != nil {
			return nil, err
		}
		o.set(key, v)
		o.last = v.end
		if key == "service" {
			s.found(v)
		}
	}
	if isAuthService(&o) && o.id != "" {
		s.authIDs[o.id] = true
	}
	if !keep {
		return nil, nil
	}
	return &o, s.count()
}

// isRead names the keys whose values the editor looks into.
func isRead(key string) bool {
	switch key {
	case "id", "@id", "type", "@type", "@context", "profile", "service":
		return true
	}
	return false
}

func (o *object) set(key string, v value) {
	switch key {
	case "id", "@id":
		o.id = v.text
	case "type", "@type":
		o.kind = v.text
	case "@context":
		o.context = v
	case "profile":
		o.profile = v
	case "service":
		o.service = v
	}
}

// found notes the service objects in the value of a "service" member.
func (s *scanner) found(v value) {
	for _, item := range v.list() {
		if item.object != nil {
			s.services = append(s.services, item)
		}
	}
}

// list is a value that may be one thing or a list of them, as a list.
func (v value) list() []value {
	switch v.kind {
	case 0:
		return nil
	case '[':
		return v.items
	}
	return []value{v}
}

// strings are the strings among list.
func (v value) strings() []string {
	var all []string
	for _, item := range v.list() {
		if item.kind == '"' {
			all = append(all, item.text)
		}
	}
	return all
}

// key reads a member's name and the colon behind it.
func (s *scanner) key() string {
	raw := s.quoted()
	s.space()
	s.pos++
	return decode(raw)
}

// text passes over a string value, notes what rebase makes of it when it is a URL, and
// returns the outcome if it is to be kept.
func (s *scanner) text(keep bool) string {
	start := s.pos
	raw := s.quoted()
	if !keep && !mayBeURL(raw) {
		return ""
	}
	text := decode(raw)
	if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
		return text
	}
	if moved := s.rebase(text); moved != text {
		s.edits = append(s.edits, edit{span{start, s.pos}, string(marshal(moved))})
		return moved
	}
	return text
}

// mayBeURL saves decoding most strings. The h may be escaped, since JSON allows it.
func mayBeURL(quoted []byte) bool {
	return quoted[1] == 'h' || quoted[1] == '\\'
}

// quoted passes over a string and returns it with its quotation marks.
func (s *scanner) quoted() []byte {
	start := s.pos
	for s.pos++; s.data[s.pos] != '"'; s.pos++ {
		if s.data[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
	return s.data[start:s.pos]
}

// decode gives the text of a valid JSON string.
func decode(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return "" // not for a string of valid JSON
	}
	return text
}
