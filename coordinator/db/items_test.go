package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/db"
)

func setItems(t *testing.T, d *db.DB, items ...db.Item) int64 {
	t.Helper()
	return update(t, d, start, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.SetItems(ctx, items)
		return err
	})
}

func TestItems(t *testing.T) {
	d := fresh(t)
	const open, closed = `{"access":"open"}`, `{"access":"deny"}`
	first := setItems(t, d, db.Item{Image: "a", Setting: open}, db.Item{Image: "b", Setting: closed}, db.Item{Image: "c/ü", Setting: open})
	if again := setItems(t, d, db.Item{Image: "a", Setting: open}, db.Item{Image: "nobody"}); first == 0 || again != 0 {
		t.Errorf("revisions %d and, for nothing, %d", first, again)
	}
	second := setItems(t, d, db.Item{Image: "a", Setting: closed}, db.Item{Image: "b"})
	for image, want := range map[string]string{"a": closed, "c/ü": open} {
		if i, err := d.Item(t.Context(), image); err != nil || i.Setting != want {
			t.Errorf("%s: %+v, %v", image, i, err)
		}
	}
	if _, err := d.Item(t.Context(), "b"); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	// In order of revisions, page by page, with what was removed.
	var since []db.Item
	for after := (db.Item{}); ; {
		page, err := d.ItemsSince(t.Context(), after.Revision, after.Image, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		since, after = append(since, page...), page[0]
	}
	want := []db.Item{{"c/ü", open, first}, {"a", closed, second}, {"b", "", second}}
	if !slices.Equal(since, want) {
		t.Errorf("since the beginning %+v, want %+v", since, want)
	}
	if newest, err := d.ItemsRevision(t.Context()); err != nil || newest != second {
		t.Errorf("newest %d, %v; want %d", newest, err, second)
	}
	for prefix, n := range map[string]int{"": 2, "c/": 1, "c/ü": 1, "C": 0, "%": 0} {
		if page, err := d.Items(t.Context(), prefix, "", 10); err != nil || len(page) != n {
			t.Errorf("with prefix %q: %+v, %v", prefix, page, err)
		}
	}
	if page, err := d.Items(t.Context(), "", "a", 10); err != nil || len(page) != 1 || page[0].Image != "c/ü" {
		t.Errorf("after a: %+v, %v", page, err)
	}
}

// Settings that no image has any more make room, those just named among them or not.
func TestItemSettingsAreBounded(t *testing.T) {
	const most, batch = 200, 50
	db.LimitSettings(t, most)
	d := fresh(t)
	document := func(i int) string { return fmt.Sprintf(`{"access":"groups","groups":["g%d"]}`, i) }
	for from := 0; from < most; from += batch {
		var items []db.Item
		for i := range batch {
			items = append(items, db.Item{Image: fmt.Sprint("i", i), Setting: document(from + i)})
		}
		setItems(t, d, items...)
	}
	// As many as may be are on record, of which a quarter is used.
	setItems(t, d, db.Item{Image: "one more", Setting: document(0)}, db.Item{Image: "another", Setting: `{"access":"open"}`})
	for image, want := range map[string]string{"one more": document(0), "another": `{"access":"open"}`, "i7": document(most - batch + 7)} {
		if i, err := d.Item(t.Context(), image); err != nil || i.Setting != want {
			t.Errorf("%s: %+v, %v", image, i, err)
		}
	}
	var err error
	last := 0
	for from := 0; from < most && err == nil; from += batch {
		var items []db.Item
		for i := from; i < from+batch; i++ {
			items = append(items, db.Item{Image: fmt.Sprint("j", i), Setting: document(2*most + i)})
		}
		last = from
		_, err = d.Update(t.Context(), start, func(tx *db.Tx) error {
			_, err := tx.SetItems(t.Context(), items)
			return err
		})
	}
	if !errors.Is(err, db.ErrTooManySettings) {
		t.Errorf("too many: %v", err)
	}
	if _, err := d.Item(t.Context(), fmt.Sprint("j", last)); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("half of it was done: %v", err)
	}
}
