// Package storetest is the conformance suite of store.Source.
package storetest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// Stage is an empty source under test and the hand that changes what it holds.
type Stage struct {
	Source store.Source
	Put    func(t testing.TB, key, body string) // creates or replaces
	Delete func(t testing.TB, key string)
}

func (s Stage) put(t testing.TB, keys ...string) {
	t.Helper()
	for _, key := range keys {
		s.Put(t, key, "body of "+key)
	}
}

// TestSource checks the contract of store.Source against sources that open makes.
func TestSource(t *testing.T, open func(t *testing.T) Stage) {
	for name, test := range map[string]func(*testing.T, Stage){
		"find":      testFind,
		"refuse":    testRefuse,
		"ambiguous": testAmbiguous,
		"version":   testVersion,
		"open":      testOpen,
		"list":      testList,
		"pages":     testPages,
		"names":     testNames,
		"read":      testRead,
		"cancelled": testCancelled,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func testFind(t *testing.T, s Stage) {
	s.put(t, "maps/1890/sheet-04.jp2", "LOUD.TIF", "plain.png", "Case.jp2", "dotted.v2.jp2", "dotted.jp2.tif", "Größe/日本 1.jpg", "notes.txt", "mixed.Jp2")
	for id, key := range map[string]string{
		"maps/1890/sheet-04":     "maps/1890/sheet-04.jp2",
		"maps/1890/sheet-04.jp2": "maps/1890/sheet-04.jp2",
		"LOUD":                   "LOUD.TIF",
		"LOUD.TIF":               "LOUD.TIF",
		"plain":                  "plain.png",
		"dotted.v2":              "dotted.v2.jp2",
		"dotted.jp2.tif":         "dotted.jp2.tif",
		"Größe/日本 1":             "Größe/日本 1.jpg",
		"mixed.Jp2":              "mixed.Jp2",
	} {
		o, err := s.Source.Find(t.Context(), id)
		if err != nil || o.Key != key {
			t.Errorf("Find(%q) = %+v, %v; want key %q", id, o, err, key)
			continue
		}
		if want := int64(len("body of " + key)); o.Size != want || o.Version == "" {
			t.Errorf("Find(%q) = %+v; want size %d and a version", id, o, want)
		}
	}
	// An extension stands for that very object: rules see "dotted.jp2" as "dotted",
	// but dotted.jp2.tif as "dotted.jp2".
	for _, id := range []string{
		"maps", "maps/1890", "maps/1890/sheet-0", "sheet-04", "maps/1890/sheet-04.tif", "case", "CASE.jp2", "Case.JP2",
		"loud", "plain.PNG", "dotted", "dotted.jp2", "notes", "notes.txt", "mixed", "plain.png/x", "plain.png.png", "",
	} {
		wantCode(t, s, id, tile.NotFound)
	}
}

func testRefuse(t *testing.T, s Stage) {
	s.put(t, "a/b.jp2", ".hidden.jp2", ".git/c.jp2", "a/.d.jp2")
	for _, id := range []string{
		"a/b\x00", "a/b.jp2\x00", "../a/b", "a/../a/b", "a/..", "..", ".", "./a/b", "a/./b", "/a/b", "/a/b.jp2", "//a/b", "a//b", "a/b/",
		`a\b`, `..\a\b`, "a/\xff", "\xc0\xaea/b", "\xc0\xae\xc0\xae/a/b", ".hidden", ".hidden.jp2", ".git/c", ".git/c.jp2", "a/.d", "a/.d.jp2",
		strings.Repeat("x", store.MaxKey+1), strings.Repeat("x", 300), strings.Repeat("x/", 500) + "x", "a/b.jp2 ", "%2e%2e/a/b", "a%2fb",
	} {
		wantCode(t, s, id, tile.NotFound)
		if _, _, err := s.Source.Read(t.Context(), id, 1000); tile.CodeOf(err) != tile.NotFound {
			t.Errorf("Read(%q) = %v; want %s", id, err, tile.NotFound)
		}
	}
}

func testAmbiguous(t *testing.T, s Stage) {
	s.put(t, "x/map.jp2", "x/map.tif", "x/other.jp2")
	wantCode(t, s, "x/map", tile.NotFound)
	for _, id := range []string{"x/map.jp2", "x/map.tif", "x/other"} {
		if _, err := s.Source.Find(t.Context(), id); err != nil {
			t.Errorf("Find(%q) = %v", id, err)
		}
	}
	wantList(t, s, tile.Query{}, "x/map.jp2", "x/map.tif", "x/other")
	s.Delete(t, "x/map.tif")
	wantList(t, s, tile.Query{}, "x/map", "x/other")
}

func testVersion(t *testing.T, s Stage) {
	s.Put(t, "a.jp2", "one")
	first := find(t, s, "a")
	if again := find(t, s, "a.jp2"); again != first {
		t.Errorf("same object: %+v, then %+v", first, again)
	}
	s.Put(t, "a.jp2", "two")
	if second := find(t, s, "a"); second.Version == first.Version {
		t.Errorf("replaced object kept its version %q", first.Version)
	}
}

func testOpen(t *testing.T, s Stage) {
	s.Put(t, "a.jp2", "one")
	old := find(t, s, "a")
	if got := body(t, s, old); got != "one" {
		t.Errorf("opened %q; want %q", got, "one")
	}
	s.Put(t, "a.jp2", "two")
	if _, err := s.Source.Open(t.Context(), old); tile.CodeOf(err) != tile.Changed {
		t.Errorf("Open of a replaced version: %v; want %s", err, tile.Changed)
	}
	now := find(t, s, "a")
	if got := body(t, s, now); got != "two" {
		t.Errorf("opened %q; want %q", got, "two")
	}
	s.Delete(t, "a.jp2")
	if _, err := s.Source.Open(t.Context(), now); tile.CodeOf(err) != tile.Changed {
		t.Errorf("Open of a deleted version: %v; want %s", err, tile.Changed)
	}
	wantCode(t, s, "a", tile.NotFound)
}

func testList(t *testing.T, s Stage) {
	s.put(t, "a-b.jp2", "a.jp2", "a/1.jp2", "a/2/x.tif", "a/2.png", "a!.jp2", "maps/18.jp2", "maps/1890/b.jp2", "maps/1890/a.jp2", "maps/19.jp2",
		".hidden.jp2", ".git/a.jp2", "maps/.x.jp2", "maps/readme.txt", "maps/y.json", "B.jp2")
	all := []string{"B", "a", "a/1", "a/2", "a/2/x", "a!", "a-b", "maps/18", "maps/1890/a", "maps/1890/b", "maps/19"}
	wantList(t, s, tile.Query{}, all...)
	wantList(t, s, tile.Query{Prefix: "maps/18"}, "maps/18", "maps/1890/a", "maps/1890/b")
	wantList(t, s, tile.Query{Prefix: "maps/1890/"}, "maps/1890/a", "maps/1890/b")
	wantList(t, s, tile.Query{Prefix: "a"}, "a", "a/1", "a/2", "a/2/x", "a!", "a-b")
	wantList(t, s, tile.Query{Prefix: "a/"}, "a/1", "a/2", "a/2/x")
	wantList(t, s, tile.Query{Prefix: "a.jp2"})
	wantList(t, s, tile.Query{Prefix: "maps/1890/", After: "maps/18"}, "maps/1890/a", "maps/1890/b")
	wantList(t, s, tile.Query{Prefix: "maps/1890/", After: "maps/19"})
	wantList(t, s, tile.Query{Prefix: "maps/1890/", After: "maps/1890/a"}, "maps/1890/b")
	wantList(t, s, tile.Query{After: "not/there"})
	for _, prefix := range []string{"none", "none/", "/", "/a", "..", "../", "../a", ".", ".git/", ".h", "a//", `a\`, "a/../a", "a\x00/", "maps/18.jp2/"} {
		wantList(t, s, tile.Query{Prefix: prefix})
	}
	page, err := s.Source.List(t.Context(), tile.Query{Prefix: "a/2/"})
	want := tile.Entry{ID: "a/2/x", Format: tile.TIFF, Bytes: int64(len("body of a/2/x.tif"))}
	if err != nil || len(page.Items) != 1 || page.Items[0] != want {
		t.Errorf("entry %+v, %v; want %+v", page.Items, err, want)
	}
	// Every place to continue from gives the rest, whether or not it is there.
	for i, id := range all {
		wantList(t, s, tile.Query{After: id}, all[i+1:]...)
	}
	wantList(t, s, tile.Query{After: "a/11"}, all[3:]...)
	wantList(t, s, tile.Query{After: "maps"}, all[7:]...)
}

func testPages(t *testing.T, s Stage) {
	var all []string
	for _, folder := range []string{"", "f/", "f/g/", "h/"} {
		for _, name := range []string{"0", "1", "2", "3", "4", "5", "6"} {
			s.put(t, folder+name+".jp2")
			all = append(all, folder+name)
		}
	}
	// Folder f comes after files 0…6, and f/g after f/0…6.
	for _, limit := range []int{1, 3, 7, 27, 28, 29, 100000} {
		if got := pages(t, s, limit); !slices.Equal(got, all) {
			t.Errorf("pages of %d: %q; want %q", limit, got, all)
		}
	}
	for _, limit := range []int{0, -1} {
		wantList(t, s, tile.Query{Limit: limit}, all...)
	}
}

// pages reads everything page by page, and checks the bound of each.
func pages(t *testing.T, s Stage, limit int) []string {
	t.Helper()
	var got []string
	for q := (tile.Query{Limit: limit}); ; {
		page, err := s.Source.List(t.Context(), q)
		if err != nil || len(page.Items) > limit {
			t.Fatalf("page of %d: %d items, %v", limit, len(page.Items), err)
		}
		for _, e := range page.Items {
			got = append(got, e.ID)
		}
		if page.Next == "" {
			return got
		}
		if page.Next != page.Items[len(page.Items)-1].ID || page.Next <= q.After && !strings.Contains(page.Next, "/") {
			t.Fatalf("page ends at %q, but the next is after %q", page.Items[len(page.Items)-1].ID, page.Next)
		}
		q.After = page.Next
	}
}

// testNames: whatever is listed can be found, and is found as that object.
func testNames(t *testing.T, s Stage) {
	s.put(t, "a.jp2", "a.jp2.tif", "b.jp2.tif", "b.v2.jp2", "c.Jp2", "d.JP2", "e.Tif", "e.tif", "f.jp2", "f.JPX", "sp ace.png", "q?#%41.png", "jp2.jp2", "t.jp2/u.webp")
	wantList(t, s, tile.Query{}, "a", "a.jp2.tif", "b.jp2.tif", "b.v2", "c.Jp2", "d", "e", "e.Tif", "f.JPX", "f.jp2", "jp2", "q?#%41", "sp ace", "t.jp2/u")
	page, err := s.Source.List(t.Context(), tile.Query{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, e := range page.Items {
		o := find(t, s, e.ID)
		if other, ok := seen[o.Key]; ok {
			t.Errorf("%q and %q are both %q", other, e.ID, o.Key)
		}
		seen[o.Key] = e.ID
		if tile.RuleName(e.ID) != tile.RuleName(o.Key) {
			t.Errorf("rules see %q for %q, which is %q", tile.RuleName(e.ID), e.ID, o.Key)
		}
	}
}

func testRead(t *testing.T, s Stage) {
	s.Put(t, "m/book.json", `{"id":1}`)
	got, version, err := s.Source.Read(t.Context(), "m/book.json", 8)
	if err != nil || string(got) != `{"id":1}` || version == "" {
		t.Fatalf("Read = %q, %q, %v", got, version, err)
	}
	if _, _, err := s.Source.Read(t.Context(), "m/book.json", 7); tile.CodeOf(err) != tile.Broken {
		t.Errorf("Read of 8 bytes, at most 7: %v; want %s", err, tile.Broken)
	}
	for _, key := range []string{"m/book", "m", "m/", "book.json", "M/book.json"} {
		if _, _, err := s.Source.Read(t.Context(), key, 100); tile.CodeOf(err) != tile.NotFound {
			t.Errorf("Read(%q): %v; want %s", key, err, tile.NotFound)
		}
	}
	s.Put(t, "m/book.json", `{"id":2}`)
	if _, next, err := s.Source.Read(t.Context(), "m/book.json", 8); err != nil || next == version {
		t.Errorf("replaced document has version %q, %v; was %q", next, err, version)
	}
}

func testCancelled(t *testing.T, s Stage) {
	s.put(t, "a.jp2", "m.json")
	o := find(t, s, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, findErr := s.Source.Find(ctx, "a")
	_, openErr := s.Source.Open(ctx, o)
	_, listErr := s.Source.List(ctx, tile.Query{})
	_, _, readErr := s.Source.Read(ctx, "m.json", 100)
	for name, err := range map[string]error{"Find": findErr, "Open": openErr, "List": listErr, "Read": readErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s after cancel: %v", name, err)
		}
	}
}

func find(t testing.TB, s Stage, id string) store.Object {
	t.Helper()
	o, err := s.Source.Find(t.Context(), id)
	if err != nil {
		t.Fatalf("Find(%q) = %v", id, err)
	}
	return o
}

func body(t testing.TB, s Stage, o store.Object) string {
	t.Helper()
	f, err := s.Source.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open(%+v) = %v", o, err)
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, o.Size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		t.Fatal(err)
	}
	if !f.Same() {
		t.Errorf("%+v was not the same throughout", o)
	}
	local, err := f.Local()
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := io.ReadAll(local); err != nil || string(whole) != string(b) {
		t.Errorf("local copy %q, %v; want %q", whole, err, b)
	}
	wantFetched(t, f, b)
	return string(b)
}

// wantFetched reads the outer parts of a blob as ranges.
func wantFetched(t testing.TB, f store.Blob, whole []byte) {
	t.Helper()
	half := int64(len(whole) / 2)
	ranges := []store.Range{{Offset: 0, Length: 1}, {Offset: half, Length: int64(len(whole)) - half}}
	r, err := f.Fetch(ranges)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range ranges {
		got := make([]byte, g.Length)
		if n, err := r.ReadAt(got, g.Offset); n < len(got) || string(got) != string(whole[g.Offset:g.Offset+g.Length]) {
			t.Errorf("range %+v: %q, %v", g, got, err)
		}
	}
}

func wantCode(t testing.TB, s Stage, id string, code tile.Code) {
	t.Helper()
	if o, err := s.Source.Find(t.Context(), id); tile.CodeOf(err) != code {
		t.Errorf("Find(%q) = %+v, %v; want %s", id, o, err, code)
	}
}

func wantList(t testing.TB, s Stage, q tile.Query, want ...string) {
	t.Helper()
	page, err := s.Source.List(t.Context(), q)
	got := []string{}
	for _, e := range page.Items {
		got = append(got, e.ID)
	}
	if err != nil || !slices.Equal(got, want) || page.Next != "" {
		t.Errorf("List(%+v) = %q, next %q, %v; want %q", q, got, page.Next, err, want)
	}
}
