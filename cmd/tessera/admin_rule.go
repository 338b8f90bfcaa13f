package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

func ruleList(ctx context.Context, env environment) error {
	flags, c := apiFlags("admin rule list", env)
	if _, err := arrange(ctx, flags, c, env); err != nil {
		return err
	}
	var p page[authz.Rule]
	if _, err := c.call(ctx, http.MethodGet, "/rules", "", nil, &p); err != nil {
		return err
	}
	return c.print(p, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "ORDER\tNAME\tIMAGES\tACCESS\tGROUPS")
			for i, r := range p.Items {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", i+1, r.Name, strings.Join(r.Images, " "), r.Access, strings.Join(r.Groups, ","))
			}
		})
	})
}

// ruleSet replaces all rules by those of a file, in the form `rule list --json` prints.
func ruleSet(ctx context.Context, env environment) error {
	flags, c := apiFlags("admin rule set", env)
	args, err := arrange(ctx, flags, c, env, "FILE")
	if err != nil {
		return err
	}
	rules, err := readRules(args[0])
	if err != nil {
		return usageError{err}
	}
	etag, err := c.call(ctx, http.MethodGet, "/rules", "", nil, nil)
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodPut, "/rules", etag, page[authz.Rule]{Items: rules}, nil); err != nil {
		return err
	}
	return c.print(page[authz.Rule]{Items: rules}, func(w io.Writer) { fmt.Fprintf(w, "%d rules are in force\n", len(rules)) })
}

// readRules reads a file of rules, {"items": […]}.
func readRules(path string) ([]authz.Rule, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the rules: %w", err)
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	var p page[authz.Rule]
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("%s is not a list of rules, {\"items\": […]}: %w", path, err)
	}
	return p.Items, nil
}
