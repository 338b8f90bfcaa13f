package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// item is an image with the access that was set for it alone, as the API has it.
type item struct {
	Image string `json:"image"`
	authz.Setting
	Remove bool `json:"remove,omitempty"`
}

func itemList(ctx context.Context, c *client) error {
	flags := c.flags("admin item list")
	prefix := flags.String("prefix", "", "images whose identifiers begin with this")
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	items, err := all[item](ctx, c, "/items", url.Values{"prefix": {*prefix}, "limit": {"1000"}})
	if err != nil {
		return err
	}
	return c.print(page[item]{Items: items}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "IMAGE\tACCESS\tGROUPS\tFROM\tUNTIL")
			for _, i := range items {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", i.Image, i.Access, strings.Join(i.Groups, ","), shown(i.From), shown(i.Until))
			}
		})
	})
}

func shown(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func itemSet(ctx context.Context, c *client) error {
	flags := c.flags("admin item set")
	access := flags.String("access", "", "open, login, groups, networks, hook, hidden or deny")
	groups := flags.StringSlice("groups", nil, "groups, with commas between")
	networks := flags.StringSlice("networks", nil, "networks, with commas between")
	from, until := flags.String("from", "", "instant from which it counts, such as 2030-01-01T00:00:00Z"), flags.String("until", "", "instant at which it ends to count")
	terms := flags.String("terms", "", "name of terms to accept first")
	args, err := parse(flags, c.env.args, "IMAGE")
	if err != nil {
		return err
	}
	i := item{Image: args[0], Setting: authz.Setting{Access: authz.Access(*access), Groups: *groups, Networks: *networks, Terms: *terms}}
	if i.From, err = instant("from", *from); err != nil {
		return usageError{err}
	}
	if i.Until, err = instant("until", *until); err != nil {
		return usageError{err}
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	var now item
	if _, err := c.call(ctx, http.MethodPut, itemPath(i.Image), "", i.Setting, &now); err != nil {
		return err
	}
	return c.print(now, func(w io.Writer) { fmt.Fprintf(w, "%s is %s now\n", now.Image, now.Access) })
}

func itemPath(image string) string { return "/items/" + url.PathEscape(image) + "/access" }

func instant(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%s %q: write an instant such as 2030-01-01T00:00:00Z", name, text)
	}
	return t, nil
}

func itemRemove(ctx context.Context, c *client) error {
	args, err := arrange(ctx, c.flags("admin item remove"), c, "IMAGE")
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodDelete, itemPath(args[0]), "", nil, nil); err != nil {
		return err
	}
	return c.print(item{Image: args[0], Remove: true}, func(w io.Writer) { fmt.Fprintf(w, "the rules decide about %s now\n", args[0]) })
}

// Bounds of one request of an import.
const (
	importItems = 2000
	importBytes = 700 << 10
)

// itemImport sends a file in pieces. Each is in force when it has been answered; what was
// sent before a fault stays, and sending the file again does no harm.
func itemImport(ctx context.Context, c *client) error {
	flags := c.flags("admin item import")
	form := flags.String("format", "", "jsonl or csv; by the file's name if it is left out")
	args, err := parse(flags, c.env.args, "FILE")
	if err != nil {
		return err
	}
	file, err := openItems(args[0])
	if err != nil {
		return usageError{err}
	}
	defer file.Close() //nolint:errcheck // it was only read
	next, err := itemReader(file, *form, args[0])
	if err != nil {
		return usageError{err}
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	read, changed, err := sendItems(ctx, c, next)
	if err != nil {
		return fmt.Errorf("%w; %d items before were set", err, read)
	}
	total := struct {
		Read    int `json:"read"`
		Changed int `json:"changed"`
	}{read, changed}
	return c.print(total, func(w io.Writer) { fmt.Fprintf(w, "%d items read, %d changed\n", read, changed) })
}

func openItems(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(path) //nolint:gosec // the file that was asked for
}

func sendItems(ctx context.Context, c *client, next func() (item, error)) (read, changed int, err error) {
	var batch []json.RawMessage
	bytes := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		var done struct{ Changed int }
		if _, err := c.call(ctx, http.MethodPost, "/items", "", page[json.RawMessage]{Items: batch}, &done); err != nil {
			return err
		}
		read, changed = read+len(batch), changed+done.Changed
		batch, bytes = nil, 0
		return nil
	}
	for {
		i, err := next()
		if errors.Is(err, io.EOF) {
			return read, changed, flush()
		}
		if err != nil {
			return read, changed, err
		}
		text, err := json.Marshal(i)
		if err != nil {
			return read, changed, err
		}
		if len(batch) == importItems || bytes+len(text) > importBytes {
			if err := flush(); err != nil {
				return read, changed, err
			}
		}
		batch, bytes = append(batch, text), bytes+len(text)
	}
}

// itemReader gives one item after the other, then io.EOF.
func itemReader(r io.Reader, form, name string) (func() (item, error), error) {
	switch {
	case form == "csv" || form == "" && strings.HasSuffix(name, ".csv"):
		return csvItems(r)
	case form == "jsonl" || form == "" && (strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson")):
		return lineItems(r), nil
	}
	return nil, errors.New("say with --format whether the file is jsonl or csv")
}

const maxItemLine = 256 << 10 // bytes

func lineItems(r io.Reader) func() (item, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxItemLine)
	n := 0
	return func() (item, error) {
		for lines.Scan() {
			n++
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			var i item
			d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
			d.DisallowUnknownFields()
			if err := d.Decode(&i); err != nil {
				return i, fmt.Errorf("line %d: %w", n, err)
			}
			return i, nil
		}
		if err := lines.Err(); err != nil {
			return item{}, fmt.Errorf("line %d: %w", n+1, err)
		}
		return item{}, io.EOF
	}
}

var itemColumns = []string{"image", "access", "groups", "networks", "from", "until", "terms", "remove"}

// csvItems reads columns by the names in the first line. Lists have semicolons between.
func csvItems(r io.Reader) (func() (item, error), error) {
	rows := csv.NewReader(r)
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("the first line names the columns, of %s: %w", strings.Join(itemColumns, ", "), err)
	}
	for _, name := range head {
		if !slices.Contains(itemColumns, name) {
			return nil, fmt.Errorf("there is no column %q; there are %s", name, strings.Join(itemColumns, ", "))
		}
	}
	if !slices.Contains(head, "image") {
		return nil, errors.New("the column image is missing")
	}
	return func() (item, error) {
		row, err := rows.Read()
		if err != nil {
			return item{}, err
		}
		line, _ := rows.FieldPos(0)
		i, err := itemOfRow(head, row)
		if err != nil {
			return i, fmt.Errorf("line %d: %w", line, err)
		}
		return i, nil
	}, nil
}

func itemOfRow(head, row []string) (i item, err error) {
	for n, value := range row {
		switch head[n] {
		case "image":
			i.Image = value
		case "access":
			i.Access = authz.Access(value)
		case "groups":
			i.Groups = listed(value)
		case "networks":
			i.Networks = listed(value)
		case "from":
			i.From, err = instant("from", value)
		case "until":
			i.Until, err = instant("until", value)
		case "terms":
			i.Terms = value
		case "remove":
			if i.Remove = value == "true"; value != "" && value != "true" && value != "false" {
				err = fmt.Errorf("remove %q: write true, false or nothing", value)
			}
		}
		if err != nil {
			return i, err
		}
	}
	return i, nil
}

func listed(value string) []string {
	var list []string
	for part := range strings.SplitSeq(value, ";") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
