package relay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// begun is a request whose body has begun and does not go on; with a length below 0 it is
// one byte too long and does not end.
func begun(t *testing.T, url, line string, n int, header string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	length, body := fmt.Sprintf("Content-Length: %d\r\n", n), "email="
	if n < 0 {
		length, body = "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s", maxBody+1, strings.Repeat("x", maxBody+1))
	}
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\n%s%s\r\n%s", line, length, header, body); err != nil {
		t.Fatal(err)
	}
	return conn
}

func slow(t *testing.T, url string) net.Conn { return begun(t, url, "POST /auth/login", 100, "") }

// echo is a coordinator that says how many bytes it was sent.
func echo(t *testing.T) string {
	return house(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}).URL
}

// R17: forms that never arrive hold nothing that others need, neither at the coordinator
// nor here.
func TestSlowSenders(t *testing.T) {
	url, r := edge(t, echo(t))
	for range maxClientOnes {
		slow(t, url)
	}
	eventually(t, func() bool { return r.bodies.now().ones == maxClientOnes })
	if resp, body := ask(t, http.MethodGet, url+"/auth/login", ""); resp.StatusCode != http.StatusOK || body != "0" {
		t.Errorf("somebody who reads: %s %q", resp.Status, body)
	}
	if resp, _ := ask(t, http.MethodPost, url+"/auth/login", "form"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one more form from that address: %s", resp.Status)
	}
	if resp, body := ask(t, http.MethodPost, url+"/auth/login", "form", "X-Test-Client", "203.0.113.1"); resp.StatusCode != http.StatusOK || body != "4" {
		t.Errorf("a form from elsewhere: %s %q", resp.Status, body)
	}
}

// R17: room is taken by bytes that came, not by those that were announced.
func TestAnnouncedBytesTakeNoRoom(t *testing.T) {
	url, r := edge(t, echo(t))
	for i := range 32 {
		begun(t, url, "PUT "+rulesPath, maxRules, fmt.Sprintf("X-Test-Client: 203.0.113.%d\r\n", i/maxClientOnes))
	}
	eventually(t, func() bool { return r.bodies.now().ones == 32 })
	rules := strings.Repeat("x", maxRules)
	if resp, body := ask(t, http.MethodPut, url+rulesPath, rules); resp.StatusCode != http.StatusOK || body != fmt.Sprint(maxRules) {
		t.Errorf("rules: %s %q", resp.Status, body)
	}
}

// R17: what is here counts until it was answered; forms find room beside it.
func TestBytesCountUntilTheAnswer(t *testing.T) {
	answer := make(chan struct{})
	answered := sync.OnceFunc(func() { close(answer) })
	coordinator := house(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if n > maxBody {
			<-answer
		}
		fmt.Fprint(w, n)
	})
	url, r := edge(t, coordinator.URL)
	t.Cleanup(answered)
	const long = 15 << 20
	done := make(chan string, 2)
	for range 2 {
		go func() {
			resp, err := http.DefaultClient.Do(put(t, url, long))
			if err != nil {
				done <- err.Error()
				return
			}
			_ = resp.Body.Close()
			done <- resp.Status
		}()
	}
	eventually(t, func() bool { n := r.bodies.now(); return n.ones == 0 && n.bytes >= 2*long-2*chunkSize })
	if resp, _ := ask(t, http.MethodPut, url+rulesPath, strings.Repeat("x", 4<<20)); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("more from that address: %s", resp.Status)
	}
	if resp, body := ask(t, http.MethodPost, url+"/auth/login", strings.Repeat("x", chunkSize/2)); resp.StatusCode != http.StatusOK || body != fmt.Sprint(chunkSize/2) {
		t.Errorf("a form from that address: %s %q", resp.Status, body)
	}
	answered()
	for range 2 {
		if status := <-done; status != "200 OK" {
			t.Error(status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	eventually(t, func() bool { return r.bodies.now() == load{} && len(r.bodies.client) == 0 })
}

func put(t *testing.T, url string, n int) *http.Request {
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+rulesPath, strings.NewReader(strings.Repeat("x", n)))
	if err != nil {
		t.Error(err)
	}
	return q
}

// Every refusal ends the connection although its body never comes.
func TestBodiesThatAreRefused(t *testing.T) {
	coordinator := house(t, func(http.ResponseWriter, *http.Request) { t.Error("a coordinator was troubled") })
	url, r := edge(t, coordinator.URL)
	for _, row := range []struct {
		name   string
		full   func() (empty func())
		length int
		want   int
	}{
		{"announced too large", nil, maxBody + 1, http.StatusRequestEntityTooLarge},
		{"too large without a word of it", nil, -1, http.StatusRequestEntityTooLarge},
		{"too slow", func() func() {
			r.bodyTime = 50 * time.Millisecond
			return func() { r.bodyTime = bodyTime }
		}, 100, http.StatusRequestTimeout},
		{"too many bodies", func() func() { return fill(t, &r.bodies, load{ones: maxClientOnes}) }, 100, http.StatusServiceUnavailable},
		{"too many requests", func() func() {
			r.inFlight.Add(maxInFlight)
			return func() { r.inFlight.Add(-maxInFlight) }
		}, 100, http.StatusServiceUnavailable},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.full != nil {
				defer row.full()()
			}
			conn := begun(t, url, "POST /auth/login", row.length, "")
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			reader := bufio.NewReader(conn)
			answer, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode != row.want || !answer.Close {
				t.Errorf("%s, connection to be closed: %v", answer.Status, answer.Close)
			}
			if _, err := reader.ReadByte(); err == nil || os.IsTimeout(err) {
				t.Errorf("the connection goes on: %v", err)
			}
		})
	}
	eventually(t, func() bool { return r.bodies.now() == load{} })
}

