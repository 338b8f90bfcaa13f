package main

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, h http.HandlerFunc) target {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	base, err := url.Parse(srv.URL + "/iiif/2/map%2F1")
	if err != nil {
		t.Fatal(err)
	}
	return target{base: base, connections: 2, tiles: 20, seed: 1}
}

func TestClosedLoopAsksForEachOnce(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	connections := map[string]bool{}
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.RequestURI]++
		connections[r.RemoteAddr] = true
		fmt.Fprint(w, strings.Repeat("x", len(r.URL.Path)*1000))
	})
	clients := to.clients("")
	defer closeAll(clients)
	taken := make([]int, 50)
	l, err := closedLoop(t.Context(), clients, 50, func(i int) string { return fmt.Sprintf("/%02d", i) }, func(i int, a answer) error {
		taken[i] += len(a.Body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range taken {
		if path := fmt.Sprintf("/%02d", i); asked[path] != 1 || n != 3000 {
			t.Errorf("%s was asked for %d times and gave %d bytes", path, asked[path], n)
		}
	}
	if l.Requests != 50 || l.Bytes != 50*3000 || l.P50 > l.P95 || l.Seconds <= 0 {
		t.Errorf("%+v", l)
	}
	if len(connections) > 2 {
		t.Errorf("%d connections", len(connections))
	}
}

func TestClosedLoopEndsAtAWrongAnswer(t *testing.T) {
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI == "/3" {
			http.Error(w, "The image is broken.", http.StatusInternalServerError)
		}
	})
	clients := to.clients("")
	defer closeAll(clients)
	_, err := closedLoop(t.Context(), clients, 1000, func(i int) string { return fmt.Sprintf("/%d", i) }, func(int, answer) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "/3 was answered 500: The image is broken.") {
		t.Errorf("%v", err)
	}
}

func TestClientConnectsAgainWhenTheServerCloses(t *testing.T) {
	to := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "once")
	})
	c := newClient(to.base, "")
	defer c.close()
	for range 3 {
		if a, err := c.get(t.Context(), "/"); err != nil || string(a.Body) != "once" {
			t.Fatalf("%q %v", a.Body, err)
		}
	}
}

func TestClientBoundsAnswers(t *testing.T) {
	to := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 2*maxBody+1))
	})
	c := newClient(to.base, "")
	defer c.close()
	if _, err := c.get(t.Context(), "/"); err == nil {
		t.Error("an endless answer is read")
	}
}

func TestQuantile(t *testing.T) {
	var times []time.Duration
	for i := range 101 {
		times = append(times, time.Duration(i)*time.Millisecond)
	}
	for q, want := range map[float64]float64{0: 0, 0.5: 50, 0.95: 95, 1: 100} {
		if got := quantile(times, q); got != want {
			t.Errorf("quantile %v is %v ms, want %v", q, got, want)
		}
	}
}

// A reader signs in, the recording is made once the server's memory holds it, and
// the bare handler repeats it with the same headers.
func TestRecordingIsRepeatedByTheBareHandler(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	picture := filled(t, tileSide, tileSide, color.Gray{Y: 50})
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.RequestURI]++
		switch k, err := r.Cookie("tessera_session"); {
		case r.URL.Path == "/auth/login" && r.FormValue("password") == "right" && r.Header.Get("Origin") == "http://"+r.Host:
			http.SetCookie(w, &http.Cookie{Name: "tessera_session", Value: "s"})
			w.WriteHeader(http.StatusSeeOther)
		case err != nil || k.Value != "s":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("Etag", `"1"`)
			w.Header().Set("X-Tessera-Cache", map[bool]string{true: "edge", false: "miss"}[asked[r.RequestURI] > 1])
			_, _ = w.Write(picture)
		}
	})
	drawn := grid(1024, 512, 1, tileSide)
	if err := to.refused(t.Context(), drawn[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := signIn(t.Context(), to.base, "reader", "wrong"); err == nil {
		t.Error("signed in with a wrong password")
	}
	cookie, err := signIn(t.Context(), to.base, "reader", "right")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := to.warmUp(t.Context(), cookie, drawn)
	if err != nil {
		t.Fatal(err)
	}
	rec := recording{cookie, answers}
	again := serve(t, rec.handler().ServeHTTP)
	clients := again.clients(rec.Cookie)
	defer closeAll(clients)
	if l, err := rec.replay(t.Context(), clients, 40); err != nil || l.Requests != 40 || l.Bytes != int64(40*len(picture)) {
		t.Errorf("%+v %v", l, err)
	}
	a, err := clients[0].get(t.Context(), answers[3].Path)
	if err != nil || a.Header.Get("X-Tessera-Cache") != "edge" || a.Header.Get("Etag") != `"1"` || !bytes.Equal(a.Body, picture) {
		t.Errorf("%v %v", a.Header, err)
	}
}

// A pace is kept whatever becomes of requests, and only what is late by the server's doing
// counts as time.
func TestPacedLoop(t *testing.T) {
	to := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	clients := to.clients("")
	defer closeAll(clients)
	l, err := pacedLoop(t.Context(), clients, 21, 200, func(int) string { return "/" }, func(int, answer) error { return nil })
	if err != nil || l.Requests != 21 || l.Seconds < 0.1 {
		t.Errorf("%+v, %v: twenty times 5 ms are between 21 requests", l, err)
	}
	if both := l.and(l); both.Requests != 42 || both.P50 != l.P50 || both.P95 > l.times[20].Seconds()*1e3 {
		t.Errorf("%+v twice is %+v", l, both)
	}
	if due := time.Now().Add(-time.Second); !await(due).Equal(due) {
		t.Error("a request that the server made late counts from when it was sent")
	}
}

// A crowd signs in over and over until it leaves, and a closed door is told of.
func TestCrowd(t *testing.T) {
	shut := make(chan struct{})
	came := make(chan string, 1000)
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-shut:
			http.Error(w, "shut", http.StatusForbidden)
		default:
			http.SetCookie(w, &http.Cookie{Name: "tessera_session", Value: "s"})
			w.WriteHeader(http.StatusSeeOther)
			came <- r.FormValue("email")
		}
	})
	c := &crowd{base: to.base, people: 3, entrances: 2, password: "right"}
	leave := c.come(t.Context())
	seen := map[string]bool{}
	for len(seen) < 3 {
		seen[<-came] = true
	}
	if err := leave(); err != nil || len(c.times) < 3 || !seen["reader-3@example.org"] {
		t.Errorf("%v, %v: %v", c.times, seen, err)
	}
	close(shut)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.enter(ctx, 0); err == nil {
		t.Error("a door that is shut lets people in")
	}
	forms.CloseIdleConnections()
}
