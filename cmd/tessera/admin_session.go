package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/pflag"
)

// named is what is left to say of something that is gone.
type named struct {
	ID string `json:"id"`
}

type liveSession struct {
	ID       string `json:"id"`
	User     string `json:"user"`
	Email    string `json:"email"`
	Provider string `json:"provider"`
	Network  string `json:"network"`
	Agent    string `json:"agent"`
	Created  string `json:"created"`
	Seen     string `json:"seen"`
	Expires  string `json:"expires"`
}

// sessionFilter adds the flags that select sessions.
func sessionFilter(flags *pflag.FlagSet) func() url.Values {
	who := flags.String("user", "", "of one user, id or address")
	provider := flags.String("provider", "", "of those whom one provider vouched for; empty: by password")
	return func() url.Values {
		query := url.Values{}
		if *who != "" {
			query.Set("user", *who)
		}
		if flags.Changed("provider") {
			query.Set("provider", *provider)
		}
		return query
	}
}

func sessionList(ctx context.Context, c *client) error {
	flags := c.flags("admin session list")
	filter := sessionFilter(flags)
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	sessions, err := all[liveSession](ctx, c, "/sessions", filter())
	if err != nil {
		return err
	}
	return c.print(page[liveSession]{Items: sessions}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tUSER\tPROVIDER\tNETWORK\tSINCE\tLAST SEEN")
			for _, s := range sessions {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.Email, s.Provider, s.Network, s.Created, s.Seen)
			}
		})
	})
}

// sessionEnd ends one session by its id, or all that --user and --provider select.
func sessionEnd(ctx context.Context, c *client) error {
	flags := c.flags("admin session end")
	filter := sessionFilter(flags)
	if err := flags.Parse(c.env.args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	query := filter()
	if (flags.NArg() == 1) == (len(query) > 0) {
		return usageError{errors.New("tessera admin session end ID, or --user EMAIL, --provider NAME or both")}
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	if len(query) > 0 {
		return sessionsEnd(ctx, c, query)
	}
	id := flags.Arg(0)
	if _, err := c.call(ctx, http.MethodDelete, "/sessions/"+url.PathEscape(id), "", nil, nil); err != nil {
		return err
	}
	return c.print(named{ID: id}, func(w io.Writer) { fmt.Fprintf(w, "ended session %s\n", id) })
}

func sessionsEnd(ctx context.Context, c *client, query url.Values) error {
	var answer struct {
		Ended int `json:"ended"`
	}
	if _, err := c.call(ctx, http.MethodDelete, "/sessions?"+query.Encode(), "", nil, &answer); err != nil {
		return err
	}
	return c.print(answer, func(w io.Writer) { fmt.Fprintf(w, "ended %d sessions\n", answer.Ended) })
}
