package bus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// village is workers that hear one another at once, but for those that are cut off.
type village struct {
	mu  sync.Mutex
	all map[string]*Turns
	off map[string]bool
	way time.Duration // that words take
}

// settle has n workers take turns until the test ends.
func (v *village) settle(t *testing.T, n int) (all []*Turns) {
	v.all, v.off = map[string]*Turns{}, map[string]bool{}
	for i := range n {
		name := fmt.Sprintf("user-%d.x", i)
		w := newTurns(name, TurnsConfig{}, func(m turnTold) error { return v.tell(name, m) })
		v.all[name] = w
		all = append(all, w)
		w.beating.Go(w.beat)
		t.Cleanup(w.Close)
	}
	return all
}

func (v *village) tell(from string, m turnTold) error {
	v.mu.Lock()
	var near []*Turns
	for name, w := range v.all {
		if !v.off[from] && !v.off[name] {
			near = append(near, w)
		}
	}
	v.mu.Unlock()
	for _, w := range near {
		if v.way > 0 {
			time.AfterFunc(v.way, func() { w.hear(from, m) })
		} else {
			w.hear(from, m)
		}
	}
	return nil
}

func (v *village) cut(w *Turns, off bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.off[w.self] = off
}

// answer is what one worker's claim came to.
type answerOf struct {
	w    *Turns
	end  func(string)
	over <-chan string
}

// claims has workers claim the same at the same time: who got it, and the others.
func claims(t *testing.T, what string, all ...*Turns) (first []answerOf, rest []answerOf) {
	t.Helper()
	answers := make(chan answerOf, len(all))
	for _, w := range all {
		go func() {
			end, over := w.Claim(t.Context(), what)
			answers <- answerOf{w, end, over}
		}()
	}
	for range all {
		a := <-answers
		if (a.end == nil) == (a.over == nil) {
			t.Fatal("neither or both")
		}
		if a.end != nil {
			first = append(first, a)
		} else {
			rest = append(rest, a)
		}
	}
	return first, rest
}

func wantOver(t *testing.T, rest []answerOf, want string) {
	t.Helper()
	for _, a := range rest {
		word, said := <-a.over
		if word != want || said != (want != "") {
			t.Errorf("%s heard %q", a.w.self, word)
		}
	}
}

// TestOneTurn: of workers that claim at the same time one goes ahead, at each name another,
// and the others hear his word, however long he takes.
func TestOneTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := village{way: time.Millisecond} // or who is first to speak goes ahead
		all := v.settle(t, 5)
		firsts := map[string]bool{}
		for i := range 20 {
			what := fmt.Sprint(i)
			first, rest := claims(t, what, all...)
			if len(first) != 1 {
				t.Fatalf("%d have the turn", len(first))
			}
			firsts[first[0].w.self] = true
			time.Sleep(time.Minute)
			for _, late := range all {
				if _, over := late.Claim(t.Context(), what); over == nil && late != first[0].w {
					t.Errorf("%s took another's turn", late.self)
				}
			}
			first[0].end("word")
			first[0].end("another")
			wantOver(t, rest, "word")
		}
		if len(firsts) < 3 {
			t.Errorf("the same workers go ahead: %v", firsts)
		}
	})
}

// TestTurnOfTheDead: whoever is heard of no more, or leaves, is followed by one of those who
// wait.
func TestTurnOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v village
		all := v.settle(t, 4)
		first, rest := claims(t, "a", all...)
		v.cut(first[0].w, true)
		wantOver(t, rest, "")
		second, rest := claims(t, "a", rest[0].w, rest[1].w, rest[2].w)
		if len(second) != 1 {
			t.Fatalf("%d have the turn", len(second))
		}
		v.cut(first[0].w, false) // two are at it now, and who ends last is waited for
		time.Sleep(time.Minute)
		second[0].end("")
		first[0].end("")
		wantOver(t, rest, "")
	})
}

// TestLateTurn: a worker that heard nothing of a turn is told of it when it claims.
func TestLateTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v village
		all := v.settle(t, 2)
		v.cut(all[1], true)
		end, _ := all[0].Claim(t.Context(), "a")
		v.cut(all[1], false)
		if got, over := all[1].Claim(t.Context(), "a"); got != nil || over == nil {
			t.Fatal("the turn was not another's")
		}
		end("")
		// Whoever has no time to wait finds out by himself.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if end, _ = all[0].Claim(gone, "b"); end == nil || time.Since(began) > 0 {
			t.Errorf("waited %s", time.Since(began))
		}
		end("")
	})
}

// TestTurnsBounded: what is remembered of others is bounded, and in nobody's way.
func TestTurnsBounded(t *testing.T) {
	w := newTurns("me.x", TurnsConfig{Settle: time.Nanosecond}, func(turnTold) error { return nil })
	defer w.Close()
	for i := range 2 * maxTurns {
		w.hear("other.x", turnTold{Name: turnName(fmt.Sprint(i)), Says: turnHold})
	}
	if len(w.others) != maxTurns {
		t.Errorf("%d turns remembered", len(w.others))
	}
	for i := range 2 * maxTurns {
		if end, _ := w.Claim(t.Context(), fmt.Sprint("own", i)); end == nil {
			t.Fatal("another's")
		}
	}
	if len(w.own) != maxTurns {
		t.Errorf("%d turns", len(w.own))
	}
}

