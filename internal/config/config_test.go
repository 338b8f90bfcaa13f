package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tessera.yaml")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	file := write(t, "listen: 127.0.0.1:1\njpeg-quality: 10\ntile-size: 256\ntrusted-proxies: [10.0.0.0/8, 192.168.0.1]\n")
	env := []string{"TESSERA_JPEG_QUALITY=20", "TESSERA_TILE_SIZE=512", "PATH=/bin"}
	l, err := Load([]string{"--config", file, "--tile-size", "1024", "rest"}, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l.MaxArea != 128_000_000 || l.Listen != "127.0.0.1:1" || l.JPEGQuality != 20 || l.TileSize != 1024 {
		t.Errorf("default %d, file %q, environment %d, flag %d", l.MaxArea, l.Listen, l.JPEGQuality, l.TileSize)
	}
	if len(l.TrustedProxy) != 2 || l.TrustedProxy[1].String() != "192.168.0.1/32" || len(l.Args) != 1 {
		t.Errorf("lists: %v, arguments: %v", l.TrustedProxy, l.Args)
	}
	var out strings.Builder
	if err := l.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# file", "# environment", "# flag", "# default"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("print lacks %q", want)
		}
	}
}

func TestEverySettingHasItsManual(t *testing.T) {
	for _, s := range All() {
		if s.Name == "" || s.Help == "" || len(s.Roles) == 0 {
			t.Errorf("%+v lacks a name, roles or a sentence", s)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, file string
		args, env  []string
		want       string
	}{
		{"unknown flag", "", []string{"--imagse", "x"}, nil, "imagse"},
		{"unknown key", "imags: x\n", nil, nil, `did you mean "images"`},
		{"unknown variable", "", nil, []string{"TESSERA_IMAGE=x"}, "TESSERA_IMAGE"},
		{"number", "", []string{"--jpeg-quality", "high"}, nil, "not a whole number"},
		{"bytes", "", []string{"--cache-bytes", "many"}, nil, "256MiB"},
		{"duration", "", nil, []string{"TESSERA_LEASE=60"}, "300s"},
		{"network", "", []string{"--trusted-proxies", "everyone"}, nil, "10.0.0.0/8"},
		{"nested value", "listen: {a: b}\n", nil, nil, "a value or a list"},
		{"missing file", "", []string{"--config", "/nonexistent.yaml"}, nil, "cannot read the settings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			if c.file != "" {
				args = append(args, "--config", write(t, c.file))
			}
			_, err := Load(args, c.env, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", ""},
		{"--public-url https://iiif.example.org", ""},
		{"--public-url http://127.0.0.1:8080", ""},
		{"--public-url http://iiif.example.org", "--insecure-http"},
		{"--public-url http://iiif.example.org --insecure-http", ""},
		{"--public-url https://iiif.example.org/iiif", "scheme and host alone"},
		{"--public-url iiif.example.org", "scheme and host alone"},
		{"--cookie-same-site none", "https --public-url"},
		{"--cookie-same-site none --public-url https://a.example", ""},
		{"--cookie-same-site strict", "lax or none"},
		{"--default-access closed", "open or login"},
		{"--jpeg-quality 0", "1 to 100"},
		{"--session-idle 4m59s", "at least 5m"},
		{"--session-idle 5m", ""},
		{"--max-height 100", "--max-width"},
		{"--cache s3:bucket", "dir:"},
		{"--listen 8080", "host:port"},
		{"--slash-substitute !", ""},
		{"--slash-substitute ab", "one character"},
		{"--slash-substitute %", "one character"},
	} {
		t.Run(c.args, func(t *testing.T) {
			l, err := Load(strings.Fields("--images x "+c.args), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = l.Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	l, _ := Load(nil, nil, nil)
	if err := l.Validate(); err == nil || !strings.Contains(err.Error(), "--images FOLDER") {
		t.Errorf("without images: %v", err)
	}
}

func TestSecretsStayHidden(t *testing.T) {
	l, err := Load([]string{"--admin-password", "c4n4ry"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	_ = l.Print(&out)
	if strings.Contains(out.String(), "c4n4ry") || !strings.Contains(out.String(), hidden) {
		t.Error("print shows the password")
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"10GiB": 10 << 30, "256 MiB": 256 << 20, "4k": 4096, "1000000": 1e6, "2GB": 2e9} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5GiB", "9999999999TiB", "GiB"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q became %d", text, got)
		}
	}
	if s := Bytes(10 << 30).String(); s != "10GiB" {
		t.Errorf("10GiB is written %s", s)
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	var want strings.Builder
	if err := Reference(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/settings.md")
	if err != nil || string(got) != want.String() {
		t.Errorf("docs/settings.md is not what the code says (%v): run `make docs`", err)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "viewer.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "[::1]": true,
		"::ffff:127.0.0.1": true, "localhost.example.org": false, "10.0.0.1": false, "example.org": false,
	} {
		if IsLoopback(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}

func FuzzParseBytes(f *testing.F) {
	f.Add("10GiB")
	f.Fuzz(func(t *testing.T, s string) {
		if b, err := ParseBytes(s); err == nil {
			if again, err := ParseBytes(b.String()); err != nil || again != b || b < 0 {
				t.Errorf("%q: %d, %v", s, again, err)
			}
		}
	})
}

func TestDefaultsAreSafe(t *testing.T) {
	l, err := Load(nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l.Access != "login" || l.TokenOpens || l.InsecureHTTP || l.Unsandboxed || len(l.TrustedProxy) != 0 || l.Lease != time.Minute {
		t.Errorf("%+v", l.Settings)
	}
}
