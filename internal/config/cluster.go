package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

const maxName = 64 // bytes

// validateCluster checks what joins a process to others.
func (s *Settings) validateCluster() error {
	var errs []error
	for _, raw := range s.NATS {
		if !isServer(raw, "nats", "tls") {
			errs = append(errs, fmt.Errorf("--nats %s: write an address such as tls://nats-1:4222; credentials go into --nats-creds", hideUser(raw)))
		}
	}
	for _, raw := range s.Coordinators {
		if !isServer(raw, "http", "https") {
			errs = append(errs, fmt.Errorf("--coordinator-url %s: write scheme and host alone, such as http://coordinator-1:8080", hideUser(raw)))
		}
	}
	if s.Name != "" && !isName(s.Name) {
		errs = append(errs, fmt.Errorf("--name %s: use up to %d letters, digits, - and _", s.Name, maxName))
	}
	return errors.Join(errs...)
}

// isServer accepts scheme://host:port and nothing behind or before it. A name and a
// password in an address end up in logs and lists of processes.
func isServer(raw string, schemes ...string) bool {
	u, err := url.Parse(raw)
	return err == nil && !strings.ContainsAny(raw, "@?#") && slices.Contains(schemes, u.Scheme) &&
		u.Host != "" && strings.Trim(u.Path, "/") == ""
}

func hideUser(raw string) string {
	if _, host, found := strings.Cut(raw, "@"); found {
		return hidden + "@" + host
	}
	return raw
}

func isName(s string) bool {
	return len(s) <= maxName && strings.IndexFunc(s, func(r rune) bool { return !isNameRune(r) }) < 0
}

func isNameRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_'
}

// DefaultName tells processes apart that were given no name: host name and process id.
func DefaultName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	host = strings.Map(func(r rune) rune {
		if isNameRune(r) {
			return r
		}
		return '-'
	}, host)
	return fmt.Sprintf("%s-%d", host[:min(len(host), maxName-12)], os.Getpid())
}
