package s3

import (
	"slices"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// cost counts the requests that work makes.
func (p *place) cost(work func()) int64 {
	before := p.Stats().Requests
	work()
	return p.Stats().Requests - before
}

// What was found out holds for a while, also that there is nothing, and is asked
// anew after that or when somebody says so.
func TestFindingsHoldForAWhile(t *testing.T) {
	p := newPlace(t, func(c *Config) { c.Recheck = time.Minute })
	clock := time.Now()
	p.known.now = func() time.Time { return clock }
	p.put(t, "maps/a.jp2", "one")
	find := func(id string, want tile.Code) func() {
		return func() {
			_, err := p.Find(t.Context(), id)
			wantCode(t, err, want)
		}
	}
	for _, step := range []struct {
		name string
		work func()
		cost int64
	}{
		{"by name: a listing and a look", find("maps/a", ""), 2},
		{"again", find("maps/a", ""), 0},
		{"by key, which is known now", find("maps/a.jp2", ""), 0},
		{"missing", find("maps/b", tile.NotFound), 1},
		{"missing again", find("maps/b", tile.NotFound), 0},
		{"forgotten", func() { p.Forget("maps/a.jp2"); find("maps/a", "")() }, 2},
		{"created", func() { p.put(t, "maps/b.jp2", "two"); p.Forget("maps/b.jp2"); find("maps/b", "")() }, 2},
		{"nearly old", func() { clock = clock.Add(time.Minute - 1); find("maps/b", "")() }, 0},
		{"old", func() { clock = clock.Add(1); find("maps/b.jp2", "")() }, 1},
	} {
		if n := p.cost(step.work); n != step.cost {
			t.Errorf("%s: %d requests; want %d", step.name, n, step.cost)
		}
	}
}

// What was asked before something was forgotten is not learnt after it.
func TestForgettingIsNotUndone(t *testing.T) {
	m := newMemory(time.Hour)
	since := m.moment()
	m.forget("a.jp2")
	m.learn(since, "a", finding{none: errMissing})
	m.learnNames(since, "", []store.Name{{Name: "a.jp2"}})
	if _, ok := m.found("a"); ok {
		t.Error("an old finding was learnt")
	}
	if _, ok := m.listed(""); ok {
		t.Error("an old listing was learnt")
	}
}

// A replaced object is noticed by the first read, and then found as what it is,
// although findings hold for an hour.
func TestReplacedObjectsAreForgotten(t *testing.T) {
	p := newPlace(t)
	p.put(t, "a.jp2", "one")
	for name, read := range map[string]func(store.Blob) error{
		"small": func(b store.Blob) error { _, err := b.ReadAt(make([]byte, 1), 0); return err },
		"range": func(b store.Blob) error { _, err := b.Fetch([]store.Range{{Length: 1}}); return err },
		"whole": func(b store.Blob) error { _, err := b.Local(); return err },
	} {
		old, err := p.Find(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		p.put(t, "a.jp2", "replaced for "+name)
		b, err := p.Open(t.Context(), old)
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, read(b), tile.Changed)
		_ = b.Close()
		o, err := p.Find(t.Context(), "a")
		if err != nil || o.Version == old.Version || o.Size != int64(len("replaced for "+name)) {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
	b := p.reopen(t, "a.jp2")
	p.remove(t, "a.jp2")
	_, err := b.ReadAt(make([]byte, 1), 0)
	wantCode(t, err, tile.Changed)
	_, err = p.Find(t.Context(), "a")
	wantCode(t, err, tile.NotFound)
}

// Where a listing would go on for thousands of names, each spelling is asked for.
func TestProbingFindsWhatAListingWould(t *testing.T) {
	p := newPlace(t)
	for _, key := range []string{"a.jp2", "a.TIF", "a.Jp2", "a.0001.jp2", "b.jp2"} {
		p.put(t, key, "x")
	}
	for id, want := range map[string][]string{"a": {"a.TIF", "a.jp2"}, "b": {"b.jp2"}, "c": nil} {
		probed, err := p.probe(t.Context(), store.Spellings(id))
		listed, listErr := p.spellings(t.Context(), id)
		slices.Sort(listed)
		if err != nil || listErr != nil || !slices.Equal(probed, want) || !slices.Equal(listed, want) {
			t.Errorf("%s: %q, %v; listed %q, %v; want %q", id, probed, err, listed, listErr, want)
		}
	}
}

// A listing reads each folder once, whatever the pages.
func TestPagingReadsFoldersOnce(t *testing.T) {
	p := newPlace(t)
	for _, key := range []string{"a/1.jp2", "a/2.jp2", "b/1.jp2", "c.jp2"} {
		p.put(t, key, "x")
	}
	cost := p.cost(func() {
		for q := (tile.Query{Limit: 1}); ; {
			page, err := p.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	})
	if cost != 3 {
		t.Errorf("%d requests; want one for each folder", cost)
	}
}

func TestKeyKnowsItsOwn(t *testing.T) {
	s := &Source{where: Within("masters", "/maps/")}
	for _, c := range []struct {
		bucket, key, want string
	}{
		{"masters", "maps/a/b.jp2", "a/b.jp2"},
		{"other", "maps/a.jp2", ""},
		{"masters", "mapsa.jp2", ""},
		{"masters", "maps/", ""},
		{"masters", "maps/.hidden.jp2", ""},
		{"masters", "maps/../a.jp2", ""},
	} {
		if key, ok := s.Key(c.bucket, c.key); ok != (c.want != "") || ok && key != c.want {
			t.Errorf("%s in %s: %q, %v; want %q", c.key, c.bucket, key, ok, c.want)
		}
	}
}
