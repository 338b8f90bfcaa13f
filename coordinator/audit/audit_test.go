package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tessera-iiif/tessera/coordinator/audit"
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 123456789, time.UTC)

// chain makes n entries; change sees each event before it is put on record.
func chain(t *testing.T, n int) []audit.Entry {
	t.Helper()
	ctx := audit.WithOrigin(t.Context(), audit.Origin{Addr: netip.MustParseAddr("::ffff:192.0.2.7"), RequestID: "r"})
	var entries []audit.Entry
	var head audit.Head
	for i := range n {
		e, err := head.Next(ctx, start.Add(time.Duration(i)*time.Second), audit.Event{
			Name: audit.UserUpdated, Actor: "a", Target: "user:<b>&\u2028", Details: map[string]any{"n": i, "ü": "<&>"},
		})
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
		head = e.Head()
	}
	return entries
}

func verify(entries []audit.Entry, head audit.Head) error {
	var v audit.Verifier
	for _, e := range entries {
		if err := v.Add(e); err != nil {
			return err
		}
	}
	return v.End(head)
}

func TestEntry(t *testing.T) {
	e := chain(t, 1)[0]
	if e.Seq != 1 || e.Addr != "192.0.2.7" || e.RequestID != "r" || e.Prev != (audit.Hash{}) || e.At.Nanosecond() != 123000000 {
		t.Errorf("%+v", e)
	}
	own, err := audit.Head{}.Next(context.Background(), start, audit.Event{Name: "x", Addr: "10.0.0.1"})
	if err != nil || own.Addr != "10.0.0.1" || string(own.Details) != "{}" {
		t.Errorf("%+v, %v", own, err)
	}
}

// What is too long or no text does not fail what it tells of, and comes back as hashed.
func TestOddEvents(t *testing.T) {
	e, err := audit.Head{}.Next(t.Context(), start, audit.Event{
		Name: "x", Target: "a\x00\xff" + strings.Repeat("ü", 2000), Details: map[string]any{"long": strings.Repeat("x", 1<<20)},
	})
	if err != nil || len(e.Target) > 1024 || strings.Contains(e.Target, "\x00") || !utf8.ValidString(e.Target) || len(e.Details) > 200 {
		t.Errorf("%v, %d bytes of %s", err, len(e.Target), e.Details)
	}
	said := `{"long":"` + strings.Repeat("x", 1<<20) + `"}`
	if !strings.Contains(string(e.Details), audit.DigestOf([]byte(said)).String()) {
		t.Errorf("R64 nobody could prove what was said: %s", e.Details)
	}
	if err := verify([]audit.Entry{e}, e.Head()); err != nil {
		t.Error(err)
	}
	if _, err := (audit.Head{}).Next(t.Context(), start, audit.Event{Name: "x", Details: func() {}}); err == nil {
		t.Error("what cannot be written was put on record")
	}
}

// R64: whatever is done to a chain, the verifier names where.
func TestTampering(t *testing.T) {
	type chainOf = []audit.Entry
	other := func(t *testing.T) audit.Entry {
		e, err := audit.Head{Seq: 6, Hash: audit.Hash{1}}.Next(t.Context(), start, audit.Event{Name: "forged"})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for name, test := range map[string]struct {
		do    func(t *testing.T, c chainOf) chainOf
		names int64 // 0: it is whole
	}{
		"nothing":         {func(_ *testing.T, c chainOf) chainOf { return c }, 0},
		"actor":           {func(_ *testing.T, c chainOf) chainOf { c[6].Actor = "b"; return c }, 7},
		"target":          {func(_ *testing.T, c chainOf) chainOf { c[6].Target += " "; return c }, 7},
		"event":           {func(_ *testing.T, c chainOf) chainOf { c[6].Name = "x"; return c }, 7},
		"address":         {func(_ *testing.T, c chainOf) chainOf { c[6].Addr = ""; return c }, 7},
		"request":         {func(_ *testing.T, c chainOf) chainOf { c[6].RequestID = ""; return c }, 7},
		"instant":         {func(_ *testing.T, c chainOf) chainOf { c[6].At = c[6].At.Add(time.Millisecond); return c }, 7},
		"details":         {func(_ *testing.T, c chainOf) chainOf { c[6].Details = json.RawMessage(`{"n":7}`); return c }, 7},
		"no JSON":         {func(_ *testing.T, c chainOf) chainOf { c[6].Details = json.RawMessage(`{`); return c }, 7},
		"hash":            {func(_ *testing.T, c chainOf) chainOf { c[6].Hash[0]++; return c }, 7},
		"number":          {func(_ *testing.T, c chainOf) chainOf { c[6].Seq = 8; return c }, 7},
		"removed":         {func(_ *testing.T, c chainOf) chainOf { return append(c[:6:6], c[7:]...) }, 7},
		"twice":           {func(_ *testing.T, c chainOf) chainOf { return append(c[:7:7], c[6:]...) }, 7},
		"replaced":        {func(t *testing.T, c chainOf) chainOf { c[6] = other(t); return c }, 7},
		"end is gone":     {func(_ *testing.T, c chainOf) chainOf { return c[:6] }, 7},
		"beginning gone":  {func(_ *testing.T, c chainOf) chainOf { return c[7:] }, 7},
		"everything gone": {func(_ *testing.T, c chainOf) chainOf { return c[:0] }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			whole := chain(t, 20)
			head := whole[19].Head()
			err := verify(test.do(t, whole), head)
			var broken *audit.Broken
			if errors.As(err, &broken); (broken == nil) != (test.names == 0) || broken != nil && broken.Seq != test.names {
				t.Errorf("R64: %v, want entry %d", err, test.names)
			}
		})
	}
}

