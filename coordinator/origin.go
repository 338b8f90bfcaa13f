package coordinator

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// maxOrigin bounds an origin as sent, in bytes.
const maxOrigin = 300

var errOrigin = errors.New("not a web origin")

// origin is a web origin in the one spelling browsers compare: lower case,
// without a default port. The zero origin is none and equals no parsed one.
type origin struct{ scheme, host, port string }

// parseOrigin accepts "https://viewer.example.org", with a port, with one
// trailing slash; nothing opaque ("null"), no path, no user.
func parseOrigin(text string) (origin, error) {
	text = strings.TrimSuffix(text, "/")
	u, err := url.Parse(text)
	if err != nil || len(text) > maxOrigin || u.Host == "" || u.User != nil || u.Opaque != "" ||
		u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		return origin{}, errOrigin
	}
	o := origin{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	if !isHost(o.host) || !isPort(u.Host, o.port) {
		return origin{}, errOrigin
	}
	defaultPort := map[string]string{"http": "80", "https": "443"}[o.scheme]
	if defaultPort == "" {
		return origin{}, errOrigin
	}
	if o.port == defaultPort {
		o.port = ""
	}
	return o, nil
}

// isHost accepts addresses and names in ASCII, which is how browsers write them.
func isHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789-._"
	return host != "" && len(host) <= 253 && strings.Trim(host, allowed) == "" &&
		!strings.HasPrefix(host, ".") && !strings.Contains(host, "..")
}

// isPort refuses an empty port after a colon and whatever is not 1 to 65535.
func isPort(hostPort, port string) bool {
	if port == "" {
		return !strings.HasSuffix(hostPort, ":")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}

// String is the serialisation of RFC 6454; the zero origin has none.
func (o origin) String() string {
	if o == (origin{}) {
		return ""
	}
	s := o.scheme + "://"
	if strings.Contains(o.host, ":") {
		s += "[" + o.host + "]"
	} else {
		s += o.host
	}
	if o.port != "" {
		s += ":" + o.port
	}
	return s
}

// sameSite tells whether browsers send SameSite=Lax cookies between two origins:
// same scheme and same registrable domain.
func (o origin) sameSite(other origin) bool {
	if o == (origin{}) || o.scheme != other.scheme {
		return false
	}
	return o.host == other.host || (registrable(o.host) != "" && registrable(o.host) == registrable(other.host))
}

// registrable is the domain that somebody can own, "" for addresses, bare names
// and public suffixes.
func registrable(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	return domain
}
