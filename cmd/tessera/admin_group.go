package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
)

// group is a label that users bear; it is there as long as somebody bears it.
type group struct {
	Name    string `json:"name"`
	Members int    `json:"members"`
}

func groupList(ctx context.Context, c *client) error {
	flags := c.flags("admin group list")
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	groups, err := all[group](ctx, c, "/groups", url.Values{"limit": {"1000"}})
	if err != nil {
		return err
	}
	return c.print(page[group]{Items: groups}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "GROUP\tMEMBERS")
			for _, g := range groups {
				fmt.Fprintf(w, "%s\t%d\n", g.Name, g.Members)
			}
		})
	})
}

func groupMembers(ctx context.Context, c *client) error {
	flags := c.flags("admin group members")
	args, err := arrange(ctx, flags, c, "GROUP")
	if err != nil {
		return err
	}
	users, err := all[user](ctx, c, groupPath(args[0])+"/members", url.Values{"limit": {"1000"}})
	if err != nil {
		return err
	}
	return printUsers(c, users)
}

func groupRename(ctx context.Context, c *client) error {
	flags := c.flags("admin group rename")
	args, err := arrange(ctx, flags, c, "GROUP", "NAME")
	if err != nil {
		return err
	}
	var g group
	if _, err := c.call(ctx, http.MethodPatch, groupPath(args[0]), "", map[string]string{"name": args[1]}, &g); err != nil {
		return err
	}
	return c.print(g, func(w io.Writer) { fmt.Fprintf(w, "renamed %s to %s, in the rules too\n", args[0], g.Name) })
}

func groupDelete(ctx context.Context, c *client) error {
	flags := c.flags("admin group delete")
	args, err := arrange(ctx, flags, c, "GROUP")
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodDelete, groupPath(args[0]), "", nil, nil); err != nil {
		return err
	}
	return c.print(group{Name: args[0]}, func(w io.Writer) { fmt.Fprintf(w, "nobody is in %s any more\n", args[0]) })
}

func groupPath(name string) string { return "/groups/" + url.PathEscape(name) }

func groupAdd(ctx context.Context, c *client) error {
	return setMember(ctx, c, "admin group add", http.MethodPut)
}

func groupRemove(ctx context.Context, c *client) error {
	return setMember(ctx, c, "admin group remove", http.MethodDelete)
}

// setMember puts somebody into a group or takes her out.
func setMember(ctx context.Context, c *client, command, method string) error {
	flags := c.flags(command)
	args, err := arrange(ctx, flags, c, "GROUP", "EMAIL")
	if err != nil {
		return err
	}
	u, err := c.userByEmail(ctx, args[1])
	if err != nil {
		return err
	}
	if method == http.MethodDelete && !slices.Contains(u.Groups, args[0]) {
		return fmt.Errorf("%s is not in %s", u.Email, args[0])
	}
	if _, err := c.call(ctx, method, groupPath(args[0])+"/members/"+url.PathEscape(u.ID), "", nil, nil); err != nil {
		return err
	}
	if u, err = c.userByEmail(ctx, u.Email); err != nil {
		return err
	}
	return c.print(u, func(w io.Writer) { fmt.Fprintf(w, "changed %s\n", u.Email) })
}
