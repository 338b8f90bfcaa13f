package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/internal/tile"
)

type unmatchedJSON struct {
	Items []struct {
		Rule       int
		Name, Text string
	}
	Unknown int
}

// names are the rules that the API says name no image.
func (u *unmatchedJSON) names() (names string) {
	for _, x := range u.Items {
		names += x.Name + " "
	}
	return strings.TrimSpace(names)
}

// putRules puts rules in force, each with the patterns of its name, and gives those that
// name no image.
func (b *browser) putRules(patterns ...string) unmatchedJSON {
	b.t.Helper()
	var items []any
	for _, p := range patterns {
		items = append(items, map[string]any{"name": p, "images": []string{p}, "access": "open"})
	}
	var set struct{ Unmatched *unmatchedJSON }
	b.want(b.call(http.MethodPut, "/rules?unmatched=yes", map[string]any{"items": items}, &set), http.StatusOK)
	if set.Unmatched == nil {
		b.t.Fatal("nothing is told of rules without images")
	}
	return *set.Unmatched
}

// A rule that names nothing is told of, whether it is in force or a draft, and never
// refused.
func TestRulesWithoutImages(t *testing.T) {
	s := newStage(t, func(c *coordinator.Config) { c.Images = library("maps/1.jp2", "maps/2.tif", "letters/a") })
	b := s.admin()
	if got := b.putRules("maps/*", "mpas/*", "letters/a", "letters/b", "maps/1.jp2"); got.names() != "mpas/* letters/b maps/1.jp2" || got.Unknown != 0 {
		t.Errorf("%+v", got)
	}
	page := b.want(b.get("/auth/admin/rules"), http.StatusOK)
	if n := strings.Count(page, "It names no image that is there now."); n != 3 {
		t.Errorf("the page says it %d times", n)
	}
	page = b.want(b.post(editor, rulesForm(s.revision(), "preview", "maps", "plans")), http.StatusOK)
	says(t, page, "These rules name no image that is there now.", "<li>plans</li>", "Put in force")
	if strings.Contains(page, "<li>maps</li>") {
		t.Error("a rule that names images is among them")
	}
	var plain struct{ Unmatched *unmatchedJSON }
	if b.call(http.MethodGet, "/rules", nil, &plain); plain.Unmatched != nil {
		t.Error("told without being asked")
	}
}

// Of a library too large to look through, what rules begin with decides, and what cannot
// be known is not said.
func TestRulesWithoutImagesOfMany(t *testing.T) {
	ids := []string{"zoo/lion.jp2"}
	for i := range 12_000 {
		ids = append(ids, fmt.Sprintf("sheets/%05d.jp2", i))
	}
	looks := 0
	list := library(ids...)
	s := newStage(t, func(c *coordinator.Config) {
		c.Images = func(ctx context.Context, q tile.Query) (tile.Listing, error) {
			looks++
			return list(ctx, q)
		}
	})
	b := s.admin()
	if got := b.putRules("zoo/*", "sheets/00001", "zebras/**", "**/lion", "sheets/*-verso"); got.names() != "zebras/**" || got.Unknown != 1 {
		t.Errorf("%+v", got)
	}
	patterns := make([]string, 300)
	for i := range patterns {
		patterns[i] = fmt.Sprintf("zoo-%d/**", i)
	}
	looks = 0
	if got := b.putRules(patterns...); len(got.Items)+got.Unknown != 300 || got.Unknown == 0 || looks > 50 {
		t.Errorf("%d of 300 told, %d unknown, in %d looks", len(got.Items), got.Unknown, looks)
	}
	says(t, b.want(b.get("/auth/admin/rules"), http.StatusOK), "it is not known whether they name any image")
}

func TestRulesWithoutWorkers(t *testing.T) {
	s := newStage(t, func(c *coordinator.Config) {
		c.Images = func(context.Context, tile.Query) (tile.Listing, error) { return tile.Listing{}, errors.New("nobody") }
	})
	b := s.admin()
	if got := b.putRules("a", "b/**"); len(got.Items) != 0 || got.Unknown != 2 {
		t.Errorf("%+v", got)
	}
}
