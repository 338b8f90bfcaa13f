package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

type liveSession struct {
	ID      string `json:"id"`
	User    string `json:"user"`
	Email   string `json:"email"`
	Created string `json:"created"`
	Seen    string `json:"lastSeen"`
	Network string `json:"network"`
}

func sessionList(ctx context.Context, env environment) error {
	flags, c := apiFlags("admin session list", env)
	if _, err := arrange(ctx, flags, c, env); err != nil {
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

func sessionEnd(ctx context.Context, env environment) error {
	flags, c := apiFlags("admin session end", env)
	args, err := arrange(ctx, flags, c, env, "ID")
	if err != nil {
		return err
	}
	_, err = c.call(ctx, http.MethodDelete, "/sessions/"+url.PathEscape(args[0]), "", nil, nil)
	return err
}

type token struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Secret  string `json:"secret,omitempty"`
	Expires string `json:"expires,omitempty"`
}

func tokenList(ctx context.Context, env environment) error {
	flags, c := apiFlags("admin token list", env)
	if _, err := arrange(ctx, flags, c, env); err != nil {
		return err
	}
	tokens, err := all[token](ctx, c, "/tokens", url.Values{})
	if err != nil {
		return err
	}
	return c.print(page[token]{Items: tokens}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tNAME\tEXPIRES")
			for _, t := range tokens {
				fmt.Fprintf(w, "%s\t%s\t%s\n", t.ID, t.Name, t.Expires)
			}
		})
	})
}

// tokenCreate prints the secret of a new personal access token, the only time it is shown.
func tokenCreate(ctx context.Context, env environment) error {
	flags, c := apiFlags("admin token create", env)
	args, err := arrange(ctx, flags, c, env, "NAME")
	if err != nil {
		return err
	}
	var t token
	if _, err := c.call(ctx, http.MethodPost, "/tokens", "", map[string]string{"name": args[0]}, &t); err != nil {
		return err
	}
	return c.print(t, func(w io.Writer) { fmt.Fprintln(w, t.Secret) })
}

func tokenDelete(ctx context.Context, env environment) error {
	flags, c := apiFlags("admin token delete", env)
	args, err := arrange(ctx, flags, c, env, "ID")
	if err != nil {
		return err
	}
	_, err = c.call(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(args[0]), "", nil, nil)
	return err
}
