package edge_test

import (
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/edge"
)

// R45, H-005: a listed viewer's browser that keeps our cookies back is told that it may
// ask once more with them, and nobody else is.
func TestStorageAccess(t *testing.T) {
	const viewer = "https://viewer.test"
	s := newStage(t, func(c *edge.Config) {
		c.ViewerOrigins = []string{"https://Viewer.test:443/", "https://other.test:8443"}
	})
	kept := []with{header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Storage-Access", "inactive")}
	for _, row := range []struct {
		row, path string
		sent      []with
		status    int
		offer     string
	}{
		{"tile", "/iiif/3/members%2FW" + pixels, append(kept, header("Origin", viewer)), 401, `retry; allowed-origin="https://viewer.test"`},
		{"version 2", "/iiif/2/members%2FW" + pixels, append(kept, header("Origin", viewer)), 401, `retry; allowed-origin="https://viewer.test"`},
		{"with port", "/iiif/3/members%2FW" + pixels, append(kept, header("Origin", "https://other.test:8443")), 401, `retry; allowed-origin="https://other.test:8443"`},
		{"unlisted", "/iiif/3/members%2FW" + pixels, append(kept, header("Origin", "https://evil.test")), 401, ""},
		{"other port", "/iiif/3/members%2FW" + pixels, append(kept, header("Origin", "https://other.test")), 401, ""},
		{"no origin", "/iiif/3/members%2FW" + pixels, kept, 401, ""},
		{"a header in a header", "/iiif/3/members%2FW" + pixels, append(kept, header("Origin", viewer+`", x="`)), 401, ""},
		{"open image", "/iiif/3/open%2FW" + pixels, append(kept, header("Origin", viewer)), 200, ""},
		{"nobody's image", "/iiif/3/closed%2FW" + pixels, append(kept, header("Origin", viewer)), 403, ""},
		{"hidden", "/iiif/3/secret%2FW" + pixels, append(kept, header("Origin", viewer)), 404, ""},
		{
			"the second time", "/iiif/3/members%2FW" + pixels,
			[]with{header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Storage-Access", "active"), header("Origin", viewer)},
			401, "",
		},
		{
			"with the cookie", "/iiif/3/members%2FW" + pixels,
			[]with{header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Storage-Access", "active"), header("Origin", viewer), cookieOf("alice")},
			200, "",
		},
		{"same site", "/iiif/3/members%2FW" + pixels, []with{header("Sec-Fetch-Site", "same-site"), header("Sec-Fetch-Storage-Access", "inactive"), header("Origin", viewer)}, 401, ""},
		{"leave not given", "/iiif/3/members%2FW" + pixels, []with{header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Storage-Access", "none"), header("Origin", viewer)}, 401, ""},
	} {
		t.Run(row.row, func(t *testing.T) {
			a := s.want(row.status, row.path, row.sent...)
			if got := a.header.Get("Activate-Storage-Access"); got != row.offer {
				t.Errorf("R45: %q, want %q", got, row.offer)
			}
			vary := strings.Join(a.header.Values("Vary"), ", ")
			if varies := strings.Contains(vary, "Sec-Fetch-Storage-Access") && strings.Contains(vary, "Origin"); varies != (row.status == 401) {
				t.Errorf("R45: Vary %q", vary)
			}
		})
	}
}

// Without listed viewers nothing is said of it at all.
func TestNoStorageAccessByDefault(t *testing.T) {
	s := newStage(t)
	a := s.want(401, "/iiif/3/members%2FW"+pixels, header("Sec-Fetch-Site", "cross-site"),
		header("Sec-Fetch-Storage-Access", "inactive"), header("Origin", "https://viewer.test"))
	if a.header.Get("Activate-Storage-Access") != "" || strings.Contains(a.header.Get("Vary"), "Storage") {
		t.Errorf("R45: %v", a.header)
	}
	for _, bad := range []string{"viewer.test", "https://viewer.test/path", "null", "https://user@viewer.test"} {
		_, err := edge.New(edge.Config{
			Renderer: s.studio, Library: s.shelf, Keeper: s.keeper, Coordinator: s.echo(""), Pages: always(s.echo("")),
			Formats: func() []string { return nil }, ViewerOrigins: []string{bad},
		})
		if err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
