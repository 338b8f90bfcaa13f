package relay

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// slow begins a request whose body never comes.
func slow(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nemail="); err != nil {
		t.Fatal(err)
	}
	return conn
}

// R17: forms that never arrive hold nothing that others need, neither at the coordinator
// nor here.
func TestSlowSenders(t *testing.T) {
	coordinator := house(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append([]byte("got "), body...))
	})
	url, r := edge(t, coordinator.URL)
	for range maxClientOnes {
		slow(t, url)
	}
	eventually(t, func() bool { return r.bodies.count() == maxClientOnes })
	if resp, body := ask(t, http.MethodGet, url+"/auth/login", ""); resp.StatusCode != http.StatusOK || body != "got " {
		t.Errorf("somebody who reads: %s %q", resp.Status, body)
	}
	if resp, _ := ask(t, http.MethodPost, url+"/auth/login", "form"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one more form from that address: %s", resp.Status)
	}
	if leave, ok := r.bodies.enter("203.0.113.1", 1); !ok {
		t.Error("forms from elsewhere have no place")
	} else {
		leave()
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	coordinator := house(t, func(http.ResponseWriter, *http.Request) { t.Error("a coordinator was troubled") })
	url, r := edge(t, coordinator.URL)
	if resp, body := ask(t, http.MethodPost, url+"/auth/login", strings.Repeat("x", maxBody+1)); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %s %q", resp.Status, body)
	}
	r.bodyTime = 50 * time.Millisecond
	answer, err := http.ReadResponse(bufio.NewReader(slow(t, url)), nil)
	if err != nil || answer.StatusCode != http.StatusRequestTimeout {
		t.Errorf("too slow: %v, %v", answer, err)
	} else {
		_ = answer.Body.Close()
	}
	if n := r.bodies.count(); n != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

// Only lists of rules may be long.
func TestLongRules(t *testing.T) {
	coordinator := house(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	url, _ := edge(t, coordinator.URL)
	if resp, body := ask(t, http.MethodPut, url+rulesPath, strings.Repeat("x", 5*maxBody)); resp.StatusCode != http.StatusOK || body != fmt.Sprint(5*maxBody) {
		t.Errorf("%s %q", resp.Status, body)
	}
}

func (b *bodies) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.ones
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatal("never")
		case <-tick.C:
		}
	}
}

func TestSender(t *testing.T) {
	for client, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::7": "2001:db8:1:2::/64", "nobody": "nobody",
	} {
		if got := sender(client); got != want {
			t.Errorf("sender(%q) = %q, want %q", client, got, want)
		}
	}
}
