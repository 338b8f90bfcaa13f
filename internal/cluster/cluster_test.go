package cluster_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/internal/cluster"
)

func told(t *testing.T, s cluster.State) []byte {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := cluster.NewBoard(nil)
		edge := func(requests uint64) []byte {
			return told(t, cluster.State{Role: "edge", Name: "e", Edge: &cluster.Edge{Requests: requests}})
		}
		b.Hear("edge", "U1", edge(100))
		b.Hear("worker", "U1", told(t, cluster.State{Role: "worker", Name: "w", Worker: &cluster.Worker{Slots: 2}}))
		time.Sleep(2 * time.Second)
		b.Hear("edge", "U1", edge(150))
		m := b.Members()
		if len(m) != 2 || m[0].Name != "e" || m[0].Rate != 25 || m[1].Worker.Slots != 2 || m[0].Silent {
			t.Fatalf("%+v", m)
		}
		time.Sleep(2 * time.Second)
		b.Hear("edge", "U1", edge(10)) // it was started anew
		if m = b.Members(); m[0].Rate != 0 {
			t.Errorf("a restart counts as %v a second", m[0].Rate)
		}
		time.Sleep(5 * time.Second)
		if m = b.Members(); m[0].Silent || !m[1].Silent {
			t.Errorf("silent: %v, %v", m[0].Silent, m[1].Silent)
		}
		time.Sleep(11 * time.Minute)
		if m = b.Members(); len(m) != 0 {
			t.Errorf("remembered for ever: %+v", m)
		}
	})
}

// R56: whose clock is off is seen by what it tells; who tells no time is not blamed.
func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := cluster.NewBoard(nil)
		for name, ahead := range map[string]time.Duration{"a": 2 * time.Second, "b": 2*time.Second + 1, "c": -3 * time.Second} {
			b.Hear("edge", name, told(t, cluster.State{Role: "edge", Name: name, Now: time.Now().Add(ahead)}))
		}
		b.Hear("edge", "d", told(t, cluster.State{Role: "edge", Name: "d"}))
		for i, want := range []bool{false, true, true, false} {
			if m := b.Members()[i]; m.IsOff() != want {
				t.Errorf("%s is off by %v: %v", m.Name, m.Ahead, m.IsOff())
			}
		}
	})
}

// A part can speak for itself alone, and no number of them fills the memory.
func TestBoardIsBounded(t *testing.T) {
	b := cluster.NewBoard(nil)
	for name, data := range map[string][]byte{
		"other role": told(t, cluster.State{Role: "edge", Name: "e"}), "nameless": told(t, cluster.State{Role: "worker"}),
		"nothing": nil, "noise": []byte("\x00{"), "vast": append(told(t, cluster.State{Role: "worker", Name: "w"}), make([]byte, 1<<20)...),
	} {
		if b.Hear("worker", "U", data); len(b.Members()) != 0 {
			t.Errorf("%s is taken for a state", name)
		}
	}
	for i := range 5000 {
		b.Hear("worker", fmt.Sprint(i), told(t, cluster.State{Role: "worker", Name: "w"}))
	}
	if n := len(b.Members()); n != 4096 {
		t.Errorf("%d members", n)
	}
}

func TestPurge(t *testing.T) {
	for p, want := range map[cluster.Purge]bool{
		{}: false, {Image: "a"}: true, {Prefix: "a/"}: true, {All: true}: true, {Image: "a", All: true}: false, {Image: "a", Prefix: "b"}: false,
	} {
		if p.Valid() != want {
			t.Errorf("%+v is valid: %v", p, p.Valid())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"role":"worker","name":"w","worker":{"quarantined":["a"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := cluster.Parse("worker", data)
		if err == nil && (s.Role != "worker" || s.Name == "") {
			t.Errorf("accepted %+v", s)
		}
	})
}
