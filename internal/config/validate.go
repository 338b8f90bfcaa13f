package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Validate refuses values that cannot work or are not safe, and settings that the role
// must not have, all of them at once; each error says what to do.
func (l *Loaded) Validate() error {
	return errors.Join(l.foreign(), l.needs(), l.validate())
}

func (s *Settings) validate() error {
	return errors.Join(
		s.validateURLs(), s.validateCluster(), s.validateCookies(), s.validateNumbers(), s.validateStores(), s.validateS3(), s.ValidateDatabase(), s.validateProviders(), s.validateSite(),
		oneOf("default-access", s.Access, "open", "login"),
		oneOf("manifest-access", s.ManAccess, "open", "as-images"),
		oneOf("cookie-same-site", s.SameSite, "lax", "none"),
		oneOf("damaged", s.Damaged, "refuse", "best-effort"),
		oneOf("log-level", s.LogLevel, "debug", "info", "warn", "error"),
		oneOf("log-format", s.LogFormat, "auto", "text", "json"),
		s.validateSlash(),
	)
}

func oneOf(name, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("--%s %s: write %s", name, value, strings.Join(allowed, " or "))
}

func (s *Settings) validateURLs() error {
	var errs []error
	for _, raw := range s.PublicURLs {
		errs = append(errs, s.validateURL(raw))
	}
	return errors.Join(errs...)
}

func (s *Settings) validateURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("--public-url %s: write scheme and host alone, such as https://iiif.example.org", raw)
	}
	if u.Scheme == "http" && !s.InsecureHTTP && !IsLoopback(u.Hostname()) {
		return fmt.Errorf("--public-url %s: passwords and images would travel readable; use https (a proxy in front may hold the certificate), or add --insecure-http if this network is yours alone", raw)
	}
	return nil
}

// IsLoopback tells whether a host name or address never leaves the machine.
func IsLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

func (s *Settings) validateCookies() error {
	if s.SameSite != "none" {
		return nil
	}
	for _, raw := range s.PublicURLs {
		if strings.HasPrefix(raw, "http:") {
			return fmt.Errorf("--cookie-same-site none: browsers take such cookies over https alone, but --public-url is %s", raw)
		}
	}
	if len(s.PublicURLs) == 0 {
		return errors.New("--cookie-same-site none: browsers take such cookies over https alone; set an https --public-url")
	}
	return nil
}

func (s *Settings) validateNumbers() error {
	type bound struct {
		name          string
		value, lo, hi int64
	}
	var errs []error
	for _, b := range []bound{
		{"jpeg-quality", int64(s.JPEGQuality), 1, 100},
		{"decoders", int64(s.Decoders), 0, 512},
		{"max-width", int64(s.MaxWidth), 0, 1 << 20},
		{"max-height", int64(s.MaxHeight), 0, 1 << 20},
		{"max-area", s.MaxArea, 1, 1 << 32},
		{"tile-size", int64(s.TileSize), 0, 4096},
		{"queue", int64(s.Queue), 1, 1 << 16},
		{"max-in-flight", int64(s.MaxInFlight), 1, 1 << 20},
		{"cache-bytes (MiB)", int64(s.CacheBytes) >> 20, 1, 1 << 40},
		{"object-cache-bytes (MiB)", int64(s.ObjectCache) >> 20, 1, 1 << 40},
		{"s3-recheck (seconds)", int64(s.S3Recheck.Seconds()), 0, 3600},
		{"memory-cache-bytes (MiB)", int64(s.MemoryCache) >> 20, 1, 1 << 24},
		{"decoder-memory (MiB)", int64(s.DecoderBytes) >> 20, 256, 1 << 24},
		{"decode-timeout (seconds)", int64(s.DecodeTime.Seconds()), 1, 3600},
		{"request-timeout (seconds)", int64(s.Budget.Seconds()), 1, 3600},
		{"token-lifetime (seconds)", int64(s.TokenLife.Seconds()), 10, 86400},
		{"session-idle (seconds)", int64(s.SessionIdle.Seconds()), 300, 365 * 86400},
		{"session-max (seconds)", int64(s.SessionMax.Seconds()), 60, 365 * 86400},
		{"audit-grants", int64(s.AuditGrants), 0, 1_000_000_000},
		{"audit-denials", int64(s.AuditDenials), 0, 1_000_000_000},
		{"audit-keep (hours)", int64(s.AuditKeep.Hours()), 0, 100 * 8766},
		{"decision-hook-timeout (milliseconds)", s.HookTimeout.Milliseconds(), 50, 30_000},
		{"lease (seconds)", int64(s.Lease.Seconds()), 3, 3600},
		{"drain-timeout (seconds)", int64(s.Drain.Seconds()), 1, 3600},
		{"drain-delay (seconds)", int64(s.DrainDelay.Seconds()), 0, 600},
	} {
		if b.value < b.lo || b.value > b.hi {
			errs = append(errs, fmt.Errorf("--%s: %d is outside %d to %d", b.name, b.value, b.lo, b.hi))
		}
	}
	if s.SessionIdle.Seconds() < 300 {
		errs = append(errs, errors.New("--session-idle: set at least 5m; edges report activity a minute or two late, and would sign active readers out"))
	}
	if s.AuditKeep != 0 && s.AuditKeep < 24*time.Hour {
		errs = append(errs, errors.New("--audit-keep: keep the record for a day at least, or for ever with 0s"))
	}
	if s.MaxHeight > 0 && s.MaxWidth == 0 {
		errs = append(errs, errors.New("--max-height needs --max-width beside it (Image API 3.0, 5.3)"))
	}
	return errors.Join(errs...)
}

func (s *Settings) validateStores() error {
	var errs []error
	if s.Cache != "" && !strings.HasPrefix(s.Cache, "dir:") && !InS3(s.Cache) {
		errs = append(errs, fmt.Errorf("--cache %s: write dir: and a folder, such as dir:/var/cache/tessera, or s3://bucket/prefix", s.Cache))
	}
	for name, addr := range map[string]string{"listen": s.Listen, "ops-listen": s.OpsListen} {
		if _, _, err := net.SplitHostPort(addr); err != nil && (name == "listen" || addr != "") {
			errs = append(errs, fmt.Errorf("--%s %s: write host:port, such as :8080 or 127.0.0.1:9090", name, addr))
		}
	}
	return errors.Join(errs...)
}

func (s *Settings) validateSlash() error {
	if s.SlashSub == "" {
		return nil
	}
	if len([]rune(s.SlashSub)) != 1 || strings.ContainsAny(s.SlashSub, `/\%?#[]@.*`) {
		return fmt.Errorf("--slash-substitute %s: write one character that is not among / \\ %% ? # [ ] @ . *", s.SlashSub)
	}
	return nil
}

// CacheDir is the folder of the result store at hand.
func (s *Settings) CacheDir() string {
	if dir, ok := strings.CutPrefix(s.Cache, "dir:"); ok {
		return dir
	}
	return filepath.Join(s.Data, "cache")
}
