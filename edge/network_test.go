package edge_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/edge"
)

func trustLoopback(c *edge.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
}

// R31: who the client is, as the handlers behind the edge are told.
func TestClientAddress(t *testing.T) {
	trusting, trustless := newStage(t, trustLoopback), newStage(t)
	for _, row := range []struct {
		name   string
		s      *stage
		from   string
		sent   []with
		client string
	}{
		{"direct", trusting, "192.0.2.1:5", nil, "192.0.2.1:5"},
		{"nobody is trusted by default", trustless, "127.0.0.1:5", []with{header("X-Forwarded-For", "198.51.100.9")}, "127.0.0.1:5"},
		{"forged by a stranger", trusting, "192.0.2.1:5", []with{header("X-Forwarded-For", "10.0.0.1")}, "192.0.2.1:5"},
		{"forged by a stranger, standard", trusting, "192.0.2.1:5", []with{header("Forwarded", "for=10.0.0.1")}, "192.0.2.1:5"},
		{"one proxy", trusting, "127.0.0.1:5", []with{header("X-Forwarded-For", "198.51.100.9")}, "198.51.100.9:0"},
		{"client forged the left", trusting, "127.0.0.1:5", []with{header("X-Forwarded-For", "10.9.9.9, 198.51.100.9")}, "198.51.100.9:0"},
		{"client forged a line of its own", trusting, "127.0.0.1:5", []with{header("X-Forwarded-For", "10.9.9.9"), header("X-Forwarded-For", "198.51.100.9")}, "198.51.100.9:0"},
		{"two proxies", trusting, "127.0.0.1:5", []with{header("X-Forwarded-For", "198.51.100.9, 10.1.1.1")}, "198.51.100.9:0"},
		{"IPv6 with port", trusting, "127.0.0.1:5", []with{header("X-Forwarded-For", "[2001:db8::1]:443")}, "[2001:db8::1]:0"},
		{"IPv4 in IPv6", trusting, "[::ffff:127.0.0.1]:5", []with{header("X-Forwarded-For", "::ffff:198.51.100.9")}, "198.51.100.9:0"},
		{"standard", trusting, "127.0.0.1:5", []with{header("Forwarded", `for=10.9.9.9, for="[2001:db8::2]:80";proto=https;host="a,b"`)}, "[2001:db8::2]:0"},
		{"hidden by its proxy", trusting, "127.0.0.1:5", []with{header("Forwarded", `for=_hidden`)}, "0.0.0.0:0"},
		{"garbage", trusting, "127.0.0.1:5", []with{header("X-Forwarded-For", "localhost")}, "0.0.0.0:0"},
		{"only one header is the proxy's", trusting, "127.0.0.1:5", []with{header("Forwarded", "for=10.2.2.2"), header("X-Forwarded-For", "198.51.100.9")}, "0.0.0.0:0"},
		{"both agree", trusting, "127.0.0.1:5", []with{header("Forwarded", "for=198.51.100.9"), header("X-Forwarded-For", "198.51.100.9")}, "198.51.100.9:0"},
		{"proxy's own request", trusting, "127.0.0.1:5", nil, "127.0.0.1:5"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := row.s.want(200, "/auth/login", append(row.sent, from(row.from))...)
			if !strings.Contains(a.body, "from "+row.client+" ") {
				t.Errorf("got %s, want %s", a.body, row.client)
			}
			if !strings.HasSuffix(a.body, `forwarded ""`) {
				t.Errorf("forwarding headers went on: %s", a.body)
			}
		})
	}
}

