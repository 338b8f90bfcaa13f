package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role is what a process does. What it must not have it must not be given: an edge that
// holds the key of a bucket is one mistake away from handing out what is in it.
type Role string

// The roles. Serve is all of them in one process.
const (
	Serve       Role = "serve"
	Edge        Role = "edge"
	Worker      Role = "worker"
	Coordinator Role = "coordinator"
)

// Roles lists them in the order of the manual.
func Roles() []Role { return []Role{Serve, Edge, Worker, Coordinator} }

// ParseRole reads a role as people write it.
func ParseRole(text string) (Role, error) {
	if r := Role(text); slices.Contains(Roles(), r) {
		return r, nil
	}
	return "", fmt.Errorf("no role is called %q: write serve, edge, worker or coordinator", text)
}

// parseRoles reads the tag of a field. A field without one is nobody's, which a test
// finds.
func parseRoles(tag string) []Role {
	if tag == "all" {
		return Roles()
	}
	var roles []Role
	for _, word := range strings.Fields(tag) {
		r, err := ParseRole(word)
		if err != nil {
			panic("config: " + err.Error())
		}
		roles = append(roles, r)
	}
	return roles
}

func rolesText(roles []Role) string {
	if len(roles) == len(Roles()) {
		return "all"
	}
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// Of tells whether a process of the role may have the setting.
func (s Setting) Of(r Role) bool { return slices.Contains(s.Roles, r) }

// foreign refuses what somebody gave a process that must not have it. Defaults are
// nobody's gift.
func (l *Loaded) foreign() error {
	var errs []error
	for _, s := range All() {
		if from := l.origins[s.index]; from != FromDefault && !s.Of(l.Role) {
			errs = append(errs, fmt.Errorf("%s (from %s) is not for %s: %s may have it; take it away here",
				s.spelling(from), from, article(l.Role), rolesText(s.Roles)))
		}
	}
	errs = append(errs, l.foreignProviders())
	for _, name := range l.keys {
		errs = append(errs, fmt.Errorf("%s (from %s) is the key of a bucket, which is not for %s; take it away here", name, FromEnv, article(l.Role)))
	}
	return errors.Join(errs...)
}

// strayKeys finds the variables of other programs that workers read and nobody else
// may have.
func strayKeys(r Role, environ []string) []string {
	if r == Serve || r == Worker {
		return nil
	}
	var found []string
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if lookup(environ, name) != "" {
			found = append(found, name)
		}
	}
	return found
}

// spelling is the name under which a source knows the setting.
func (s Setting) spelling(from Origin) string {
	switch from {
	case FromEnv:
		return s.Env
	case FromFlag:
		return "--" + s.Name
	case FromDefault, FromFile:
	}
	return s.Name
}

func article(r Role) string {
	switch r {
	case Edge:
		return "an edge"
	case Worker, Coordinator:
		return "a " + string(r)
	case Serve:
	}
	return "tessera " + string(r)
}

// needs names what a role cannot do without.
func (l *Loaded) needs() error {
	var errs []error
	missing := func(absent bool, sentence string) {
		if absent {
			errs = append(errs, errors.New(sentence))
		}
	}
	if l.Role == Serve || l.Role == Worker {
		missing(l.Images == "", "no images: say where they are with --images FOLDER")
	}
	if l.Role != Serve {
		missing(len(l.NATS) == 0, "no bus: say where the NATS cluster is with --nats tls://HOST:4222")
		missing(l.NATSCreds == "", "no credentials for the bus: name this role's file with --nats-creds; tessera nats-config makes it")
	}
	if l.Role == Edge {
		missing(len(l.Coordinators) == 0, "no coordinator: say where sign-in goes with --coordinator-url http://HOST:8080")
	}
	if l.Role == Coordinator {
		missing(len(l.TrustedProxy) == 0, "no edges: a coordinator believes only those it is told of; name their networks with --trusted-proxies, such as 10.0.0.0/24")
	}
	return errors.Join(errs...)
}
