package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/internal/cluster"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// inCluster is a coordinator that hears of others.
func inCluster(t *testing.T, members *[]cluster.Member) *stage {
	t.Helper()
	return newStage(t, func(c *coordinator.Config) { c.Members = func() []cluster.Member { return *members } })
}

func member(role string, s cluster.State) cluster.Member {
	s.Role, s.Version, s.Up = role, "1.0", 90*time.Minute
	if s.Name == "" {
		s.Name = role + "-1"
	}
	return cluster.Member{State: s, Seen: time.Now()}
}

func TestOverview(t *testing.T) {
	var members []cluster.Member
	s := inCluster(t, &members)
	b := s.admin()
	says(t, b.want(b.get("/auth/admin/"), 200), "No edge has been heard of.", "No worker answers.")
	b.follow(b.post(editor, rulesForm(0, "save", "maps")))
	behind := member("edge", cluster.State{Name: "behind", Edge: &cluster.Edge{Revision: 0, Fresh: false}})
	silent := member("worker", cluster.State{Name: "quiet", Worker: &cluster.Worker{}})
	silent.Silent = true
	members = []cluster.Member{
		behind,
		member("edge", cluster.State{Edge: &cluster.Edge{Revision: s.revision(), Fresh: true, Requests: 1234567, Images: 200, Hits: 150}}),
		silent,
		member("worker", cluster.State{Worker: &cluster.Worker{Slots: 4, Running: 3, Queue: 12 * time.Millisecond, Asked: 10, Hits: 5, SetAside: 2}}),
		member("coordinator", cluster.State{}),
	}
	says(t, b.want(b.get("/auth/admin/"), 200), "Rights are old", "1\u2009234\u2009567", "75 %", "3 of 4", "12 ms", "1 h 30 min", "Silent for",
		"not held by every edge yet", "2 images killed decoders", "coordinator-1", `data-live="3"`)
	var told struct {
		Revision int64
		Items    []struct {
			Role, Name string
			Silent     bool
			Worker     *struct{ QueueSeconds float64 }
		}
	}
	b.want(b.call(http.MethodGet, "/cluster", nil, &told), 200)
	if len(told.Items) != 5 || told.Revision != s.revision() || !told.Items[2].Silent || told.Items[3].Worker.QueueSeconds != 0.012 {
		t.Errorf("%+v", told)
	}
}

// R56: rules by time count by each edge's own clock, so one that is off by more than 2 s is
// pointed at, with what to do.
func TestClocksOfParts(t *testing.T) {
	off := func(name string, ahead time.Duration) cluster.Member {
		m := member("edge", cluster.State{Name: name, Edge: &cluster.Edge{Fresh: true}})
		m.Ahead = ahead
		return m
	}
	members := []cluster.Member{off("a", 2*time.Second), off("b", -1900*time.Millisecond)}
	s := inCluster(t, &members)
	b := s.admin()
	if page := b.want(b.get("/auth/admin/"), 200); strings.Contains(page, "NTP") {
		t.Error("clocks that differ by less than the bound are pointed at")
	}
	silent := off("silent", time.Hour)
	silent.Silent = true
	members = append(members, off("fast", 150*time.Second), off("slow", -3*time.Second), silent)
	page := b.want(b.get("/auth/admin/"), 200)
	if n := strings.Count(page, ">for 1 h 30 min<"); n != 2 {
		t.Errorf("how long they have been at work is told of %d parts, not of the two that are", n)
	}
	says(t, page, "differ by more than 2 s: edge fast, edge slow. Set all of them by NTP", "Its clock is 2 min ahead", "Its clock is 3 s behind")
	var told struct {
		Items []struct{ AheadSeconds float64 }
	}
	b.want(b.call(http.MethodGet, "/cluster", nil, &told), 200)
	if len(told.Items) != 5 || told.Items[2].AheadSeconds != 150 || told.Items[3].AheadSeconds != -3 {
		t.Errorf("%+v", told)
	}
}

// library lists identifiers as workers do: in order, by prefix, after a name.
func library(ids ...string) func(context.Context, tile.Query) (tile.Listing, error) {
	slices.Sort(ids)
	return func(_ context.Context, q tile.Query) (tile.Listing, error) {
		var l tile.Listing
		for _, id := range ids {
			if !strings.HasPrefix(id, q.Prefix) || id <= q.After {
				continue
			}
			if len(l.Items) == q.Limit {
				l.Next = l.Items[q.Limit-1].ID
				break
			}
			l.Items = append(l.Items, tile.Entry{ID: id, Format: "jp2", Bytes: 2_500_000})
		}
		return l, nil
	}
}

