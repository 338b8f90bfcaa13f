package s3

import (
	"strings"
	"testing"
)

// Errors at the start name the fix.
func TestOpenNamesTheFix(t *testing.T) {
	bucket := server.Bucket(t)
	good := Config{Account: account(), Location: Within(bucket.Name, ""), Log: quiet}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no bucket":    {func(c *Config) { c.Location.Bucket = "not-there" }, `bucket "not-there" does not exist`},
		"wrong key":    {func(c *Config) { c.Account.AccessKey = "nobody" }, "check --s3-access-key"},
		"wrong secret": {func(c *Config) { c.Account.SecretKey = "wrong" }, "check --s3-access-key and --s3-secret-key"},
		"no server":    {func(c *Config) { c.Account.Endpoint = "http://127.0.0.1:1" }, "does not answer"},
		"https":        {func(c *Config) { c.Account.Endpoint = strings.Replace(c.Account.Endpoint, "http:", "https:", 1) }, "http or https"},
		"bad address":  {func(c *Config) { c.Account.Endpoint = "127.0.0.1:9000" }, "write scheme and host"},
	} {
		t.Run(name, func(t *testing.T) {
			config := good
			c.change(&config)
			s, err := Open(t.Context(), config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
			if err == nil {
				_ = s.Close()
			}
		})
	}
}

func TestOpenResultsNamesTheFix(t *testing.T) {
	c := ResultsConfig{Account: account(), Location: Within("not-there", "x"), Log: quiet}
	if _, err := OpenResults(t.Context(), c); err == nil || !strings.Contains(err.Error(), "does not exist") || !strings.Contains(err.Error(), "--cache s3://not-there/x/") {
		t.Errorf("no bucket: %v", err)
	}
	c.Account.Endpoint = "http://127.0.0.1:1"
	r, err := OpenResults(t.Context(), c)
	if err != nil {
		t.Fatalf("a shared cache that is down: %v; want a start without it", err)
	}
	defer r.Close()
	if _, ok := r.Get(t.Context(), aKey); ok {
		t.Error("a hit")
	}
}
