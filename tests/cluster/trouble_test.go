package cluster

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

// stage is a cluster in which rights are taken away while things break.
type stage struct {
	*cluster
	history history
	bearer  string // the administrator's
	steady  string // somebody's who keeps their rights
	seed    uint64
	tails   sync.WaitGroup
	client  *http.Client

	mu     sync.Mutex
	errors []string
	rules  []string // denials so far
}

const ruledImages = 40 // of which each is closed once at most

func newStage(t *testing.T) *stage {
	t.Helper()
	source := dbtest.NewServer(t).Source(t)
	images := filepath.Join(t.TempDir(), "images")
	link(t, images, "open", "members", "staff")
	for i := range ruledImages {
		link(t, images, fmt.Sprintf("ruled%d", i))
	}
	c := start(t, func(cfg *rig.Config) {
		cfg.Images, cfg.Gates, cfg.Coordinators = images, true, 2
		cfg.Coordinator = append(cfg.Coordinator, "--db", source)
		cfg.Edge = append(cfg.Edge, "--lease", historyLease.String())
	})
	s := &stage{cluster: c, seed: rand.Uint64(), client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(s.client.CloseIdleConnections)
	admin := signIn(t, c.edge(0), adminEmail)
	a := api(t, c.edge(0), admin, http.MethodPost, "/tokens", `{"name":"history"}`)
	var token struct{ Secret string }
	if err := decodeInto(a.body, &token); err != nil || token.Secret == "" {
		t.Fatalf("token: %s %s", a.Status, a.body)
	}
	s.bearer = token.Secret
	_, s.steady, _ = s.person("steady")
	return s
}

// link gives the picture that all tests share another name.
func link(t *testing.T, images string, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		if err := os.MkdirAll(filepath.Join(images, folder), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(imageDir, "open", "map.jp2"), filepath.Join(images, folder, "map.jp2")); err != nil {
			t.Fatal(err)
		}
	}
}

// call asks the JSON API until an edge and a coordinator answer; what they did not
// answer may have been done all the same.
func (s *stage) call(method, path, body string, want ...int) (answer string, status int) {
	s.t.Helper()
	deadline := time.Now().Add(2 * patience)
	for i := 0; time.Now().Before(deadline) && s.t.Context().Err() == nil; i++ {
		r, err := http.NewRequestWithContext(s.t.Context(), method, s.edge(i%2)+"/auth/admin/api/v1"+path, strings.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+s.bearer)
		resp, err := s.client.Do(r)
		if err != nil {
			pause(50 * time.Millisecond)
			continue
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode < 500 && resp.StatusCode != http.StatusUnauthorized {
			return string(got), resp.StatusCode
		}
		pause(50 * time.Millisecond)
	}
	s.complain("%s %s was never answered", method, path)
	return "", 0
}

func pause(d time.Duration) { <-time.After(d) }

func (s *stage) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, fmt.Sprintf(format, args...))
}

var number struct {
	sync.Mutex
	n int
}

func unique() int {
	number.Lock()
	defer number.Unlock()
	number.n++
	return number.n
}

// person is somebody new of the staff, and their token.
func (s *stage) person(name string) (user, secret, token string) {
	s.t.Helper()
	body, _ := s.call(http.MethodPost, "/users", fmt.Sprintf(`{"email":"%s-%d@example.org","name":"%s","groups":["staff"],"admin":false,"active":true}`, name, unique(), name))
	var made struct{ ID, Secret string }
	if err := decodeInto(body, &made); err != nil {
		s.complain("user: %v", err)
		return
	}
	user = made.ID
	body, _ = s.call(http.MethodPost, "/tokens", fmt.Sprintf(`{"name":"reader","user":"%s"}`, user))
	if err := decodeInto(body, &made); err != nil {
		s.complain("token: %v", err)
		return
	}
	return user, made.Secret, made.ID
}

// look asks an edge for a picture; status 0 is no answer.
func (s *stage) look(edge int, folder, secret string) sight {
	seen := sight{edge: edge, sent: time.Now()}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.edge(edge)+tileOf(folder, 0, 0), nil)
	if err != nil {
		return seen
	}
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return seen
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	seen.status = resp.StatusCode
	return seen
}

// revokeAll takes away so many rights, several at a time.
func (s *stage) revokeAll(total int) {
	work := make(chan int)
	var lanes sync.WaitGroup
	for lane := range 5 {
		random := rand.New(rand.NewPCG(s.seed, uint64(lane)))
		lanes.Go(func() {
			for range work {
				s.revoke(random)
			}
		})
	}
	for i := range total {
		work <- i
	}
	close(work)
	lanes.Wait()
}

// revoke gives somebody a right, sees it work, takes it away in one of the ways there are,
// and watches.
func (s *stage) revoke(random *rand.Rand) {
	user, secret, token := s.person("reader")
	if secret == "" {
		return
	}
	r, folder := &revoked{}, "staff"
	var take func() int
	switch pick := random.IntN(10); {
	case pick < 4:
		r.what, take = "token ended", func() int { return s.status(http.MethodDelete, "/tokens/"+token, "") }
	case pick < 6:
		r.what, take = "account closed", func() int { return s.status(http.MethodPatch, "/users/"+user, `{"active":false}`) }
	case pick < 7:
		r.what, take = "account deleted", func() int { return s.status(http.MethodDelete, "/users/"+user, "") }
	case pick < 9:
		r.what, take = "group left", func() int { return s.status(http.MethodPatch, "/users/"+user, `{"groups":[]}`) }
	default:
		if i, ok := s.claim(); ok {
			folder = fmt.Sprintf("ruled%d", i)
			r.what, take = "rule tightened", func() int { return s.forbid(folder) }
		} else {
			r.what, take = "account closed", func() int { return s.status(http.MethodPatch, "/users/"+user, `{"active":false}`) }
		}
	}
	for edge := range 2 { // an edge that is cut off knows nobody new
		for try := 0; try < 20 && !r.shown[edge]; try++ {
			r.shown[edge] = s.look(edge, folder, secret).status == http.StatusOK
		}
	}
	if status := take(); status < 200 || status >= 300 && status != http.StatusNotFound {
		s.complain("%s answered %d", r.what, status)
		return
	}
	r.acknowledged = time.Now()
	s.history.add(r)
	s.tails.Go(func() { s.watch(r, folder, secret) })
	pause(time.Duration(random.IntN(800)) * time.Millisecond)
}

