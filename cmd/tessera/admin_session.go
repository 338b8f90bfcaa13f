package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// named is what is left to say of something that is gone.
type named struct {
	ID string `json:"id"`
}

type liveSession struct {
	ID      string `json:"id"`
	User    string `json:"user"`
	Email   string `json:"email"`
	Network string `json:"network"`
	Agent   string `json:"agent"`
	Created string `json:"created"`
	Seen    string `json:"seen"`
	Expires string `json:"expires"`
}

func sessionList(ctx context.Context, c *client) error {
	flags := c.flags("admin session list")
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	sessions, err := all[liveSession](ctx, c, "/sessions", url.Values{})
	if err != nil {
		return err
	}
	return c.print(page[liveSession]{Items: sessions}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tUSER\tSINCE\tLAST SEEN")
			for _, s := range sessions {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, s.Email, s.Created, s.Seen)
			}
		})
	})
}

func sessionEnd(ctx context.Context, c *client) error {
	flags := c.flags("admin session end")
	args, err := arrange(ctx, flags, c, "ID")
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodDelete, "/sessions/"+url.PathEscape(args[0]), "", nil, nil); err != nil {
		return err
	}
	return c.print(named{ID: args[0]}, func(w io.Writer) { fmt.Fprintf(w, "ended session %s\n", args[0]) })
}

type token struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	Secret  string `json:"secret,omitempty"`
	Expires string `json:"expires,omitempty"`
}

func tokenList(ctx context.Context, c *client) error {
	flags := c.flags("admin token list")
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	tokens, err := all[token](ctx, c, "/tokens", url.Values{})
	if err != nil {
		return err
	}
	return c.print(page[token]{Items: tokens}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tNAME\tUSER\tEXPIRES")
			for _, t := range tokens {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Email, t.Expires)
			}
		})
	})
}

// tokenCreate prints the secret of a new personal access token, the only time it is shown.
func tokenCreate(ctx context.Context, c *client) error {
	flags := c.flags("admin token create")
	args, err := arrange(ctx, flags, c, "NAME")
	if err != nil {
		return err
	}
	var t token
	if _, err := c.call(ctx, http.MethodPost, "/tokens", "", map[string]string{"name": args[0]}, &t); err != nil {
		return err
	}
	return c.print(t, func(w io.Writer) { fmt.Fprintln(w, t.Secret) })
}

func tokenDelete(ctx context.Context, c *client) error {
	flags := c.flags("admin token delete")
	args, err := arrange(ctx, flags, c, "ID")
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(args[0]), "", nil, nil); err != nil {
		return err
	}
	return c.print(named{ID: args[0]}, func(w io.Writer) { fmt.Fprintf(w, "deleted token %s\n", args[0]) })
}
