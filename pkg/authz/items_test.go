package authz_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

func itemsOf(t testing.TB, all map[string]authz.Setting) *authz.Items {
	t.Helper()
	items := authz.NewItems()
	for image, s := range all {
		if err := items.Set(image, s); err != nil {
			t.Fatal(err)
		}
	}
	return items
}

// An image's own setting comes before the rules, in its time; without one the rules decide.
func TestItemsComeFirst(t *testing.T) {
	embargo := now.Add(time.Hour)
	base := compile(t, authz.Login, authz.Rule{Name: "maps", Images: []string{"maps/**"}, Access: authz.Open})
	p := base.With(itemsOf(t, map[string]authz.Setting{
		"maps/closed":   {Access: authz.Deny},
		"maps/hidden":   {Access: authz.Hidden},
		"maps/staff":    {Access: authz.Groups, Groups: []string{"staff"}},
		"maps/embargo":  {Access: authz.Deny, Until: embargo},
		"maps/later":    {Access: authz.Deny, From: embargo},
		"maps/over":     {Access: authz.Deny, Until: now},
		"elsewhere/own": {Access: authz.Open},
	}))
	for _, row := range []struct {
		image   string
		at      time.Time
		who     authz.Principal
		outcome authz.Outcome
		rule    string
		changes time.Time
	}{
		{"maps/closed", now, staff, authz.Forbidden, authz.ItemRule, time.Time{}},
		{"maps/hidden", now, staff, authz.NotFound, authz.ItemRule, time.Time{}},
		{"maps/staff", now, staff, authz.Allow, authz.ItemRule, time.Time{}},
		{"maps/staff", now, authz.Principal{}, authz.NeedLogin, authz.ItemRule, time.Time{}},
		{"maps/embargo", now, staff, authz.Forbidden, authz.ItemRule, embargo},
		{"maps/embargo", embargo, authz.Principal{}, authz.Allow, "maps", time.Time{}},
		{"maps/later", now, authz.Principal{}, authz.Allow, "maps", embargo},
		{"maps/later", embargo, staff, authz.Forbidden, authz.ItemRule, time.Time{}},
		{"maps/over", now, authz.Principal{}, authz.Allow, "maps", time.Time{}},
		{"maps/other", now, authz.Principal{}, authz.Allow, "maps", time.Time{}},
		{"elsewhere/own", now, authz.Principal{}, authz.Allow, authz.ItemRule, time.Time{}},
		{"elsewhere/other", now, authz.Principal{}, authz.NeedLogin, "", time.Time{}},
	} {
		d := p.Decide(row.who, row.image, row.at)
		if d.Outcome != row.outcome || d.Rule != row.rule || !d.Changes.Equal(row.changes) {
			t.Errorf("%s at %s: %v by %q until %s, want %v by %q until %s", row.image, row.at, d.Outcome, d.Rule, d.Changes, row.outcome, row.rule, row.changes)
		}
	}
	if d := base.Decide(authz.Principal{}, "maps/closed", now); d.Outcome != authz.Allow {
		t.Errorf("the policy without items was changed: %+v", d)
	}
}

// A setting that names something that was taken away closes its image: it never opens one.
func TestItemsWithoutTheirDefinitions(t *testing.T) {
	terms := authz.Definitions{Terms: []authz.Terms{{Name: "reading", Version: "1", Title: authz.Text{"en": "Reading"}, Text: authz.Text{"en": "Be kind."}}}}
	with, err := authz.Document{Definitions: terms}.Compile(authz.Open)
	if err != nil {
		t.Fatal(err)
	}
	without := compile(t, authz.Open)
	setting := authz.Setting{Access: authz.Open, Terms: "reading"}
	if err := with.CheckSetting(setting); err != nil {
		t.Error(err)
	}
	if err := without.CheckSetting(setting); err == nil || !strings.Contains(err.Error(), "no terms") {
		t.Errorf("terms that are not there: %v", err)
	}
	items := itemsOf(t, map[string]authz.Setting{"a": setting})
	for range 2 { // each policy has its own definitions, whichever was asked last
		if d := with.With(items).Decide(authz.Principal{}, "a", now); d.Outcome != authz.NeedTerms {
			t.Errorf("with the terms: %+v", d)
		}
		if d := without.With(items).Decide(staff, "a", now); d.Outcome != authz.Forbidden || d.Public {
			t.Errorf("without: %+v", d)
		}
	}
}

