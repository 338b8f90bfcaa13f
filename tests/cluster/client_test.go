package cluster

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// answer is a response read whole.
type answer struct {
	*http.Response
	body string
}

// patient is for single requests: a new connection for each, no redirects followed.
var patient = &http.Client{
	Timeout:       patience,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func send(t *testing.T, method, address, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := patient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return answer{resp, string(got)}
}

func get(t *testing.T, address string, header ...string) answer {
	t.Helper()
	return send(t, http.MethodGet, address, "", header...)
}

// signIn gives the value of a Cookie header.
func signIn(t *testing.T, edge, email string) (session string) {
	t.Helper()
	a := post(t, edge, email)
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign-in of %s at %s answered %s %s", email, edge, a.Status, a.body)
	}
	var cookies []string
	for _, c := range a.Cookies() {
		if c.MaxAge >= 0 {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
	}
	if len(cookies) == 0 {
		t.Fatalf("sign-in of %s gave no session: %v", email, a.Header)
	}
	return strings.Join(cookies, "; ")
}

func post(t *testing.T, edge, email string, header ...string) answer {
	t.Helper()
	form := url.Values{"email": {email}, "password": {adminPassword}, "next": {"/"}}
	header = append([]string{"Content-Type", "application/x-www-form-urlencoded", "Origin", strings.TrimSuffix(edge, "/")}, header...)
	return send(t, http.MethodPost, edge+"/auth/login", form.Encode(), header...)
}

// api calls the JSON API at an edge with a session.
func api(t *testing.T, edge, session, method, path, body string) answer {
	t.Helper()
	return send(t, method, edge+"/auth/admin/api/v1"+path, body, "Content-Type", "application/json", "Origin", edge, "Cookie", session)
}

// member adds somebody who may sign in.
func member(t *testing.T, edge, admin, email string) {
	t.Helper()
	a := api(t, edge, admin, http.MethodPost, "/users", `{"email":"`+email+`","name":"A Reader","password":"`+adminPassword+`","groups":[],"admin":false,"active":true}`)
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("user: %s %s", a.Status, a.body)
	}
}

// quickest repeats a request and gives its shortest time: the machine may be busy with
// something else at any one of them.
func quickest(t *testing.T, n int, ask func()) time.Duration {
	t.Helper()
	best := time.Hour
	for range n {
		began := time.Now()
		ask()
		best = min(best, time.Since(began))
	}
	return best
}