func fill(t *testing.T, l *ledger, m load) (empty func()) {
	t.Helper()
	if !l.take("198.51.100.4", m) {
		t.Fatal("no room to begin with")
	}
	return func() { l.give("198.51.100.4", m) }
}

// wire brings a body at a rate, and obeys the deadline that is set on it.
type wire struct {
	http.ResponseWriter
	left     int
	every    time.Duration // for each 64 KiB
	deadline time.Time
}

func (w *wire) SetReadDeadline(at time.Time) error { w.deadline = at; return nil }

func (w *wire) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), w.left)
	time.Sleep(w.every * time.Duration(n) / chunkSize)
	if !time.Now().Before(w.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	w.left -= n
	return n, nil
}

func (*wire) Close() error { return nil }

// Long lists of rules have the time they need on a thin line, and no longer.
func TestTimeGrowsWithWhatCame(t *testing.T) {
	for _, row := range []struct {
		size  int
		every time.Duration
		want  *refusal
	}{
		{maxRules, 250 * time.Millisecond, nil},
		{maxRules, 300 * time.Millisecond, tooSlow},
		{100, 100 * time.Hour, tooSlow},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &wire{left: row.size, every: row.every}
			q, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://x"+rulesPath, w)
			if err != nil {
				t.Fatal(err)
			}
			q.ContentLength = int64(row.size)
			b := &body{ledger: new(ledger), client: "x"}
			if why := b.receive(w, q, bodyTime); why != row.want {
				t.Errorf("%d bytes, 64 KiB in %v: %v", row.size, row.every, why)
			}
		})
	}
}

// What is passed on is what came, whatever its length, and can be read again.
func TestBodiesPassWhole(t *testing.T) {
	for _, size := range []int{1, 100, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 5*chunkSize + 7} {
		for _, announced := range []int64{int64(size), -1} {
			sent := bytes.Repeat([]byte("0123456789abcdefg"), size)[:size]
			q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://x/", bytes.NewReader(sent))
			if err != nil {
				t.Fatal(err)
			}
			q.ContentLength = announced
			b := &body{ledger: new(ledger), client: "x"}
			if why := b.receive(&wire{}, q, bodyTime); why != nil {
				t.Fatal(why)
			}
			carried := b.carried(q)
			for range 2 {
				got, err := io.ReadAll(b.reader())
				if err != nil || !bytes.Equal(got, sent) || carried.ContentLength != int64(size) {
					t.Errorf("%d bytes became %d, %v", size, len(got), err)
				}
			}
			if booked := b.ledger.now().bytes; booked > int64(size) || size > 2*chunkSize && booked < int64(size-chunkSize) {
				t.Errorf("%d bytes are booked for %d", booked, size)
			}
			b.release()
			if b.ledger.now() != (load{}) {
				t.Errorf("left on the ledger: %+v", b.ledger.now())
			}
		}
	}
}

// Only lists of rules may be long.
func TestLongRules(t *testing.T) {
	url, _ := edge(t, echo(t))
	if resp, body := ask(t, http.MethodPut, url+rulesPath, strings.Repeat("x", 5*maxBody)); resp.StatusCode != http.StatusOK || body != fmt.Sprint(5*maxBody) {
		t.Errorf("%s %q", resp.Status, body)
	}
}

func (l *ledger) now() load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
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