// takes joins with a claim that is never heard by all before somebody answers, and a life
// that is noticed soon.
func takes(t *testing.T, c *Conn, settle time.Duration) *Turns {
	t.Helper()
	w, err := JoinTurns(c, TurnsConfig{Settle: settle, Beat: 50 * time.Millisecond, Silent: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// TestTurnsOverNATS: the same over a server, where the one that has the turn dies.
func TestTurnsOverNATS(t *testing.T) {
	e := startServer(t)
	conns := []*Conn{join(t, e, RoleWorker, "w1"), join(t, e, RoleWorker, "w2"), join(t, e, RoleWorker, "w3")}
	one, two, three := takes(t, conns[0], time.Millisecond), takes(t, conns[1], time.Hour), takes(t, conns[2], time.Hour)
	end, _ := one.Claim(t.Context(), "a")
	first, rest := claims(t, "a", two, three)
	if end == nil || len(first) != 0 {
		t.Fatalf("%d more have the turn", len(first))
	}
	end("what came of it")
	wantOver(t, rest, "what came of it")

	if end, _ = one.Claim(t.Context(), "b"); end == nil {
		t.Fatal("nobody's turn is another's")
	}
	if first, rest = claims(t, "b", two, three); len(first) != 0 {
		t.Fatal("the turn of another")
	}
	conns[0].Close()
	wantOver(t, rest, "")

	// Without a bus, and only then, everybody goes on at once.
	conns[1].Close()
	if end, _ = two.Claim(t.Context(), "c"); end == nil {
		t.Error("another's turn without a bus")
	}
	end("")
}

// TestTurnsDenied: where permissions are from before there were turns, a worker says so once
// and goes on, also with what it listens to besides.
func TestTurnsDenied(t *testing.T) {
	k := makeKeys(t)
	user, err := k[RoleWorker].PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	rights := RoleWorker.Rights(user, DefaultEvents)
	old := func(subjects []string) (out []string) {
		for _, s := range subjects {
			if !strings.HasPrefix(s, turnRoot) {
				out = append(out, s)
			}
		}
		return out
	}
	rights = Rights{Publish: old(rights.Publish), Subscribe: old(rights.Subscribe)}
	s := started(t, &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		Nkeys: []*server.NkeyUser{{Nkey: user, Permissions: rights.permissions()}},
	})
	var said logged
	c, err := Dial(t.Context(), DialConfig{
		URL: s.ClientURL(), Name: "w", Role: RoleWorker, Creds: k.file(t, RoleWorker),
		Log: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := takes(t, c, time.Millisecond)
	for range 3 {
		end, _ := w.Claim(t.Context(), "a")
		if end == nil {
			t.Fatal("another's turn")
		}
		end("")
	}
	stopListening, err := Listen(c, DefaultEvents, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	stopListening()
	eventually(t, "it is said", func() bool { return strings.Contains(said.String(), "nats-config --force") })
	if n := strings.Count(said.String(), "\n"); n != 1 {
		t.Errorf("%d warnings: %s", n, said.String())
	}
}

// logged is a log that can be read while it is written.
type logged struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// What a worker tells is what another reads.
func TestTurnsOnTheWire(t *testing.T) {
	for _, m := range []turnTold{
		{Name: turnName("a"), From: "b", Says: turnClaim},
		{Name: turnName("a"), From: "b", Says: turnDone, Word: "refused: ü"},
		{Name: turnName("a"), From: "b", Says: turnDone, Word: strings.Repeat("ü", maxWord)},
		{Name: turnName("a"), From: strings.Repeat("b", maxID), Says: turnDone, Word: strings.Repeat("<", maxWord)},
	} {
		got, err := parseTurn(m.encode())
		if m.Word = m.Word[:min(len(m.Word), maxWord)]; err != nil || got != m {
			t.Errorf("%+v, %v; want %+v", got, err, m)
		}
	}
}

// Whatever comes, it is refused or is something about a turn.
func FuzzTurn(f *testing.F) {
	f.Add(turnTold{Name: turnName("a"), From: newToken(), Says: turnDone, Word: "done"}.encode())
	f.Add([]byte(`{"name":"A0","from":"a.b","says":"hold","word":"\n"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseTurn(data)
		if err != nil {
			return
		}
		if len(m.Name) != len(turnName("")) || !isWord(m.From) || len(m.Word) > maxWord || strings.ContainsAny(m.Word, "\n\r\x1b") {
			t.Errorf("%+v", m)
		}
		if again, err := parseTurn(m.encode()); err != nil || again != m {
			t.Errorf("%+v is told as %+v, %v", m, again, err)
		}
		w := newTurns("me.x", TurnsConfig{}, func(turnTold) error { return nil })
		w.hear("other."+m.From, m)
		w.Close()
	})
}