// R31, A-201: the base of ids.
func TestPublicBase(t *testing.T) {
	several := func(c *edge.Config) {
		trustLoopback(c)
		c.PublicURLs = []string{"https://one.test", "https://two.test:8443", "http://two.test:8443"}
	}
	unset := func(c *edge.Config) { trustLoopback(c); c.PublicURLs = nil }
	for _, row := range []struct {
		name   string
		config func(*edge.Config)
		sent   []with
		want   string // empty: refused
	}{
		{"the only one", trustLoopback, []with{host("evil.test")}, base},
		{"known host", several, []with{host("TWO.test:8443")}, "http://two.test:8443"},
		{"unknown host", several, []with{host("evil.test")}, "https://one.test"},
		{"proxy tells host and scheme", several, []with{from("127.0.0.1:1"), host("inner"), header("X-Forwarded-Host", "two.test:8443"), header("X-Forwarded-Proto", "https")}, "https://two.test:8443"},
		{"standard header", several, []with{from("127.0.0.1:1"), host("inner"), header("Forwarded", `host="two.test:8443";proto=https`)}, "https://two.test:8443"},
		{"proxy tells an evil host", several, []with{from("127.0.0.1:1"), header("X-Forwarded-Host", "evil.test")}, "https://one.test"},
		{"stranger tells a host", several, []with{host("one.test"), header("X-Forwarded-Host", "two.test:8443")}, "https://one.test"},
		{"loopback is echoed", unset, []with{host("localhost:8080")}, "http://localhost:8080"},
		{"a name below localhost", unset, []with{host("viewer.localhost:1")}, "http://viewer.localhost:1"},
		{"loopback address", unset, []with{host("127.0.0.9")}, "http://127.0.0.9"},
		{"loopback address, version 6", unset, []with{host("[::1]:8080")}, "http://[::1]:8080"},
		{"https by proxy", unset, []with{from("127.0.0.1:1"), host("localhost"), header("X-Forwarded-Proto", "https")}, "https://localhost"},
		{"https by a stranger", unset, []with{host("localhost"), header("X-Forwarded-Proto", "https")}, "http://localhost"},
		{"odd scheme by proxy", unset, []with{from("127.0.0.1:1"), host("localhost"), header("X-Forwarded-Proto", "javascript")}, "http://localhost"},
		{"other host", unset, []with{host("evil.test")}, ""},
		{"host that looks like ours", unset, []with{host("localhost.evil.test")}, ""},
		{"markup", unset, []with{host(`"><script>.localhost`)}, ""},
		{"markup as port", unset, []with{host(`localhost:80/x`)}, ""},
		{"zone", unset, []with{host(`[::1%25lo]`)}, ""},
		{"nothing", unset, []with{host("")}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newStage(t, row.config)
			a := s.ask("/iiif/3/SQ/info.json", row.sent...)
			if row.want == "" {
				if a.status != 400 || !strings.Contains(a.body, "--public-url") {
					t.Fatalf("got %v", a)
				}
				return
			}
			if !strings.Contains(a.body, `"id":"`+row.want+`/iiif/3/SQ"`) {
				t.Errorf("got %v, want base %s", a, row.want)
			}
			if strings.Contains(a.String(), "evil") {
				t.Errorf("a poisoned host is in the answer: %v", a)
			}
		})
	}
}

// R31: no header opens anything.
func TestNoHeaderSkipsRights(t *testing.T) {
	s := newStage(t, trustLoopback)
	for _, h := range []string{
		"X-Forwarded-User: root", "X-Remote-User: root", "X-Auth-Request-Email: root@localhost", "X-Original-Url: /iiif/3/SQ/info.json",
		"X-Rewrite-Url: /", "X-Forwarded-For: 127.0.0.1", "Authorization: Basic cm9vdDpyb290", "Cookie: tessera_session=cookie-root",
		"X-Http-Method-Override: OPTIONS", "User-Agent: kube-probe/1.0", "Cookie: __Host-tessera_admin=cookie-root",
	} {
		name, value, _ := strings.Cut(h, ": ")
		for _, addr := range []string{"127.0.0.1:1", "203.0.113.5:1"} {
			s.want(401, "/iiif/3/members%2FW/full/max/0/default.jpg", header(name, value), from(addr))
		}
	}
}

func TestPublicURLsAreChecked(t *testing.T) {
	for _, raw := range []string{"iiif.example.org", "ftp://x", "https://", "https://x/path", "https://u@x", "https://x?q", "://"} {
		s := newStage(t)
		_, err := edge.New(edge.Config{
			Renderer: s.studio, Library: s.shelf, Keeper: s.keeper, Coordinator: s.echo("c"), Pages: always(s.echo("p")),
			PublicURLs: []string{raw}, Formats: func() []string { return nil },
		})
		if err == nil || !strings.Contains(err.Error(), "https://iiif.example.org") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