// An entry replaced together with its hash is found by the one behind it.
func TestReplacedWithItsHash(t *testing.T) {
	whole := chain(t, 20)
	forged, err := audit.Head{Seq: 6, Hash: whole[5].Hash}.Next(t.Context(), start, audit.Event{Name: "forged"})
	if err != nil {
		t.Fatal(err)
	}
	head := whole[19].Head()
	whole[6] = forged
	var broken *audit.Broken
	if err := verify(whole, head); !errors.As(err, &broken) || broken.Seq != 8 || !strings.Contains(err.Error(), "entry 7") {
		t.Errorf("R64: %v", err)
	}
	// And one at the end by whoever kept the head.
	forged.Seq, whole = 7, append(chain(t, 6), forged)
	if err := verify(whole, chain(t, 7)[6].Head()); !errors.As(err, &broken) || broken.Seq != 7 {
		t.Errorf("R64: %v", err)
	}
}

// Retention leaves a word that vouches for where the chain begins.
func TestCheckpoint(t *testing.T) {
	whole := chain(t, 10)
	for _, removed := range []audit.Removed{
		{Through: 4, Hash: whole[3].Hash, Entries: 4},
		{Through: 4, Hash: whole[2].Hash, Entries: 4}, // of another chain
		{Through: 3, Hash: whole[2].Hash, Entries: 3},
	} {
		point, err := whole[9].Head().Next(t.Context(), start, audit.Event{Name: audit.Checkpoint, Actor: audit.System, Details: removed})
		if err != nil {
			t.Fatal(err)
		}
		err = verify(append(whole[4:10:10], point), point.Head())
		if sound := removed.Through == 4 && removed.Hash == whole[3].Hash; sound != (err == nil) {
			t.Errorf("R64: %+v: %v", removed, err)
		}
	}
}

// An export is as good as the record.
func TestLines(t *testing.T) {
	whole := chain(t, 5)
	var again []audit.Entry
	for _, e := range whole {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var read audit.Entry
		if err := json.Unmarshal(line, &read); err != nil {
			t.Fatal(err)
		}
		again = append(again, read)
	}
	if err := verify(again, whole[4].Head()); err != nil {
		t.Error(err)
	}
}

// Whatever a line says, it is refused, or is what it says.
func FuzzLine(f *testing.F) {
	e, err := audit.Head{}.Next(context.Background(), start, audit.Event{Name: "x"})
	if err != nil {
		f.Fatal(err)
	}
	line, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"seq":9,"event":"audit_checkpoint","details":{"through":8}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var read audit.Entry
		if json.Unmarshal(line, &read) != nil {
			return
		}
		var v audit.Verifier
		if v.Add(read) != nil {
			return
		}
		again, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		var twice audit.Entry
		if err := json.Unmarshal(again, &twice); err != nil || twice.Hash != read.Hash {
			t.Errorf("%s\n%s", line, again)
		}
		var w audit.Verifier
		if err := w.Add(twice); err != nil && !bytes.Equal(line, again) {
			t.Errorf("%v of\n%s", err, again)
		}
	})
}
