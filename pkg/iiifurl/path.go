package iiifurl

import "strings"

// Kind is what a path asks for.
type Kind int

// The kinds of address the Image API has.
const (
	Base    Kind = iota // the identifier alone, to be redirected to its info.json
	Info                // info.json
	Picture             // an image request
)

// Target is a parsed path below the version prefix.
type Target struct {
	Version  Version
	Kind     Kind
	Spelling string  // the identifier exactly as sent, still escaped: echo it in ids
	ID       string  // the identifier decoded and checked, see ParseIdentifier
	Request  Request // the zero value unless Kind is Picture
}

const infoName = "info.json"

var errNoAddress = notFound("There is nothing at this address. After the identifier comes info.json or region/size/rotation/quality.format; a slash inside the identifier is written %2F.")

// ParsePath reads an escaped path such as "maps%2F1890/full/max/0/default.jpg".
// It is split at its raw slashes before anything is decoded; each part is then
// decoded once. The error is 404 for a path of another shape, otherwise 400.
func ParsePath(v Version, escaped string) (Target, error) {
	if err := v.check(); err != nil {
		return Target{}, err
	}
	spelling, rest, _ := strings.Cut(escaped, "/")
	t := Target{Version: v, Spelling: spelling}
	params, n := splitParameters(rest)
	switch {
	case rest == "":
		t.Kind = Base
	case n == 1 && isInfo(rest):
		t.Kind = Info
	case n == len(params):
		t.Kind = Picture
	default:
		return Target{}, errNoAddress
	}
	return t.complete(params)
}

// ParseFromRight reads paths whose identifier may hold raw slashes:
// "maps/1890/full/max/0/default.jpg". info.json in the last place asks for
// information; the last four parts are parameters if at least two of them read
// as such; everything else is a base. The error is that of ParsePath.
func ParseFromRight(v Version, escaped string) (Target, error) {
	if err := v.check(); err != nil {
		return Target{}, err
	}
	t := Target{Version: v, Kind: Base, Spelling: strings.TrimSuffix(escaped, "/")}
	var params parameters
	if head, last, ok := cutLast(escaped); ok && isInfo(last) {
		t.Kind, t.Spelling = Info, head
	} else if head, last, ok := cutParameters(escaped); ok && last.plausible(v) {
		t.Kind, t.Spelling, params = Picture, head, last
	}
	return t.complete(params)
}

// complete decodes the identifier and, for a picture, its parameters.
func (t Target) complete(params parameters) (Target, error) {
	var err error
	if t.ID, err = decodeIdentifier(t.Spelling); err != nil {
		return Target{}, err
	}
	if t.Kind != Picture {
		return t, nil
	}
	if params, err = params.decode(); err != nil {
		return Target{}, err
	}
	if t.Request, err = ParseRequest(t.Version, params[0], params[1], params[2], params[3]); err != nil {
		return Target{}, err
	}
	return t, nil
}

func isInfo(part string) bool {
	if part == infoName {
		return true
	}
	decoded, err := unescape(part)
	return err == nil && decoded == infoName
}

// parameters are region, size, rotation and file.
type parameters [4]string

// splitParameters splits at each slash. n is the number of parts; beyond four,
// which is no address, it is five.
func splitParameters(s string) (p parameters, n int) {
	for more := true; more; n++ {
		if n == len(p) {
			return p, n + 1
		}
		p[n], s, more = strings.Cut(s, "/")
	}
	return p, n
}

// cutParameters cuts the last four parts off.
func cutParameters(s string) (head string, p parameters, ok bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if s, p[i], ok = cutLast(s); !ok {
			return "", p, false
		}
	}
	return s, p, true
}

func cutLast(s string) (head, last string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

func (p parameters) decode() (parameters, error) {
	for i, part := range p {
		if len(part) > 3*maxParameter {
			return p, errLongParameter
		}
		var err error
		if p[i], err = unescape(part); err != nil {
			return p, err
		}
	}
	return p, nil
}

// plausible tells four parameters, one or two of them perhaps mistaken, from the
// end of a long identifier.
func (p parameters) plausible(v Version) bool {
	p, err := p.decode()
	if err != nil {
		return true
	}
	readable := 0
	count := func(err error) {
		if err == nil {
			readable++
		}
	}
	_, err = parseRegion(p[0])
	count(err)
	_, err = parseSize(v, p[1])
	count(err)
	_, err = parseRotation(p[2])
	count(err)
	_, _, err = parseFile(p[3])
	count(err)
	return readable >= 2
}