func TestCheckSetting(t *testing.T) {
	p := compile(t, authz.Login)
	for _, row := range []struct {
		setting authz.Setting
		problem string
	}{
		{authz.Setting{}, "no access"},
		{authz.Setting{Access: "secret"}, "unknown"},
		{authz.Setting{Access: authz.Groups}, "add a group"},
		{authz.Setting{Access: authz.Open, Networks: []string{"192.0.2.0/24"}}, "pays no attention"},
		{authz.Setting{Access: authz.Networks, Networks: []string{"nowhere"}}, "no network of that name"},
		{authz.Setting{Access: authz.Deny, From: now, Until: now}, "ends before it begins"},
		{authz.Setting{Access: authz.Deny, Tier: &authz.Tier{}}, "no bound"},
		{authz.Setting{Access: authz.Deny, Tier: &authz.Tier{Scale: 8}}, ""},
		{authz.Setting{Access: authz.Hook, Tier: &authz.Tier{Scale: 8}}, "would tell of those that the other system hides"},
	} {
		err := p.CheckSetting(row.setting)
		if (err == nil) != (row.problem == "") || err != nil && !strings.Contains(err.Error(), row.problem) {
			t.Errorf("%+v: %v, want %q", row.setting, err, row.problem)
		}
	}
	for image, sound := range map[string]bool{"a/b": true, "": false, "\xff": false, strings.Repeat("a", authz.MaxItem+1): false} {
		if err := authz.CheckItem(image); (err == nil) != sound {
			t.Errorf("%.20q: %v", image, err)
		}
	}
}

// Settings that differ in spelling alone are one.
func TestCanonicalSetting(t *testing.T) {
	texts := map[string]bool{}
	for _, text := range []string{
		`{"access":"deny","until":"2030-01-01T01:00:00+01:00"}`,
		`{"until":"2030-01-01T00:00:00Z","access":"deny","groups":null}`,
	} {
		var s authz.Setting
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		canonical, err := s.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		texts[canonical] = true
	}
	if len(texts) != 1 {
		t.Errorf("they are %v", texts)
	}
}

// Items change while they are read.
func TestItemsConcurrently(t *testing.T) {
	items := authz.NewItems()
	p := compile(t, authz.Deny).With(items)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 500 {
				image := fmt.Sprintf("%d", n%10)
				if err := items.Set(image, authz.Setting{Access: authz.Groups, Groups: []string{fmt.Sprint(n % 3)}}); err != nil {
					t.Error(err)
				}
				p.Decide(staff, image, now)
				if i == 0 {
					items.Remove(image)
				}
			}
		})
	}
	all.Wait()
	for n := range 10 {
		items.Remove(fmt.Sprint(n))
	}
	if items.Len() != 0 {
		t.Errorf("%d are left", items.Len())
	}
	if d := p.Decide(staff, "1", now); d.Rule != "" {
		t.Errorf("after all were removed: %+v", d)
	}
}

func million(b *testing.B) *authz.Items {
	b.Helper()
	items := authz.NewItems()
	for i := range 1_000_000 {
		if err := items.Set(itemName(i), authz.Setting{Access: authz.Groups, Groups: []string{fmt.Sprint("group-", i%200)}}); err != nil {
			b.Fatal(err)
		}
	}
	return items
}

func itemName(i int) string {
	return fmt.Sprintf("collections/maps/1890/box-%03d/sheet-%07d", i%1000, i)
}

// BenchmarkDecideItems is one decision among a million items; bytes/item is what one takes
// in memory.
func BenchmarkDecideItems(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	items := million(b)
	runtime.GC()
	runtime.ReadMemStats(&after)
	p := compile(b, authz.Login).With(items)
	names := make([]string, 1024)
	for i := range names {
		names[i] = itemName(i * 976)
	}
	n := 0
	for b.Loop() {
		if d := p.Decide(staff, names[n%len(names)], now); d.Rule != authz.ItemRule {
			b.Fatalf("%+v", d)
		}
		n++
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "bytes/item")
	runtime.KeepAlive(items)
}
