package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type token struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Email   string   `json:"email"`
	Scopes  []string `json:"scopes"`
	Secret  string   `json:"secret,omitempty"`
	Used    string   `json:"used,omitempty"`
	Expires string   `json:"expires,omitempty"`
}

func tokenList(ctx context.Context, c *client) error {
	flags := c.flags("admin token list")
	who := flags.String("user", "", "of one user alone, id or address")
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	tokens, err := all[token](ctx, c, "/tokens", url.Values{"user": {*who}})
	if err != nil {
		return err
	}
	return c.print(page[token]{Items: tokens}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tNAME\tUSER\tSCOPES\tLAST USED\tEXPIRES")
			for _, t := range tokens {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Email, strings.Join(t.Scopes, ","), t.Used, t.Expires)
			}
		})
	})
}

// tokenCreate prints the secret of a new personal access token, the only time it is shown.
func tokenCreate(ctx context.Context, c *client) error {
	flags := c.flags("admin token create")
	scopes := flags.StringSlice("scope", nil, "what it is for: images, admin:read, admin; all of them if left out")
	life := flags.Duration("life", 0, "how long it is good, such as 720h; 90 days if left out")
	who := flags.String("user", "", "whose it is, by address; the caller's own if left out")
	args, err := arrange(ctx, flags, c, "NAME")
	if err != nil {
		return err
	}
	asked := map[string]any{"name": args[0], "scopes": *scopes}
	if *life != 0 {
		asked["expires"] = time.Now().Add(*life)
	}
	if *who != "" {
		u, err := c.userByEmail(ctx, *who)
		if err != nil {
			return err
		}
		asked["user"] = u.ID
	}
	var t token
	if _, err := c.call(ctx, http.MethodPost, "/tokens", "", asked, &t); err != nil {
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
