package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2/corpus"
)

const (
	goodClients   = 50
	corpusClients = 4
)

// TestBadFilesAmongGoodTiles is R1: whatever bad files cost, in children or refusals, the
// server goes on as the process it was, and of the tiles of others not one fails.
func TestBadFilesAmongGoodTiles(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, images+"/good.jp2", gradient(1024, 768), "-t", "256,256", "-n", "4")
	ids := append(selfMade(t, images), copied(t, images)...)
	s := start(t, images, data, "--default-access", "open", "--max-area", "16000000")
	want := make(map[string][]byte)
	for _, path := range goodTiles() {
		a := s.get(path)
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, a.Status)
		}
		want[path] = a.body
	}

	work := make(chan string)
	var stop atomic.Bool
	var bad, good sync.WaitGroup
	var served, refused, tiles atomic.Int64
	for range corpusClients {
		bad.Go(func() {
			for id := range work {
				examine(s, id, &served, &refused)
			}
		})
	}
	for n := range goodClients {
		good.Go(func() {
			client, rng := stranger(), rand.New(rand.NewPCG(uint64(n), 1))
			for !stop.Load() && !t.Failed() {
				path := goodTiles()[rng.IntN(len(want))]
				a, err := s.try(client, http.MethodGet, path)
				if err != nil || a.StatusCode != http.StatusOK || !bytes.Equal(a.body, want[path]) {
					t.Errorf("a good tile: %v %v", err, a.Response)
				}
				tiles.Add(1)
			}
		})
	}
	for _, id := range ids {
		work <- id
	}
	close(work)
	bad.Wait()
	stop.Store(true)
	good.Wait()
	select {
	case <-s.exited:
		t.Fatalf("the server ended: %v\n%s", s.exitErr, s.stderr)
	default: // the process that was started: a server that died has not come back as another
	}
	t.Logf("%d files: %d answers served, %d refused, %v versions in quarantine; %d good tiles, none failed",
		len(ids), served.Load(), refused.Load(), s.metric("tessera_worker_quarantined"), tiles.Load())
	if tiles.Load() < goodClients || refused.Load() == 0 {
		t.Error("the load was none")
	}
}

// goodTiles are more than the pool decodes at once, so that both decoding and what was
// kept are met.
func goodTiles() []string {
	var all []string
	for y := range 6 {
		for x := range 8 {
			all = append(all, fmt.Sprintf("/iiif/3/good/%d,%d,128,128/128,128/0/default.png", x*128, y*128))
		}
	}
	return all
}

// selfMade writes files of several structures, each damaged in ways of its own.
func selfMade(t *testing.T, images string) (ids []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for n, options := range []string{"", "-t 128,128 -n 4 -PLT -TLM", "-r 20,5 -p LRCP -SOP -EPH", "-I -p RPCL -c [64,64] -b 16,16 -M 63"} {
		source := filepath.Join(t.TempDir(), "whole.jp2")
		writeJP2(t, source, gradient(400, 300), strings.Fields(options)...)
		whole, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 16 {
			damaged := bytes.Clone(whole)
			if i < 6 {
				damaged = damaged[:100+rng.IntN(len(whole)-100)]
			} else {
				for range 1 + rng.IntN(3) { // headers are small: half of the hits are there
					damaged[rng.IntN([]int{400, len(whole)}[i%2])] ^= byte(1 << rng.IntN(8))
				}
			}
			id := fmt.Sprintf("damaged-%d-%d", n, i)
			if err := os.WriteFile(filepath.Join(images, id+".jp2"), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
	}
	return ids
}

// copied copies the corpus that the environment names, if it names one.
func copied(t *testing.T, images string) (ids []string) {
	t.Helper()
	for i, file := range corpus.Files(t) {
		data, err := os.ReadFile(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("others-%d", i)
		if err := os.WriteFile(filepath.Join(images, id+strings.ToLower(filepath.Ext(file.Path))), data, 0o600); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// examine asks for what viewers ask for. Any answer will do but none at all.
func examine(s *server, id string, served, refused *atomic.Int64) {
	for _, path := range []string{"/info.json", "/full/!200,200/0/default.jpg", "/0,0,64,64/64,64/0/default.jpg"} {
		a, err := s.try(stranger(), http.MethodGet, "/iiif/3/"+id+path)
		switch {
		case err != nil:
			s.t.Errorf("%s%s: %v", id, path, err)
		case a.StatusCode == http.StatusOK:
			served.Add(1)
		case a.StatusCode >= 400 && len(a.body) > 0:
			refused.Add(1)
		default:
			s.t.Errorf("%s%s: %s", id, path, a.Status)
		}
	}
}

// TestDamaged is R7: a file cut short is refused, or, where the administrator wants it,
// drawn as far as it goes and kept nowhere.
func TestDamaged(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, filepath.Join(images, "cut.jp2"), gradient(400, 300), "-t", "128,128")
	whole, err := os.ReadFile(filepath.Join(images, "cut.jp2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(images, "cut.jp2"), whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	const path = "/iiif/3/cut/full/max/0/default.jpg"
	s := start(t, images, data, "--default-access", "open")
	if a := s.get(path); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("refusing: %s", a.Status)
	}
	s.stop()
	s = start(t, images, data, "--default-access", "open", "--damaged", "best-effort")
	for range 2 {
		a := s.get(path)
		if a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("ETag") != "" || a.Header.Get("X-Tessera-Cache") != "miss" {
			t.Errorf("best effort: %s %v", a.Status, a.Header)
		}
	}
}