func TestImagesByPage(t *testing.T) {
	ids := []string{"cover", "maps/1890/sheet-1", "maps/atlas", "zoo/x"}
	for i := range 120 {
		ids = append(ids, fmt.Sprintf("maps/1900/sheet-%03d", i), fmt.Sprintf("posters/p%03d", i))
	}
	members := []cluster.Member{member("worker", cluster.State{Worker: &cluster.Worker{Quarantined: []string{"maps/bad.jp2"}}})}
	s := newStage(t, func(c *coordinator.Config) {
		c.Images, c.Members = library(ids...), func() []cluster.Member { return members }
	})
	b := s.admin()
	b.want(b.call(http.MethodPut, "/rules", map[string]any{"items": []any{map[string]any{"name": "Maps", "images": []string{"maps/**"}, "access": "open"}}}, nil), 200)
	page := b.want(b.get("/auth/admin/images"), 200)
	says(t, page, ">maps/</a>", ">posters/</a>", ">zoo/</a>", ">cover</h2>", "/iiif/3/cover/full/!320,240/0/default.jpg", "by the default", "maps/bad.jp2", "2.5 MB")
	if strings.Contains(page, "sheet-") || strings.Contains(page, "Next page") {
		t.Error("what is in folders is listed beside them")
	}
	page = b.want(b.get("/auth/admin/images?prefix=maps/"), 200)
	says(t, page, ">1890/</a>", ">1900/</a>", ">atlas</h2>", "by the rule “Maps”", "Everybody")
	b.want(b.call(http.MethodPut, "/items/maps%2Fatlas/access", map[string]any{"access": "deny"}, nil), 200)
	says(t, b.want(b.get("/auth/admin/images?prefix=maps/"), 200), "the image&#39;s own setting", "Nobody")
	seen := 0
	for target := "/auth/admin/images?prefix=posters/"; target != ""; {
		page = b.want(b.get(target), 200)
		seen += strings.Count(page, `class="card"`)
		if target = ""; strings.Contains(page, "Next page") {
			target = nextOf(t, page)
		}
	}
	if seen != 120 {
		t.Errorf("%d of 120 images on the pages of a folder", seen)
	}
	says(t, b.want(b.get("/auth/admin/images?prefix=none"), 200), "No image begins with “none”.")
}

func TestImagesAway(t *testing.T) {
	s := newStage(t, func(c *coordinator.Config) {
		c.Images = func(context.Context, tile.Query) (tile.Listing, error) { return tile.Listing{}, errors.New("nobody") }
	})
	b := s.admin()
	says(t, b.want(b.get("/auth/admin/images"), 200), "No worker answers, so images cannot be listed.")
	plain := newStage(t).admin()
	says(t, plain.want(plain.get("/auth/admin/images"), 200), "This process cannot list images.")
}

// R64: what is to be forgotten is told, once, and on record.
func TestPurge(t *testing.T) {
	var told []cluster.Purge
	s := newStage(t, func(c *coordinator.Config) {
		c.Purge = func(_ context.Context, p cluster.Purge) error { told = append(told, p); return nil }
	})
	b := s.admin()
	const path = "/auth/admin/images/purge"
	says(t, b.follow(b.post(path, url.Values{"image": {"maps/1.jp2"}})), "were told to forget it")
	b.want(b.call(http.MethodPost, "/purge", map[string]any{"all": true}, nil), http.StatusNoContent)
	b.want(b.call(http.MethodPost, "/purge", map[string]any{"all": true, "prefix": "x"}, nil), http.StatusBadRequest)
	b.want(b.post(path, nil), http.StatusBadRequest)
	if want := []cluster.Purge{{Image: "maps/1.jp2"}, {All: true}}; !slices.Equal(told, want) {
		t.Errorf("told %+v", told)
	}
	says(t, b.want(b.get("/auth/admin/audit?event=cache_purged"), 200), "Kept images forgotten", "maps/1.jp2")
	b = newStage(t).admin()
	says(t, b.want(b.post(path, url.Values{"all": {"yes"}}), http.StatusConflict), "cannot tell the others")
}
