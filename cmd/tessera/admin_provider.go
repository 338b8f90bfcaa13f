package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// shownProvider is a provider as the API has it, as far as lines show it.
type shownProvider struct {
	Name   string   `json:"name"`
	Issuer string   `json:"issuer"`
	By     string   `json:"by"`
	State  string   `json:"state"`
	Notes  []string `json:"notes"`
	SignIn *struct {
		Redirect  []string  `json:"redirectUris"`
		SignedOut []string  `json:"signedOutUris"`
		Logout    string    `json:"backchannelLogoutUri"`
		Sessions  int       `json:"sessions"`
		SignIns   int       `json:"signIns"`
		Last      time.Time `json:"lastSignIn"`
	} `json:"signIn,omitempty"`
	Keys struct {
		Count int       `json:"count"`
		Read  time.Time `json:"read"`
	} `json:"keys"`
}

var stateWords = map[string]string{"works": "works", "attention": "look at it", "fails": "does not work", "unasked": "not asked yet"}

// anyAnswer keeps all that the API says for --json, and reads what lines show.
type anyAnswer[T any] struct {
	whole map[string]any
	read  T
}

func (a *anyAnswer[T]) UnmarshalJSON(text []byte) error {
	return errors.Join(json.Unmarshal(text, &a.whole), json.Unmarshal(text, &a.read))
}

func providerList(ctx context.Context, c *client) error {
	if _, err := arrange(ctx, c.flags("admin provider list"), c); err != nil {
		return err
	}
	var answer anyAnswer[page[shownProvider]]
	if _, err := c.call(ctx, http.MethodGet, "/providers", "", nil, &answer); err != nil {
		return err
	}
	return c.print(answer.whole, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "NAME\tSTATE\tSIGNED IN\tSIGN-INS\tLAST\tISSUER")
			for _, p := range answer.read.Items {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, cmp.Or(stateWords[p.State], p.State), p.use(), p.Issuer)
			}
		})
		for _, p := range answer.read.Items {
			p.notes(w)
		}
	})
}

// use is three columns.
func (p shownProvider) use() string {
	if p.SignIn == nil {
		return "-\t-\t-"
	}
	last := "-"
	if !p.SignIn.Last.IsZero() {
		last = p.SignIn.Last.Format(time.RFC3339)
	}
	return fmt.Sprintf("%d\t%d\t%s", p.SignIn.Sessions, p.SignIn.SignIns, last)
}

func (p shownProvider) notes(w io.Writer) {
	for _, note := range p.Notes {
		fmt.Fprintf(w, "%s: %s\n", p.Name, note)
	}
}

// errProviderFails ends a check with a status that scripts can see.
var errProviderFails = errors.New("nobody can sign in by it as it is")

// providerCheck has a coordinator ask a provider, and says what is to be registered there.
func providerCheck(ctx context.Context, c *client) error {
	args, err := arrange(ctx, c.flags("admin provider check"), c, "NAME")
	if err != nil {
		return err
	}
	var answer anyAnswer[shownProvider]
	if _, err := c.call(ctx, http.MethodPost, "/providers/"+url.PathEscape(args[0])+"/check", "", nil, &answer); err != nil {
		return err
	}
	p := answer.read
	if err := c.print(answer.whole, p.print); err != nil {
		return err
	}
	if p.State == "fails" {
		return fmt.Errorf("provider %s: %w", p.Name, errProviderFails)
	}
	return nil
}

func (p shownProvider) print(w io.Writer) {
	fmt.Fprintf(w, "%s at %s: %s", p.Name, p.Issuer, cmp.Or(stateWords[p.State], p.State))
	if p.By != "" {
		fmt.Fprintf(w, " (asked by coordinator %s)", p.By)
	}
	fmt.Fprintf(w, "\n%d keys\n", p.Keys.Count)
	p.notes(w)
	if p.SignIn == nil {
		return
	}
	table(w, func(w io.Writer) {
		for _, address := range p.SignIn.Redirect {
			fmt.Fprintf(w, "redirect\t%s\n", address)
		}
		for _, address := range p.SignIn.SignedOut {
			fmt.Fprintf(w, "after logout\t%s\n", address)
		}
		fmt.Fprintf(w, "back-channel logout\t%s\n", p.SignIn.Logout)
	})
}
