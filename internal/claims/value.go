package claims

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// strings gives the values of a claim that is text or a list of texts, and whatever else
// may be written for one: nothing. A list that is too long gives nothing either: which
// part of it would count cannot be told.
func (r *reading) strings(p path) []string {
	if r.withheld.covers(p) {
		r.warn(p.String(), "was left out by the provider because there is too much of it, so that it gives no group to this person; have the provider send fewer (for Entra: app roles, or only groups assigned to the application)")
		return nil
	}
	value, found := p.find(r.claims)
	if !found {
		return nil
	}
	switch v := value.(type) {
	case string:
		return r.texts(p, []any{v})
	case []any:
		return r.texts(p, v)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return r.texts(p, list)
	}
	r.warn(p.String(), "is neither text nor a list of texts and gives no group; name the claim inside it, or change what the provider sends")
	return nil
}

func (r *reading) texts(p path, list []any) []string {
	if len(list) > maxValues {
		r.warn(p.String(), "has %d values, of which none counts; have the provider send %d at most", len(list), maxValues)
		return nil
	}
	all, odd := make([]string, 0, len(list)), 0
	for _, item := range list {
		if text, ok := item.(string); ok && len(text) <= maxValue {
			all = append(all, text)
		} else {
			odd++
		}
	}
	if odd > 0 {
		r.warn(p.String(), "has %d values that are no text or are longer than %d bytes; they do not count", odd, maxValue)
	}
	return all
}

// plain tells whether every character of text shows, so that two texts that look alike
// to people are more often than not the same.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return !shows(c) })
}

func shows(c rune) bool { return !unicode.IsControl(c) && !unicode.Is(unicode.Bidi_Control, c) }

// lowerASCII is the lower case of text that is ASCII; ok is false for any other. Beyond
// ASCII, lower case makes letters equal that are not: the Kelvin sign becomes k.
func lowerASCII(text string) (lower string, ok bool) {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	return strings.ToLower(text), true
}