func (s *stage) status(method, path, body string) int {
	_, status := s.call(method, path, body)
	return status
}

// claim reserves an image that a rule will close.
func (s *stage) claim() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rules) == ruledImages {
		return 0, false
	}
	s.rules = append(s.rules, "")
	return len(s.rules) - 1, true
}

var ruling sync.Mutex // rules are replaced whole

func (s *stage) forbid(folder string) int {
	ruling.Lock()
	defer ruling.Unlock()
	s.mu.Lock()
	for i, rule := range s.rules {
		if rule == "" && folder == fmt.Sprintf("ruled%d", i) {
			s.rules[i] = fmt.Sprintf(`{"images":[%q],"access":"deny"},`, folder+"/**")
		}
	}
	body := `{"items":[` + strings.Join(s.rules, "") + `{"images":["open/**"],"access":"open"},{"images":["staff/**"],"access":"groups","groups":["staff"]}]}`
	s.mu.Unlock()
	return s.status(http.MethodPut, "/rules", body)
}

// watch asks both edges until the lease must have run out, densely at first.
func (s *stage) watch(r *revoked, folder, secret string) {
	for time.Since(r.acknowledged) < historyLease+2*obeyed && s.t.Context().Err() == nil {
		for edge := range 2 {
			r.note(s.look(edge, folder, secret))
		}
		gap := 300 * time.Millisecond
		if time.Since(r.acknowledged) < 2*obeyed {
			gap = 20 * time.Millisecond
		}
		pause(gap)
	}
}

// isolate cuts one edge off for longer than the lease: it closes what is restricted, goes
// on with what is open, and comes back.
func (s *stage) isolate() {
	for edge := range 2 {
		for _, folder := range []string{"open", "staff"} {
			s.eventually("all is well", func() bool { return s.look(edge, folder, s.steady).status == http.StatusOK })
		}
	}
	began := time.Now()
	for _, g := range s.Gates("edge-1") {
		g.Stall()
	}
	s.eventually("the lease runs out", func() bool { return s.look(0, "staff", s.steady).status == http.StatusServiceUnavailable })
	s.t.Logf("the edge that was cut off closed what is restricted after %v, with a lease of %v", time.Since(began).Round(time.Millisecond), historyLease)
	if open, other := s.look(0, "open", ""), s.look(1, "staff", s.steady); open.status != http.StatusOK || other.status != http.StatusOK {
		s.t.Errorf("meanwhile: open images %d, the other edge %d", open.status, other.status)
	}
	for _, g := range s.Gates("edge-1") {
		g.Heal()
	}
	s.eventually("it shows it again", func() bool { return s.look(0, "staff", s.steady).status == http.StatusOK })
	s.history.out(outage{0, "isolated", began, time.Now()})
}

// comesBack sees that nothing was closed for good.
func (s *stage) comesBack() {
	for edge := range 2 {
		s.eventually("who kept their rights has them", func() bool { return s.look(edge, "staff", s.steady).status == http.StatusOK })
	}
}

// trouble breaks one thing after another until the function it gives is called.
func (s *stage) trouble() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	random := rand.New(rand.NewPCG(s.seed, 1<<32))
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			s.fault(random)
			pause(time.Duration(500+random.IntN(1500)) * time.Millisecond)
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

func (s *stage) fault(random *rand.Rand) {
	edge := random.IntN(2)
	o := outage{edge: edge, began: time.Now()}
	name := fmt.Sprintf("edge-%d", edge+1)
	switch random.IntN(5) {
	case 0, 1:
		o.what = "partition"
		stall := random.IntN(2) == 0
		for _, g := range s.Gates(name) {
			if stall {
				g.Stall()
			} else {
				g.Cut()
			}
		}
		pause(time.Duration(random.Int64N(int64(historyLease + 2*obeyed))))
		for _, g := range s.Gates(name) {
			g.Heal()
		}
	case 2:
		o.what = "edge killed"
		s.killed(name, random)
	case 3: // edges and coordinators on it lose their connections for a moment
		o.what, o.edge = "NATS server killed", -1
		s.killed(fmt.Sprintf("nats-%d", 1+random.IntN(3)), random)
	default: // what it had acknowledged holds; no edge is cut off by that
		s.killed(fmt.Sprintf("coordinator-%d", 1+random.IntN(2)), random)
		return
	}
	o.end = time.Now()
	s.history.out(o)
}

// killed ends a process and has it back after a while.
func (s *stage) killed(name string, random *rand.Rand) {
	p := s.Process(name)
	p.Kill()
	pause(time.Duration(random.IntN(1000)) * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), patience)
	defer cancel()
	if err := p.Start(); err != nil {
		s.complain("%v", err)
		return
	}
	if err := p.Await(ctx); err != nil {
		s.complain("%v", err)
	}
}
