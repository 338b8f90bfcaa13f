package config

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// Database names the database of people and rights, as coordinator/db opens it.
func (s *Settings) Database() string {
	if s.DB != "" {
		return s.DB
	}
	return "sqlite:" + filepath.Join(s.Data, "tessera.db")
}

// DatabaseIsShared tells whether several coordinators may use the database.
func (s *Settings) DatabaseIsShared() bool { return !strings.HasPrefix(s.Database(), "sqlite:") }

// ValidateDatabase is the part of Validate for commands that need the database
// alone. It never repeats the setting, which may hold a password.
func (s *Settings) ValidateDatabase() error {
	scheme, rest, _ := strings.Cut(s.Database(), ":")
	switch scheme {
	case "sqlite":
		if rest == "" || strings.HasPrefix(rest, "//") {
			return errors.New("--db: name the file after sqlite:, such as sqlite:/var/lib/tessera/tessera.db")
		}
		return nil
	case "postgres", "postgresql":
		return validatePostgres(rest)
	}
	return errors.New("--db: write sqlite:PATH, or postgres://USER@HOST/NAME?sslmode=verify-full")
}

// validatePostgres wants a word on encryption for every host that is not this
// machine: the driver's own default goes on in the clear with a server that offers
// no better.
func validatePostgres(rest string) error {
	rest, ok := strings.CutPrefix(rest, "//")
	address, options, _ := strings.Cut(rest, "?")
	query, err := url.ParseQuery(options)
	if !ok || err != nil {
		return errors.New("--db: write postgres://USER:PASSWORD@HOST/NAME?sslmode=verify-full; in USER and PASSWORD write / as %2F, @ as %40, : as %3A, ? as %3F, % as %25")
	}
	switch query.Get("sslmode") {
	case "verify-full", "verify-ca", "require", "disable":
		return nil
	case "", "allow", "prefer":
	default:
		return errors.New("--db: sslmode is verify-full, verify-ca, require or disable")
	}
	authority, _, _ := strings.Cut(address, "/")
	hosts := authority[strings.LastIndex(authority, "@")+1:]
	if named := query.Get("host"); named != "" {
		hosts = named
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if !isHere(host) {
			return errors.New("--db: the database is on another machine: add sslmode=verify-full (or require), or sslmode=disable if the network between is yours alone")
		}
	}
	return nil
}

// isHere tells whether a host of the address, with or without port, is this
// machine: a socket's folder, loopback, or none.
func isHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || IsLoopback(host)
}
