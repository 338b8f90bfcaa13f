package edge

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// Header values that many answers share. The slices are put into header maps as they
// are; nothing may append to them or change them.
var (
	anyOrigin      = []string{"*"}
	exposed        = []string{"Link, Content-Length, ETag"}
	methods        = []string{"GET, HEAD, OPTIONS"}
	allowedHeaders = []string{"Authorization, Content-Type, Accept"} // "*" would not cover Authorization
	preflightAge   = []string{"86400"}
	crossOrigin    = []string{"cross-origin"}
	noSniff        = []string{"nosniff"}
	challenge      = []string{`Bearer realm="iiif"`} // others would open the browser's own dialog
	aSecond        = []string{"1"}

	inline         = []string{"inline"}
	noStore        = []string{"no-store"}
	privateNoCache = []string{"private, no-cache"} // every reuse asks again
	brieflyPrivate = []string{"private, max-age=5"}
	openDocument   = []string{"public, max-age=60"}
	openNoCache    = []string{"public, no-cache"} // for everybody, but about to change

	typeText = []string{"text/plain; charset=utf-8"}
	typeJSON = []string{"application/json"}
)

// variesByReader goes with answers that depend on who asks.
const variesByReader = "Authorization, Cookie"

var varyReader = []string{variesByReader}

func publicFor(d time.Duration) string {
	return fmt.Sprintf("public, max-age=%d", int64(d/time.Second))
}

// infoAge is how long caches may keep descriptions that are alike for everybody.
const infoAge = time.Minute

// controlOf says how long an answer may be kept: what everybody may see for a while,
// though never past the instant at which the decision may change (R29); what only some
// may see in their own caches, to ask each time; what is for looking at alone not at all.
func (e *Edge) controlOf(v verdict, most time.Duration) []string {
	switch {
	case v.ViewOnly:
		return noStore
	case !v.Public:
		return privateNoCache
	case v.Changes.IsZero():
		return e.openFor(most)
	}
	switch left := v.Changes.Sub(e.cfg.Now()).Truncate(time.Second); {
	case left >= most:
		return e.openFor(most)
	case left < time.Second:
		return openNoCache
	default:
		return []string{publicFor(left)}
	}
}

// openFor avoids making the two usual values anew.
func (e *Edge) openFor(most time.Duration) []string {
	if most == infoAge {
		return openDocument
	}
	return e.openImage
}

func isPublic(control []string) bool { return strings.HasPrefix(control[0], "public") }

// setCommon gives an answer what every answer on IIIF paths has, errors included:
// without these a viewer on another site sees nothing at all, not even the error.
func setCommon(h http.Header) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	h["Access-Control-Expose-Headers"] = exposed
	h["Cross-Origin-Resource-Policy"] = crossOrigin
	h["X-Content-Type-Options"] = noSniff
}

// preflight answers OPTIONS. It asks nothing about the path, so it tells nothing.
func preflight(x *exchange) {
	h := x.header()
	h["Access-Control-Allow-Methods"] = methods
	h["Access-Control-Allow-Headers"] = allowedHeaders
	h["Access-Control-Max-Age"] = preflightAge
	h["Allow"] = methods
	x.status = http.StatusNoContent
	x.w.WriteHeader(http.StatusNoContent)
}

func profileOf(v iiifurl.Version) string {
	if v == iiifurl.V2 {
		return iiif.ProfileImage2
	}
	return iiif.ProfileImage3
}

func profileLink(v iiifurl.Version) string {
	return "<" + profileOf(v) + `>;rel="profile"`
}

// canonicalLink is one field with both links: clients are known that read only the
// first field, and only to the first semicolon of a URI.
func canonicalLink(base, canonical string, v iiifurl.Version) string {
	return "<" + linkEscape(base) + "/" + canonical + `>;rel="canonical", ` + profileLink(v)
}

// linkEscape makes an escaped URL, spelled by a stranger, safe between < and >.
func linkEscape(spelling string) string {
	clean := true
	for i := range len(spelling) {
		clean = clean && linkSafe(spelling[i])
	}
	if clean {
		return spelling
	}
	var b strings.Builder
	for i := range len(spelling) {
		if c := spelling[i]; linkSafe(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func linkSafe(c byte) bool {
	switch c {
	case ';', '<', '>', '"', '\\', '^', '`', '{', '|', '}', ',':
		return false
	}
	return c > ' ' && c < 0x7f
}

// maxFileName bounds the name that saving an image suggests: many file systems end at
// 255 bytes.
const maxFileName = 180

// disposition suggests a file name made of identifier and parameters, in characters
// that every file system and header parser takes.
func disposition(id, canonical string) string {
	name := []byte(id + "_" + canonical)
	if len(name) > maxFileName {
		name = name[len(name)-maxFileName:]
	}
	for i, c := range name {
		if !fileNameSafe(c) {
			name[i] = '_'
		}
	}
	return `inline; filename="` + string(name) + `"`
}

func fileNameSafe(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_'
}

// matches tells whether If-None-Match names an entity tag. Weak tags match too: the
// comparison is the weak one (RFC 9110 section 13.1.2).
func matches(ifNoneMatch []string, etag string) bool {
	for _, line := range ifNoneMatch {
		for _, candidate := range splitList([]string{line}, ',') {
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}
