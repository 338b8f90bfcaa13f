package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// recording holds the answers of a server to a signed-in reader.
type recording struct {
	Cookie  string
	Answers []recorded
}

type recorded struct {
	Path   string
	Header http.Header
	Body   []byte
}

// record signs in, asks for tiles until the server's memory holds them, and keeps
// the answers with their headers. The password comes from TILES_PASSWORD. Without
// somebody to sign in the image has to be open.
func record(ctx context.Context, args []string) error {
	flags, read := targetFlags("record")
	user := flags.String("user", "", "address to sign in with; none: nobody signs in")
	out := flags.String("out", "", "file of the recording")
	t, err := read(args)
	if err != nil {
		return err
	}
	cookie := ""
	if *user != "" {
		if cookie, err = signIn(ctx, t.base, *user, os.Getenv("TILES_PASSWORD")); err != nil {
			return err
		}
	}
	drawn, err := t.draw(ctx, cookie)
	if err != nil {
		return err
	}
	if cookie != "" {
		if err := t.refused(ctx, drawn[0]); err != nil {
			return err
		}
	}
	answers, err := t.warmUp(ctx, cookie, drawn)
	if err != nil {
		return err
	}
	return writeJSON(*out, recording{cookie, answers})
}

// forms sends what people fill in and shows where they were led.
var forms = &http.Client{Timeout: answerTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// signIn posts the login form and returns the session cookie.
func signIn(ctx context.Context, base *url.URL, user, password string) (string, error) {
	origin := base.Scheme + "://" + base.Host
	form := url.Values{"email": {user}, "password": {password}, "next": {"/"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, origin+"/auth/login", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	resp, err := forms.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	for _, k := range resp.Cookies() {
		if strings.HasSuffix(k.Name, "tessera_session") && k.Value != "" {
			return k.Name + "=" + k.Value, nil
		}
	}
	return "", fmt.Errorf("signing in as %s gave %s and no session", user, resp.Status)
}

// refused makes sure that the session counts for something.
func (t target) refused(ctx context.Context, d tile) error {
	c := newClient(t.base, "")
	defer c.close()
	a, err := c.get(ctx, t.path(d))
	if err == nil && a.Status == http.StatusOK {
		return errors.New("the image is open to all: there is nothing to sign in for")
	}
	return err
}

// warmUp asks for the tiles, again and again for those that don't come from the
// edge's memory yet, and returns the answers that did.
func (t target) warmUp(ctx context.Context, cookie string, drawn []tile) ([]recorded, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	clients := t.clients(cookie)
	defer closeAll(clients)
	answers := make([]recorded, len(drawn))
	for {
		missing := 0
		for i, d := range drawn {
			var warm bool
			var err error
			if answers[i], warm, err = t.ask(ctx, clients[i%len(clients)], d); err != nil {
				return nil, err
			}
			if !warm {
				missing++
			}
		}
		if missing == 0 {
			return answers, nil
		}
	}
}

// ask gets one tile; warm says that it came from the edge's memory.
func (t target) ask(ctx context.Context, c *client, d tile) (r recorded, warm bool, err error) {
	a, err := c.get(ctx, t.path(d))
	if err != nil {
		return r, false, err
	}
	if err := accept(a, t.path(d)); err != nil {
		return r, false, err
	}
	if _, err := decode(d, a.Body); err != nil {
		return r, false, fmt.Errorf("%s: %w", t.path(d), err)
	}
	return recorded{t.path(d), a.Header, bytes.Clone(a.Body)}, a.Header.Get("X-Tessera-Cache") == "edge", nil
}
