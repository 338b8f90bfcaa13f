package people_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

func (h *house) setItems(t *testing.T, items ...people.Item) int64 {
	t.Helper()
	changed, err := h.SetItems(t.Context(), people.Actor{UserID: "admin"}, items)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func setting(access authz.Access, groups ...string) *authz.Setting {
	return &authz.Setting{Access: access, Groups: groups}
}

// Of an image that is named twice, with its extension or without, the last counts.
func TestSetItems(t *testing.T) {
	h := newHouse(t)
	n := h.setItems(t, people.Item{Image: "maps/1.jp2", Setting: setting(authz.Open)}, people.Item{Image: "maps/1", Setting: setting(authz.Deny)},
		people.Item{Image: "maps/2", Setting: setting(authz.Groups, "staff")})
	if n != 2 {
		t.Errorf("%d changed", n)
	}
	for user, want := range map[string]authz.Outcome{"": authz.Forbidden} {
		e, err := h.ExplainAll(t.Context(), people.Question{User: user, Image: "maps/1.jp2"})
		if err != nil || e.Outcome != want || e.Rule != authz.ItemRule {
			t.Errorf("explained: %+v, %v", e, err)
		}
	}
	if d, err := h.Explain(t.Context(), "", "maps/3"); err != nil || d.Outcome != authz.NeedLogin || d.Rule != "" {
		t.Errorf("an image without: %+v, %v", d, err)
	}
	h.setItems(t, people.Item{Image: "maps/1"})
	var refused *people.Error
	if _, err := h.Item(t.Context(), "maps/1"); !errors.As(err, &refused) || refused.Kind != people.NotFound {
		t.Errorf("removed: %v", err)
	}
}

// R59: identifiers are explained as edges read them. An image's smaller one is open to everybody, by what
// decides about the whole; where there is none, its name is one like any other.
func TestExplainTier(t *testing.T) {
	h := newHouse(t)
	h.SlashSubstitute = "!"
	h.setItems(t, people.Item{Image: "maps/1", Setting: &authz.Setting{Access: authz.Deny, Tier: &authz.Tier{Scale: 8}}}, people.Item{Image: "maps/2", Setting: setting(authz.Deny)})
	for image, want := range map[string]struct {
		outcome authz.Outcome
		rule    string
		matches int
	}{
		"maps/1":             {authz.Forbidden, authz.ItemRule, 1},
		"maps!1":             {authz.Forbidden, authz.ItemRule, 1},
		"maps/1~reduced":     {authz.Allow, authz.ItemRule, 1},
		"maps!1~reduced":     {authz.Allow, authz.ItemRule, 1},
		"maps/1.jp2~reduced": {authz.Allow, authz.ItemRule, 1},
		"maps/2~reduced":     {authz.NeedLogin, "", 0},
	} {
		e, err := h.ExplainAll(t.Context(), people.Question{Image: image})
		if err != nil || e.Outcome != want.outcome || e.Rule != want.rule || len(e.Matches) != want.matches || e.Public != (want.outcome == authz.Allow) {
			t.Errorf("%s: %+v, %v", image, e, err)
		}
	}
}

// One that is unsound keeps all others out, and says which it is.
func TestUnsoundItems(t *testing.T) {
	h := newHouse(t)
	sound := people.Item{Image: "a", Setting: setting(authz.Open)}
	for name, bad := range map[string]people.Item{
		"no access":      {Image: "b", Setting: setting("")},
		"unknown access": {Image: "b", Setting: setting("secret")},
		"no groups":      {Image: "b", Setting: setting(authz.Groups)},
		"unknown terms":  {Image: "b", Setting: &authz.Setting{Access: authz.Open, Terms: "none"}},
		"no image":       {Image: "", Setting: setting(authz.Open)},
		"no text":        {Image: "\xff", Setting: setting(authz.Open)},
	} {
		_, err := h.SetItems(t.Context(), people.Actor{}, []people.Item{sound, bad})
		var refused *people.Error
		if !errors.As(err, &refused) || refused.Kind != people.Invalid || refused.Sentence(catalogue.Bundled().Default()) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := h.SetItems(t.Context(), people.Actor{}, make([]people.Item, people.MaxItems+1))
	if err == nil {
		t.Error("too many at a time were taken")
	}
	if items, err := h.ListItems(t.Context(), "", "", 10); err != nil || len(items) != 0 {
		t.Errorf("something was kept: %+v, %v", items, err)
	}
}

// What an edge that follows page by page ends with is what there is.
func TestEdgeFollowsItems(t *testing.T) {
	h := newHouse(t)
	const many = 7000 // more than a page
	for from := 0; from < many; from += people.MaxItems {
		var items []people.Item
		for i := from; i < min(from+people.MaxItems, many); i++ {
			items = append(items, people.Item{Image: fmt.Sprintf("box/%d", i), Setting: setting(authz.Groups, fmt.Sprint("g", i%7))})
		}
		h.setItems(t, items...)
	}
	h.setItems(t, people.Item{Image: "box/3"}, people.Item{Image: "box/4", Setting: setting(authz.Open)})
	held, pages, mark := map[string]string{}, 0, session.ItemMark{}
	for more := true; more; pages++ {
		page, err := h.Items(t.Context(), mark)
		if err != nil {
			t.Fatal(err)
		}
		for i, image := range page.Images {
			if page.Of[i] < 0 {
				delete(held, image)
				continue
			}
			held[image], err = page.Settings[page.Of[i]].Canonical()
			if err != nil {
				t.Fatal(err)
			}
		}
		mark, more = page.Next, page.More
	}
	if len(held) != many-1 || pages != 2 || held["box/4"] != `{"access":"open"}` || held["box/8"] != `{"access":"groups","groups":["g1"]}` {
		t.Errorf("%d images on %d pages; box/4 %s, box/8 %s", len(held), pages, held["box/4"], held["box/8"])
	}
	rights, err := h.Rights(t.Context(), 0)
	if err != nil || rights.Items != mark.Revision || rights.Items != rights.Revision {
		t.Errorf("rights tell of revision %d of %d, the last page ends with %d; %v", rights.Items, rights.Revision, mark.Revision, err)
	}
}

// A group that is renamed opens what it opened, and a name that opens something is taken.
func TestRenamedGroupOfItems(t *testing.T) {
	h := newHouse(t)
	u := h.reader(t)
	if err := h.SetMember(t.Context(), people.Actor{}, "staff", u.ID, true); err != nil {
		t.Fatal(err)
	}
	h.setItems(t, people.Item{Image: "a", Setting: setting(authz.Groups, "map-room", "staff")}, people.Item{Image: "b", Setting: setting(authz.Groups, "board")})
	if _, err := h.RenameGroup(t.Context(), people.Actor{}, "staff", "board"); err == nil {
		t.Error("renaming gave rights to what another name opens")
	}
	if _, err := h.RenameGroup(t.Context(), people.Actor{}, "staff", "everyone"); err != nil {
		t.Fatal(err)
	}
	if i, err := h.Item(t.Context(), "a"); err != nil || !slices.Equal(i.Setting.Groups, []string{"map-room", "everyone"}) {
		t.Errorf("%+v, %v", i.Setting, err)
	}
}

// R64, and a copy has them all.
func TestItemsOnRecordAndInCopies(t *testing.T) {
	h := newHouse(t)
	h.setItems(t, people.Item{Image: "a/ü", Setting: setting(authz.Deny)}, people.Item{Image: "b", Setting: setting(authz.Open)})
	h.setItems(t, people.Item{Image: "b"})
	var copied bytes.Buffer
	if _, err := h.Backup(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"item":{"image":"a/ü","setting":{"access":"deny"}}`, `"b":{"access":"open"}`, `"b":null`, `"items":1`} {
		if !strings.Contains(copied.String(), want) {
			t.Errorf("the copy lacks %s: %s", want, &copied)
		}
	}
	other := newHouse(t)
	if _, err := other.Restore(t.Context(), bytes.NewReader(copied.Bytes())); err != nil {
		t.Fatal(err)
	}
	if items, err := other.ListItems(t.Context(), "", "", 10); err != nil || len(items) != 1 || items[0].Image != "a/ü" {
		t.Errorf("restored: %+v, %v", items, err)
	}
	short := strings.Replace(copied.String(), `"items":1`, `"items":2`, 1)
	if _, err := newHouse(t).Restore(t.Context(), strings.NewReader(short)); err == nil {
		t.Error("a copy that lacks an image was taken")
	}
}
