package iiifurl

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIdentifier bounds an identifier, in bytes after decoding.
const maxIdentifier = 2048

// ParseIdentifier decodes one escaped identifier exactly once and checks it.
//
// The result is valid UTF-8 of 1 to 2048 bytes without control characters and
// backslashes. As a path it is relative and goes nowhere but down: no segment is
// "." or "..", and it neither begins nor ends with a slash. A segment between two
// slashes may be empty, because identifiers such as http://example.com/1 exist;
// a store that maps identifiers to paths must refuse those by itself.
//
// The error is 404 for a raw slash, which the Image API has no address for, and
// for no identifier at all; otherwise 400.
func ParseIdentifier(escaped string) (string, error) {
	if strings.Contains(escaped, "/") {
		return "", errNoAddress
	}
	return decodeIdentifier(escaped)
}

// decodeIdentifier lets raw slashes through, for callers that split from the right.
func decodeIdentifier(escaped string) (string, error) {
	if len(escaped) > 3*maxIdentifier {
		return "", errLongIdentifier
	}
	id, err := unescape(escaped)
	if err != nil {
		return "", err
	}
	if err := checkIdentifier(id); err != nil {
		return "", err
	}
	return id, nil
}

func unescape(s string) (string, error) {
	decoded, err := url.PathUnescape(s)
	if err != nil {
		return "", badRequest("The address holds a %% that two hexadecimal digits do not follow. A percent sign itself is written %%25.")
	}
	return decoded, nil
}

func checkIdentifier(id string) error {
	switch {
	case id == "":
		return notFound("The address names no image.")
	case len(id) > maxIdentifier:
		return errLongIdentifier
	case !utf8.ValidString(id):
		return badRequest("The identifier is not valid UTF-8.")
	case strings.ContainsFunc(id, unicode.IsControl):
		return badRequest("The identifier holds a control character, which no image here has in its name.")
	case strings.Contains(id, `\`):
		return badRequest(`The identifier holds a backslash. Folders are separated by /, written %%2F.`)
	case id[0] == '/' || id[len(id)-1] == '/':
		return badRequest("The identifier begins or ends with a slash. Leave it out.")
	case hasDotSegment(id):
		return badRequest("The identifier holds . or .. between slashes. Write the whole path of the image.")
	}
	return nil
}

var errLongIdentifier = badRequest("The identifier is too long: %d bytes are the most.", maxIdentifier)

func hasDotSegment(id string) bool {
	for segment := range strings.SplitSeq(id, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// EscapeIdentifier is the spelling of an identifier in URLs this server mints:
// letters, digits and -._~:! as they are, every other byte escaped, so a slash is
// %2F. The Image API asks for less; but commas and semicolons confuse readers of
// Link headers, and quotes those of HTML.
func EscapeIdentifier(id string) string {
	const hex = "0123456789ABCDEF"
	extra := 0
	for i := range len(id) {
		if !isPlain(id[i]) {
			extra += 2
		}
	}
	if extra == 0 {
		return id
	}
	b := make([]byte, 0, len(id)+extra)
	for i := range len(id) {
		if c := id[i]; isPlain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~:!", c) >= 0
}
