package store

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// MaxKey bounds a key in bytes. Object stores allow no more either.
const MaxKey = 1024

var errKey = errors.New("no object can have this key")

// CheckKey refuses what can never name an object: nothing, more than MaxKey bytes,
// invalid UTF-8, NUL, backslash, absolute paths, and empty or hidden segments
// (among them "." and "..").
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKey || !utf8.ValidString(key) || strings.ContainsAny(key, "\x00\\") {
		return errKey
	}
	for segment := range strings.SplitSeq(key, "/") {
		if !servable(segment) {
			return errKey
		}
	}
	return nil
}

// servable tells whether a single path segment may be part of a key.
func servable(segment string) bool {
	return segment != "" && segment[0] != '.' &&
		!strings.ContainsAny(segment, "\x00\\") && utf8.ValidString(segment)
}

// Spellings are the keys that Find tries for an identifier without extension.
func Spellings(id string) []string {
	keys := make([]string, len(suffixes))
	for i, suffix := range suffixes {
		keys[i] = id + suffix
	}
	return keys
}

// suffixes are the extensions tried for an identifier without one: all lower and
// all upper case, as cameras and scanners write them.
var suffixes = func() []string {
	var all []string
	for ext := range tile.Extensions {
		all = append(all, "."+ext, "."+strings.ToUpper(ext))
	}
	return all
}()

// shortName cuts the extension off a file's name where Find would put it back: it
// is all lower or all upper case, and what remains does not itself end in a
// registered extension, which would stand for another object.
func shortName(name string) (short string, ok bool) {
	short, ext := tile.SplitExtension(name)
	if ext == "" {
		return "", false
	}
	written := name[len(short)+1:]
	if written != ext && written != strings.ToUpper(ext) {
		return "", false
	}
	_, again := tile.SplitExtension(short)
	return short, again == ""
}
