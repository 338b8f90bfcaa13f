package coordinator

import (
	"net/url"
	"strings"
)

// maxNext bounds a path to go on to, in bytes.
const maxNext = 2048

// nextPath gives the path on this host that a form asks to go on to; anything
// that a browser, or something between us and it, could take for another host is
// answered with "/".
func nextPath(text string) string {
	const home = "/"
	if len(text) > maxNext || !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || strings.ContainsFunc(text, unfit) {
		return home
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return home
	}
	// Once more as somebody sees it who decodes twice.
	path := u.Path
	for range 2 {
		if leavesHost(path) {
			return home
		}
		if decoded, err := url.PathUnescape(path); err == nil {
			path = decoded
		}
	}
	return text
}

// unfit are control characters, spaces, backslashes (slashes to browsers) and
// whatever does not belong unescaped into a Location header.
func unfit(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }

func leavesHost(path string) bool {
	if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }) {
		return true
	}
	return strings.HasPrefix(path, "//")
}
