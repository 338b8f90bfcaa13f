package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const s3Scheme = "s3://"

// InS3 tells whether a place is a bucket rather than a folder.
func InS3(place string) bool { return strings.HasPrefix(place, s3Scheme) }

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// ParseS3 takes s3://bucket/prefix apart. The prefix has no slash around it.
func ParseS3(place string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(place, s3Scheme)
	bucket, prefix, _ = strings.Cut(rest, "/")
	prefix = strings.Trim(prefix, "/")
	if !ok || !bucketName.MatchString(bucket) {
		return "", "", fmt.Errorf("%s: write s3://bucket or s3://bucket/prefix, with the bucket's name in lower case", place)
	}
	for segment := range strings.SplitSeq(prefix, "/") {
		if prefix != "" && (segment == "" || segment == "." || segment == "..") || strings.ContainsAny(segment, "\x00\\") {
			return "", "", fmt.Errorf("%s: write a prefix such as masters/maps", place)
		}
	}
	return bucket, prefix, nil
}

// S3Account is where object storage is and who asks there.
type S3Account struct{ Endpoint, Region, AccessKey, SecretKey, SessionToken string }

// Sources is the account that images and manifests are read with.
func (s *Settings) Sources() S3Account {
	return S3Account{s.S3Endpoint, s.S3Region, s.S3AccessKey, s.S3SecretKey, s.S3Session}
}

// SharedResults is the account that the shared store of results is used with: that
// of the sources, as far as nothing else is set.
func (s *Settings) SharedResults() S3Account {
	a := s.Sources()
	if s.CacheS3URL != "" {
		a.Endpoint = s.CacheS3URL
	}
	if s.CacheRegion != "" {
		a.Region = s.CacheRegion
	}
	if s.CacheAccess != "" {
		a.AccessKey, a.SecretKey, a.SessionToken = s.CacheAccess, s.CacheSecret, ""
	}
	return a
}

// readAWS takes Amazon's own variables where object storage is used and nothing else
// says who asks. Keys are taken together or not at all.
func (l *Loaded) readAWS(environ []string) error {
	if !InS3(l.Images) && !InS3(l.Manifests) && !InS3(l.Cache) {
		return nil
	}
	errs := []error{
		l.adopt(environ, "s3-endpoint", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
		l.adopt(environ, "s3-region", "AWS_REGION", "AWS_DEFAULT_REGION"),
	}
	if l.S3AccessKey == "" && l.S3SecretKey == "" && l.S3Session == "" {
		errs = append(
			errs,
			l.adopt(environ, "s3-access-key", "AWS_ACCESS_KEY_ID"),
			l.adopt(environ, "s3-secret-key", "AWS_SECRET_ACCESS_KEY"),
			l.adopt(environ, "s3-session-token", "AWS_SESSION_TOKEN"),
		)
	}
	return errors.Join(errs...)
}

// adopt sets what is still at its default from the first variable that there is.
func (l *Loaded) adopt(environ []string, name string, variables ...string) error {
	all := All()
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
	if l.origins[all[i].index] != FromDefault {
		return nil
	}
	for _, v := range variables {
		if value := lookup(environ, v); value != "" {
			return l.assign(all[i], value, FromEnv)
		}
	}
	return nil
}

func (s *Settings) validateS3() error {
	var errs []error
	used := false
	for _, place := range []struct{ name, value string }{{"images", s.Images}, {"manifests", s.Manifests}, {"cache", s.Cache}} {
		if !InS3(place.value) {
			continue
		}
		used = true
		if _, _, err := ParseS3(place.value); err != nil {
			errs = append(errs, fmt.Errorf("--%s %w", place.name, err))
		}
	}
	errs = append(errs, validateEndpoint("s3-endpoint", s.S3Endpoint), validateEndpoint("cache-s3-endpoint", s.CacheS3URL))
	account := s.Sources()
	if !InS3(s.Images) && !InS3(s.Manifests) {
		account = s.SharedResults()
	}
	if used && (account.AccessKey == "" || account.SecretKey == "") {
		errs = append(errs, errors.New("object storage is used, but its keys are not set: give --s3-access-key and --s3-secret-key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"))
	}
	if (s.CacheAccess == "") != (s.CacheSecret == "") {
		errs = append(errs, errors.New("--cache-s3-access-key and --cache-s3-secret-key belong together: set both, or none"))
	}
	return errors.Join(append(errs, s.validateEvents())...)
}

// validateEvents wants what every part of the bus can be told: see bus.ParseEvents.
func (s *Settings) validateEvents() error {
	if s.S3Events == "" {
		return nil
	}
	for word := range strings.SplitSeq(s.S3Events, ".") {
		if word == "" || !isName(word) {
			return fmt.Errorf("--s3-events %s: write words of letters, digits, - and _ with dots between, such as minio.events", s.S3Events)
		}
	}
	if strings.HasPrefix(s.S3Events, "tessera.") {
		return fmt.Errorf("--s3-events %s: subjects below tessera. are Tessera's own; take another, such as minio.events", s.S3Events)
	}
	return nil
}

func validateEndpoint(name, value string) error {
	u, err := url.Parse(value)
	if value != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil) {
		return fmt.Errorf("--%s %s: write scheme and host alone, such as https://minio.example.org:9000", name, value)
	}
	return nil
}
