// Package hook asks a site's own rights system about images, over HTTP, where a rule
// leaves a decision to it.
//
// The question is a POST of
//
//	{"principal": {"id": "…", "name": "…", "groups": ["…"], "address": "192.0.2.7"},
//	 "image": "maps/1890/sheet-04", "now": "2026-03-01T12:00:00Z"}
//
// where an empty id is somebody who has not signed in, and the answer, with status 200,
//
//	{"access": "allow", "ttl": 30}
//
// with access one of allow, login (signing in may help), deny and hidden, and ttl the
// seconds for which it may be remembered for this very reader, image and address, up to
// [MaxTTL]. Whatever else comes, or does not come in time, is no answer: the image is
// not shown.
package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/flight"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// MaxTTL bounds how long an answer is remembered, whatever it says.
const MaxTTL = 5 * time.Minute

const (
	maxQuestions = 64 // at the same time; more are answered "cannot be asked"
	maxAnswer    = 4 << 10
	maxRemember  = 50_000
)

// Config of a Client.
type Config struct {
	URL     string         // where questions go, http or https
	Egress  []netip.Prefix // networks that the system may be in; none: any address that is public
	Timeout time.Duration  // for one question; 0: 2 s
}

// Client asks. It is safe for concurrent use.
type Client struct {
	cfg     Config
	http    *http.Client
	slots   chan struct{}
	answers *otter.Cache[string, remembered]
	flights flight.Group[string, answer]
}

type remembered struct {
	outcome authz.Outcome
	until   time.Time
}

// answer is an outcome and how long it may be remembered.
type answer struct {
	outcome authz.Outcome
	ttl     time.Duration
}

// New makes a client. It does no I/O; errors name the setting to change.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, errors.New("write the address of the decision hook as https://rights.example.org/decide, without a name and a password in it")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	c := &Client{
		cfg: cfg, slots: make(chan struct{}, maxQuestions),
		answers: otter.Must(&otter.Options[string, remembered]{MaximumSize: maxRemember}),
	}
	dialer := &net.Dialer{Timeout: cfg.Timeout, ControlContext: c.guard}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: maxQuestions, MaxConnsPerHost: maxQuestions,
			IdleConnTimeout: time.Minute, TLSHandshakeTimeout: cfg.Timeout, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // an answer has no other place
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Ask gives the outcome for a reader and an image; what is remembered is asked no more.
func (c *Client) Ask(ctx context.Context, who authz.Principal, image string, now time.Time) (authz.Outcome, error) {
	key := keyOf(who, image)
	if known, ok := c.answers.GetIfPresent(key); ok && now.Before(known.until) {
		return known.outcome, nil
	}
	a, _, err := c.flights.Do(ctx, key, func(ctx context.Context) (answer, error) {
		a, err := c.question(ctx, who, image, now)
		if err == nil && a.ttl > 0 {
			c.answers.Set(key, remembered{a.outcome, now.Add(a.ttl)})
		}
		return a, err
	})
	return a.outcome, err
}

// keyOf tells readers apart by everything that the question says of them.
func keyOf(who authz.Principal, image string) string {
	groups := slices.Sorted(slices.Values(who.Groups))
	key, err := json.Marshal([]any{who.ID, who.Name, groups, who.Addr, image})
	if err != nil {
		panic("hook: " + err.Error()) // strings and an address
	}
	return string(key)
}

type question struct {
	Principal principal `json:"principal"`
	Image     string    `json:"image"`
	Now       time.Time `json:"now"`
}

type principal struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Groups  []string `json:"groups"`
	Address string   `json:"address,omitempty"`
}

var errBusy = errors.New("too many questions at a time")

func (c *Client) question(ctx context.Context, who authz.Principal, image string, now time.Time) (answer, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		return answer{}, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	q := question{Image: image, Now: now.UTC(), Principal: principal{ID: who.ID, Groups: []string{}}}
	if who.ID != "" {
		q.Principal.Name, q.Principal.Groups = who.Name, append(q.Principal.Groups, who.Groups...)
	}
	if who.Addr.IsValid() {
		q.Principal.Address = who.Addr.String()
	}
	body, err := json.Marshal(q)
	if err != nil {
		return answer{}, err
	}
	return c.post(ctx, string(body))
}

func (c *Client) post(ctx context.Context, body string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	response, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	return read(response)
}

// read takes an answer that is exactly one, and no other.
func read(response *http.Response) (answer, error) {
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("it answers with status %d", response.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return answer{}, errors.New("its answer is no application/json")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer{}, err
	case len(body) > maxAnswer:
		return answer{}, fmt.Errorf("its answer has more than %d bytes", maxAnswer)
	}
	return parse(body)
}

var outcomes = map[string]authz.Outcome{
	"allow": authz.Allow, "login": authz.NeedLogin, "deny": authz.Forbidden, "hidden": authz.NotFound,
}

func parse(body []byte) (answer, error) {
	var said struct {
		Access string  `json:"access"`
		TTL    float64 `json:"ttl"`
		Reason string  `json:"reason"` // for their own logs
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&said); err != nil {
		return answer{}, fmt.Errorf("its answer cannot be read: %w", err)
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // as the decoder says it
		return answer{}, errors.New("its answer is more than one")
	}
	outcome, ok := outcomes[said.Access]
	if !ok {
		return answer{}, fmt.Errorf("its answer %.40q is none of allow, login, deny and hidden", said.Access)
	}
	ttl := min(max(said.TTL, 0), MaxTTL.Seconds())
	return answer{outcome, time.Duration(ttl * float64(time.Second))}, nil
}
