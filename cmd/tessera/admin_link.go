package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/pflag"
)

type signInLink struct {
	User     string `json:"user"`
	URL      string `json:"url"`
	Password bool   `json:"password"`
	Expires  string `json:"expires"`
}

// userLink prints a link that signs a user in once, the only time it is shown.
func userLink(ctx context.Context, c *client) error {
	flags := c.flags("admin user link")
	keep := flags.Bool("keep-password", false, "only sign in: ask for no new password")
	life := flags.Duration("life", 24*time.Hour, "how long it is good, at most 168h")
	u, err := c.userOf(ctx, flags)
	if err != nil {
		return err
	}
	asked := map[string]any{"password": !*keep, "expires": time.Now().Add(*life)}
	var link signInLink
	if _, err := c.call(ctx, http.MethodPost, linkPath(u), "", asked, &link); err != nil {
		return err
	}
	return c.print(link, func(w io.Writer) { fmt.Fprintln(w, link.URL) })
}

func userUnlink(ctx context.Context, c *client) error {
	u, err := c.userOf(ctx, c.flags("admin user unlink"))
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodDelete, linkPath(u), "", nil, nil); err != nil {
		return err
	}
	return c.print(u, func(w io.Writer) { fmt.Fprintf(w, "%s has no sign-in link any more\n", u.Email) })
}

// userOf finds the one user that a command names.
func (c *client) userOf(ctx context.Context, flags *pflag.FlagSet) (user, error) {
	args, err := arrange(ctx, flags, c, "EMAIL")
	if err != nil {
		return user{}, err
	}
	return c.userByEmail(ctx, args[0])
}

func linkPath(u user) string { return "/users/" + url.PathEscape(u.ID) + "/sign-in-link" }
