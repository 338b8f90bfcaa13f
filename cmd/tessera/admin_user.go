package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"
)

type user struct {
	ID     string   `json:"id"`
	Email  string   `json:"email"`
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
	Admin  bool     `json:"admin"`
	Active bool     `json:"active"`
}

func table(w io.Writer, rows func(io.Writer)) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows(t)
	_ = t.Flush()
}

func userList(ctx context.Context, c *client) error {
	flags := c.flags("admin user list")
	search := flags.String("q", "", "part of address or name")
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	users, err := all[user](ctx, c, "/users", url.Values{"q": {*search}})
	if err != nil {
		return err
	}
	return printUsers(c, users)
}

func printUsers(c *client, users []user) error {
	return c.print(page[user]{Items: users}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "EMAIL\tNAME\tGROUPS\tADMINISTRATOR\tACTIVE")
			for _, u := range users {
				fmt.Fprintf(w, "%s\t%s\t%s\t%t\t%t\n", u.Email, u.Name, strings.Join(u.Groups, ","), u.Admin, u.Active)
			}
		})
	})
}

// userFields are the flags that describe a user; only those given are sent.
func userFields(flags *pflag.FlagSet) func(env environment) (map[string]any, error) {
	name := flags.String("name", "", "name of the person")
	groups := flags.StringSlice("group", nil, "groups, comma-separated; an empty value leaves none")
	isAdmin := flags.Bool("admin", false, "administrator")
	active := flags.Bool("active", true, "may sign in")
	stdin := flags.Bool("password-stdin", false, "read the password from standard input")
	return func(env environment) (map[string]any, error) {
		fields := map[string]any{}
		for _, f := range []struct {
			flag, field string
			value       any
		}{{"name", "name", *name}, {"group", "groups", *groups}, {"admin", "admin", *isAdmin}, {"active", "active", *active}} {
			if flags.Changed(f.flag) {
				fields[f.field] = f.value
			}
		}
		if *stdin {
			password, err := io.ReadAll(io.LimitReader(env.stdin, 4096))
			if err != nil {
				return nil, err
			}
			fields["password"] = strings.TrimRight(string(password), "\r\n")
		}
		return fields, nil
	}
}

func userAdd(ctx context.Context, c *client) error {
	flags := c.flags("admin user add")
	read := userFields(flags)
	args, err := arrange(ctx, flags, c, "EMAIL")
	if err != nil {
		return err
	}
	fields, err := read(c.env)
	if err != nil {
		return err
	}
	fields["email"] = args[0]
	if _, given := fields["active"]; !given {
		fields["active"] = true
	}
	var u user
	if _, err := c.call(ctx, http.MethodPost, "/users", "", fields, &u); err != nil {
		return err
	}
	return c.print(u, func(w io.Writer) { fmt.Fprintf(w, "added %s\n", u.Email) })
}

func (c *client) userByEmail(ctx context.Context, email string) (user, error) {
	var p page[user]
	if _, err := c.call(ctx, http.MethodGet, "/users?"+url.Values{"email": {email}}.Encode(), "", nil, &p); err != nil {
		return user{}, err
	}
	if len(p.Items) == 0 {
		return user{}, fmt.Errorf("no user has the address %s", email)
	}
	return p.Items[0], nil
}

func userSet(ctx context.Context, c *client) error {
	flags := c.flags("admin user set")
	read := userFields(flags)
	args, err := arrange(ctx, flags, c, "EMAIL")
	if err != nil {
		return err
	}
	fields, err := read(c.env)
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return usageError{errors.New("say what to change: --name, --group, --admin, --active or --password-stdin")}
	}
	u, err := c.userByEmail(ctx, args[0])
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodPatch, "/users/"+url.PathEscape(u.ID), "", fields, &u); err != nil {
		return err
	}
	return c.print(u, func(w io.Writer) { fmt.Fprintf(w, "changed %s\n", u.Email) })
}

func userDelete(ctx context.Context, c *client) error {
	flags := c.flags("admin user delete")
	args, err := arrange(ctx, flags, c, "EMAIL")
	if err != nil {
		return err
	}
	u, err := c.userByEmail(ctx, args[0])
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodDelete, "/users/"+url.PathEscape(u.ID), "", nil, nil); err != nil {
		return err
	}
	return c.print(u, func(w io.Writer) { fmt.Fprintf(w, "deleted %s\n", u.Email) })
}
