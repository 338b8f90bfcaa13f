package main

import (
	"context"
	"fmt"
	"io"
	"maps"
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
	users, err := all[user](ctx, c, "/users", url.Values{"limit": {"1000"}})
	if err != nil {
		return err
	}
	groups := groupsOf(users)
	return c.print(page[group]{Items: groups}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "GROUP\tMEMBERS")
			for _, g := range groups {
				fmt.Fprintf(w, "%s\t%d\n", g.Name, g.Members)
			}
		})
	})
}

func groupsOf(users []user) []group {
	members := map[string]int{}
	for _, u := range users {
		for _, name := range u.Groups {
			members[name]++
		}
	}
	groups := []group{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		groups = append(groups, group{name, members[name]})
	}
	return groups
}

func groupAdd(ctx context.Context, c *client) error {
	return changeGroups(ctx, c, "admin group add", func(groups []string, name string) ([]string, error) {
		return append(groups, name), nil // the coordinator removes doubles
	})
}

func groupRemove(ctx context.Context, c *client) error {
	return changeGroups(ctx, c, "admin group remove", func(groups []string, name string) ([]string, error) {
		i := slices.Index(groups, name)
		if i < 0 {
			return nil, fmt.Errorf("is not in %s", name)
		}
		return slices.Delete(groups, i, i+1), nil
	})
}

// changeGroups sets the groups of a user to what change makes of them.
func changeGroups(ctx context.Context, c *client, command string, change func(groups []string, name string) ([]string, error)) error {
	flags := c.flags(command)
	args, err := arrange(ctx, flags, c, "GROUP", "EMAIL")
	if err != nil {
		return err
	}
	u, err := c.userByEmail(ctx, args[1])
	if err != nil {
		return err
	}
	groups, err := change(u.Groups, args[0])
	if err != nil {
		return fmt.Errorf("%s %w", u.Email, err)
	}
	if _, err := c.call(ctx, http.MethodPatch, "/users/"+url.PathEscape(u.ID), "", map[string]any{"groups": groups}, &u); err != nil {
		return err
	}
	return c.print(u, func(w io.Writer) { fmt.Fprintf(w, "changed %s\n", u.Email) })
}
