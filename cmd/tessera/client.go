package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// maxAnswer bounds what is read of an answer of the API.
const maxAnswer = 64 << 20

// client calls the coordinator's JSON API, with a personal access token or, where
// there is none, signed in as TESSERA_USER.
type client struct {
	server string
	token  string
	http   *http.Client
	env    environment
	asJSON bool

	signedIn bool // and to be signed out at the end
}

// withClient runs an action and signs out after it, however it ended.
func withClient(ctx context.Context, env environment, action func(context.Context, *client) error) error {
	c := &client{env: env, token: env.getenv("TESSERA_TOKEN", "")}
	err := action(ctx, c)
	if c.signedIn {
		if left := c.signOut(ctx); left != nil {
			fmt.Fprintf(env.stderr, "tessera: the session of this command was not ended: %v\n", left)
		}
	}
	return err
}

// flags shared by every command that talks to a coordinator.
func (c *client) flags(name string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(c.env.stdout)
	flags.StringVar(&c.server, "server", c.env.getenv("TESSERA_SERVER", "http://localhost:8080"), "where Tessera answers")
	flags.BoolVar(&c.asJSON, "json", false, "print JSON")
	return flags
}

func (c *client) connect(ctx context.Context) error {
	u, err := url.Parse(c.server)
	if err != nil || u.Host == "" {
		return usageError{fmt.Errorf("--server %s: write an address such as https://iiif.example.org", c.server)}
	}
	c.server = u.Scheme + "://" + u.Host
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	c.http = &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if c.token != "" {
		return nil
	}
	return c.signIn(ctx)
}

func (c *client) signIn(ctx context.Context) error {
	password := c.env.getenv("TESSERA_PASSWORD", "")
	if password == "" {
		return usageError{errors.New("set TESSERA_TOKEN to a personal access token, or TESSERA_USER and TESSERA_PASSWORD")}
	}
	form := url.Values{"email": {c.env.getenv("TESSERA_USER", "admin@localhost")}, "password": {password}, "next": {"/"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server+"/auth/login", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", c.server)
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("nobody answers at %s: %w", c.server, err)
	}
	defer resp.Body.Close()
	c.signedIn = resp.StatusCode == http.StatusSeeOther
	switch {
	case c.signedIn:
		return nil
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s does not sign in with this password", form.Get("email"))
	case resp.Header.Get("Retry-After") != "":
		return fmt.Errorf("nobody can sign in at the moment (%s); try again in %s seconds", resp.Status, resp.Header.Get("Retry-After"))
	}
	return fmt.Errorf("%s does not let %s sign in: %s", c.server, form.Get("email"), resp.Status)
}

// signOutWithin bounds the end of a command, even of one that was interrupted.
const signOutWithin = 5 * time.Second

// signOut ends the session that signIn began, so that scripts leave none behind.
func (c *client) signOut(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signOutWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+"/auth/logout", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("signing out answered %s", resp.Status)
	}
	return nil
}

// problem is an error as the API words it (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// call sends in (nil: nothing) as JSON and reads the answer into out (nil: dropped).
// It returns the answer's ETag.
func (c *client) call(ctx context.Context, method, path, ifMatch string, in, out any) (string, error) {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return "", err
		}
		body = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.server+"/auth/admin/api/v1"+path, body)
	if err != nil {
		return "", err
	}
	c.prepare(r, ifMatch)
	resp, err := c.http.Do(r)
	if err != nil {
		return "", fmt.Errorf("nobody answers at %s: %w", c.server, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", err
	}
	if resp.StatusCode >= 300 {
		var p problem
		_ = json.Unmarshal(answer, &p)
		return "", errors.New(cmp.Or(p.Detail, p.Title, resp.Status))
	}
	if out == nil || len(answer) == 0 {
		return resp.Header.Get("ETag"), nil
	}
	return resp.Header.Get("ETag"), json.Unmarshal(answer, out)
}

func (c *client) prepare(r *http.Request, ifMatch string) {
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Origin", c.server)
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
}

// page is one answer of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// all follows the pages of a list.
func all[T any](ctx context.Context, c *client, path string, query url.Values) ([]T, error) {
	items := []T{} // an empty list is printed as one
	for {
		var p page[T]
		if _, err := c.call(ctx, http.MethodGet, path+"?"+query.Encode(), "", nil, &p); err != nil {
			return nil, err
		}
		items = append(items, p.Items...)
		if p.Next == "" {
			return items, nil
		}
		query.Set("after", p.Next)
	}
}

// print writes v as JSON when asked to, else through text.
func (c *client) print(v any, text func(io.Writer)) error {
	if !c.asJSON {
		text(c.env.stdout)
		return nil
	}
	e := json.NewEncoder(c.env.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
