package packets

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

const (
	untold  = "-n 5"                    // nothing tells packet lengths: all of the file is walked
	chained = "-t 64,64 -n 3 -PLT"      // more than 64 tile-parts are followed
	headed  = "-t 64,64 -n 3 -PLT -TLM" // as many headers are read
)

// patience is for what must happen; never waited for when it does.
const patience = 30 * time.Second

// workers are engines that share a source, results and a bus.
type workers struct {
	folder  *folder
	object  store.Object
	engines []*Engine
	conns   []*bus.Conn
}

// team starts a worker for each time that its claims settle in.
func team(t *testing.T, data []byte, settle ...time.Duration) *workers {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	_, f, o := stageFile(t, data)
	results, err := store.OpenResults(t.TempDir(), 1<<24, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = results.Close() })
	server, err := bus.StartEmbedded(bus.Config{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w := &workers{folder: f, object: o}
	for _, wait := range settle {
		conn, err := server.Connect(bus.RoleWorker, "w")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		turns, err := bus.JoinTurns(conn, bus.TurnsConfig{Settle: wait, Beat: 50 * time.Millisecond, Silent: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(turns.Close)
		e := New(Config{Source: f, Remote: true, Results: []Results{results}, Turns: turns, Header: jp2.DefaultBudget(), Log: log})
		t.Cleanup(e.Close)
		w.conns, w.engines = append(w.conns, conn), append(w.engines, e)
	}
	return w
}

func textured(t *testing.T, arguments string) []byte {
	t.Helper()
	return decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(640, 400), strings.Fields(arguments)...))
}

// touch has engines asked for all of the image at the same time, and waits for the answers.
func (w *workers) touch(t *testing.T, want Reason, engines ...*Engine) {
	t.Helper()
	var touched sync.WaitGroup
	for _, e := range engines {
		touched.Go(func() {
			x, why, err := e.Index(t.Context(), w.object, jp2.Rect{X1: 640, Y1: 400}, 0)
			if why != want || err != nil || (x == nil) != (want != "") {
				t.Errorf("index %v, %q, %v; want %q", x != nil, why, err, want)
			}
		})
	}
	touched.Wait()
}

func (w *workers) counted() (s Stats) {
	for _, e := range w.engines {
		one := e.Stats()
		s.Builds, s.Loads, s.Refusals = s.Builds+one.Builds, s.Loads+one.Loads, s.Refusals+one.Refusals
	}
	return s
}

// TestOneForAll: an image that three workers touch for the first time at once is indexed by
// one of them, and the others have the index from there.
func TestOneForAll(t *testing.T) {
	for name, arguments := range map[string]string{"walked": untold, "chained": chained, "headers": headed} {
		t.Run(name, func(t *testing.T) {
			// So long that a busy machine has heard of all claims by then.
			w := team(t, textured(t, arguments), 2*time.Second, 2*time.Second, 2*time.Second)
			w.touch(t, "", w.engines...)
			for _, e := range w.engines {
				settled(t, e)
			}
			if s := w.counted(); s.Builds != 1 || s.Loads != 2 {
				t.Errorf("%d builds, %d loads", s.Builds, s.Loads)
			}
			if n := w.folder.wholes.Load(); arguments == untold && n != 1 {
				t.Errorf("%d times the whole file", n)
			}
		})
	}
}

// walks waits until the whole file was asked for n times.
func (w *workers) walks(t *testing.T, n int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); w.folder.wholes.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("walked %d times", w.folder.wholes.Load())
		}
	}
}

// TestTakenOver: where the worker that indexes an image dies or leaves, one of the others
// does it.
func TestTakenOver(t *testing.T) {
	for name, tc := range map[string]struct {
		ends   func(w *workers, hold chan struct{})
		builds uint64
	}{
		"dies": {func(w *workers, hold chan struct{}) {
			w.conns[0].Close()
			w.walks(t, 2)
			close(hold)
		}, 2}, // for itself it goes on
		"leaves": {func(w *workers, hold chan struct{}) {
			w.engines[0].end()
			close(hold)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := team(t, textured(t, untold), time.Millisecond, 2*time.Second, 2*time.Second)
			hold := make(chan struct{})
			w.folder.copy = hold
			var all sync.WaitGroup
			all.Go(func() { _, _, _ = w.engines[0].Index(t.Context(), w.object, corner, 0) })
			w.walks(t, 1)
			all.Go(func() { w.touch(t, "", w.engines[1:]...) })
			tc.ends(w, hold)
			all.Wait()
			if s := w.counted(); w.folder.wholes.Load() != 2 || s.Builds != tc.builds || s.Loads != 1 {
				t.Errorf("walked %d times, %+v", w.folder.wholes.Load(), s)
			}
		})
	}
}

// TestWithoutBus: workers that do not reach one another build each for itself, and wait for
// nobody.
func TestWithoutBus(t *testing.T) {
	w := team(t, textured(t, untold), time.Hour, time.Hour, time.Hour)
	for _, c := range w.conns {
		c.Close()
	}
	w.touch(t, "", w.engines...)
	if s := w.counted(); s.Builds+s.Loads != 3 || s.Builds == 0 {
		t.Errorf("%+v", s)
	}
}

// TestRefusedForAll: a refusal found by walking is told, too.
func TestRefusedForAll(t *testing.T) {
	data := textured(t, untold)
	for i := len(data) / 2; i < len(data)*3/4; i++ {
		data[i] = 0x7f
	}
	w := team(t, data, 2*time.Second, 2*time.Second, 2*time.Second)
	w.touch(t, Refused, w.engines...)
	if s := w.counted(); s.Refusals != 3 || w.folder.wholes.Load() != 1 {
		t.Errorf("walked %d times, %+v", w.folder.wholes.Load(), s)
	}
}

// passed is another worker's turn that ended as scripted.
type passed struct {
	words  []string
	claims int
}

func (p *passed) Claim(context.Context, string) (func(string), <-chan string) {
	over := make(chan string, 1)
	if p.claims++; p.claims > len(p.words) {
		return func(string) {}, nil
	}
	if word := p.words[p.claims-1]; word != "" {
		over <- word
	}
	close(over)
	return nil, over
}

// TestInVain: who has waited and finds nothing goes on by himself if others would, too, and
// claims anew if nobody is at it.
func TestInVain(t *testing.T) {
	for name, tc := range map[string]struct {
		words  []string
		claims int
	}{
		"nothing stored": {[]string{wordDone}, 1},
		"left":           {[]string{"", ""}, 3},
	} {
		turns := &passed{words: tc.words}
		e, _, o := stage(t, untold, far, func(c *Config) { c.Turns = turns })
		wantIndex(t, e, o, "")
		settled(t, e)
		if turns.claims != tc.claims || e.Stats().Builds != 1 {
			t.Errorf("%s: %d claims, %+v", name, turns.claims, e.Stats())
		}
	}
}

// TestNoTurn: what takes a read or two is never claimed, nor is a file at hand.
func TestNoTurn(t *testing.T) {
	for name, tc := range map[string]struct {
		arguments string
		remote    bool
	}{"told in front": {"-PLT", true}, "few tiles": {"-t 256,256 -PLT -TLM", true}, "short chain": {"-t 256,256 -PLT", true}, "at hand": {untold, false}} {
		turns := &passed{}
		e, _, o := stage(t, tc.arguments, func(c *Config) { c.Turns, c.Remote = turns, tc.remote })
		wantIndex(t, e, o, "")
		settled(t, e)
		if turns.claims != 0 {
			t.Errorf("%s: %d claims", name, turns.claims)
		}
	}
}
