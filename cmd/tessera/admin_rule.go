package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// ruleTable is the rules as the API has them, and as files keep them. A file that
// says which revision it was made from is put in force over that one only.
type ruleTable struct {
	authz.Document
	Default  string          `json:"default,omitempty"`  // of no effect when set: a setting
	Revision *int64          `json:"revision,omitempty"` // absent: over any
	Warnings []authz.Warning `json:"warnings,omitempty"` // likewise

	Unmatched *unmatched `json:"unmatched,omitempty"` // likewise
}

// unmatched are the rules that name no image there is now.
type unmatched struct {
	Items   []authz.Warning `json:"items"`
	Unknown int             `json:"unknown"`
}

// rulesPath asks for those too.
const rulesPath = "/rules?unmatched=yes"

func (t ruleTable) information(w io.Writer) {
	if t.Unmatched == nil {
		return // of a server that does not know it
	}
	for _, x := range t.Unmatched.Items {
		fmt.Fprintln(w, remark("note", x))
	}
	if n := t.Unmatched.Unknown; n > 0 {
		fmt.Fprintf(w, "note: of %d rules it is not known whether they name any image\n", n)
	}
}

func ruleList(ctx context.Context, c *client) error {
	flags := c.flags("admin rule list")
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	var t ruleTable
	if _, err := c.call(ctx, http.MethodGet, rulesPath, "", nil, &t); err != nil {
		return err
	}
	return c.print(t, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "ORDER\tNAME\tIMAGES\tACCESS\tGROUPS")
			for i, r := range t.Items {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", i+1, r.Name, strings.Join(r.Images, " "), r.Access, strings.Join(r.Groups, ","))
			}
		})
		t.information(w)
	})
}

// ruleSet replaces all rules by those of a file, in the form `rule list --json` prints.
func ruleSet(ctx context.Context, c *client) error {
	flags := c.flags("admin rule set")
	ifMatch := flags.String("if-match", "", "revision that the rules must still have, * for any; without it the one that FILE names, if it does")
	args, err := parse(flags, c.env.args, "FILE")
	if err != nil {
		return err
	}
	t, err := readRuleTable(args[0])
	if err != nil {
		return usageError{err}
	}
	etag, err := expectedETag(flags, *ifMatch, t.Revision)
	if err != nil {
		return usageError{err}
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	var now ruleTable
	if _, err := c.call(ctx, http.MethodPut, rulesPath, etag, t.Document, &now); err != nil {
		return err
	}
	return c.print(now, func(w io.Writer) {
		fmt.Fprintf(w, "%d rules are in force\n", len(now.Items))
		for _, warning := range now.Warnings {
			fmt.Fprintln(w, remark("warning", warning))
		}
		now.information(w)
	})
}

func remark(kind string, w authz.Warning) string {
	switch {
	case w.Rule == 0:
		return kind + ": " + w.Text
	case w.Name == "":
		return fmt.Sprintf("%s: rule %d: %s", kind, w.Rule, w.Text)
	}
	return fmt.Sprintf("%s: rule %d (%s): %s", kind, w.Rule, w.Name, w.Text)
}

// expectedETag is the If-Match to send, "" for none. It is never what the server has
// at the moment: that would overwrite whatever somebody else did meanwhile.
func expectedETag(flags *pflag.FlagSet, given string, inFile *int64) (string, error) {
	switch {
	case given == "*":
		return given, nil
	case flags.Changed("if-match"):
		revision, err := strconv.ParseInt(strings.Trim(given, `"`), 10, 64)
		if err != nil || revision < 0 {
			return "", fmt.Errorf("--if-match %s: write the revision that `rule list --json` prints, or *", given)
		}
		return strconv.Quote(strconv.FormatInt(revision, 10)), nil
	case inFile != nil:
		return strconv.Quote(strconv.FormatInt(*inFile, 10)), nil
	}
	return "", nil
}

// readRules reads the rules of a file.
func readRules(path string) (authz.Document, error) {
	t, err := readRuleTable(path)
	return t.Document, err
}

// readRuleTable reads a file of rules, {"items": […]}.
func readRuleTable(path string) (ruleTable, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return ruleTable{}, fmt.Errorf("cannot read the rules: %w", err)
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	var t ruleTable
	if err := d.Decode(&t); err != nil {
		return ruleTable{}, fmt.Errorf("%s is not a list of rules, {\"items\": […]}: %w", path, err)
	}
	return t, nil
}
