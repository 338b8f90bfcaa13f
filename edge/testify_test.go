package edge_test

import (
	"slices"
	"testing"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/session"
)

// R64: images shown by right and refused are told; open ones, descriptions, and what is
// wrong for other reasons are not.
func TestSightings(t *testing.T) {
	var told []session.Sighting
	s := newStage(t, func(c *edge.Config) { c.Seen = func(seen session.Sighting) { told = append(told, seen) } })
	for _, row := range []struct {
		row, path string
		sent      []with
		status    int
		want      []session.Sighting
	}{
		{"shown", "/iiif/3/members%2FW" + pixels, []with{cookieOf("alice")}, 200, []session.Sighting{{Granted: true, User: "alice", Image: "members/W", Rule: "members"}}},
		{"stranger", "/iiif/3/members%2FW" + pixels, nil, 401, []session.Sighting{{Image: "members/W", Rule: "members"}}},
		{"not her group", "/iiif/2/staff%2FW" + pixels, []with{cookieOf("alice")}, 403, []session.Sighting{{User: "alice", Image: "staff/W", Rule: "staff"}}},
		{"nobody's", "/iiif/3/closed%2FW" + pixels, nil, 403, []session.Sighting{{Image: "closed/W", Rule: "closed"}}},
		{"no rule names it", "/iiif/3/other%2FW" + pixels, []with{cookieOf("alice")}, 200, []session.Sighting{{Granted: true, User: "alice", Image: "other/W"}}},
		{"hidden", "/iiif/3/secret%2FW" + pixels, []with{cookieOf("alice")}, 404, nil},
		{"open", "/iiif/3/open%2FW" + pixels, nil, 200, nil},
		{"description", "/iiif/2/members%2FW/info.json", nil, 401, nil},
		{"malformed", "/iiif/3/members%2FW/full/max/0/default", nil, 400, nil},
	} {
		t.Run(row.row, func(t *testing.T) {
			told = nil
			s.want(row.status, row.path, row.sent...)
			for i := range told {
				if !told[i].Addr.IsValid() || told[i].Request == "" || told[i].At.IsZero() {
					t.Errorf("R64: %+v", told[i])
				}
				told[i] = session.Sighting{Granted: told[i].Granted, User: told[i].User, Image: told[i].Image, Rule: told[i].Rule}
			}
			if !slices.Equal(told, row.want) {
				t.Errorf("R64: told %+v, want %+v", told, row.want)
			}
		})
	}
}
