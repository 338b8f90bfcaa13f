package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tessera-iiif/tessera/coordinator/audit"
)

// auditEntry is an event on record as the API shows it.
type auditEntry struct {
	audit.Entry
	ActorEmail string `json:"actorEmail"`
}

// auditPage is one page of the record.
type auditPage struct {
	Items []auditEntry `json:"items"`
	Next  string       `json:"next"`
	Head  audit.Head   `json:"head"`
}

// auditFilter adds the flags that select entries.
func auditFilter(flags *pflag.FlagSet) func() url.Values {
	names := map[string]string{
		"event": "events of this name, or that begin so if it ends in *", "actor": "by whom, id or address",
		"target": "done to what, such as user:ID", "q": "part of target or details",
		"since": "from this instant on, such as 2026-03-01T09:00:00Z", "until": "before this instant",
	}
	values := map[string]*string{}
	for name, help := range names {
		values[name] = flags.String(name, "", help)
	}
	return func() url.Values {
		query := url.Values{}
		for name, value := range values {
			if *value != "" {
				query.Set(name, *value)
			}
		}
		return query
	}
}

// eachPage gives the pages of the record in the order of the query.
func eachPage(ctx context.Context, c *client, query url.Values, do func(auditPage) error) error {
	for {
		var p auditPage
		if _, err := c.call(ctx, http.MethodGet, "/audit?"+query.Encode(), "", nil, &p); err != nil {
			return err
		}
		if err := do(p); err != nil || p.Next == "" {
			return err
		}
		query.Set("after", p.Next)
	}
}

// auditList shows the latest entries.
func auditList(ctx context.Context, c *client) error {
	flags := c.flags("admin audit list")
	filter := auditFilter(flags)
	limit := flags.Int("limit", 50, "how many of the latest to show, at most 1000")
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	query := filter()
	query.Set("limit", strconv.Itoa(*limit))
	var p auditPage
	if _, err := c.call(ctx, http.MethodGet, "/audit?"+query.Encode(), "", nil, &p); err != nil {
		return err
	}
	return c.print(page[auditEntry]{Items: p.Items}, func(w io.Writer) {
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "NO.\tWHEN\tEVENT\tBY\tTARGET\tFROM\tDETAILS")
			for _, e := range p.Items {
				by := e.ActorEmail
				if by == "" {
					by = e.Actor
				}
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Seq, e.At.Format("2006-01-02 15:04:05"), e.Name, by, e.Target, e.Addr, e.Details)
			}
		})
	})
}

// auditExport prints entries from the oldest on, one JSON object a line.
func auditExport(ctx context.Context, c *client) error {
	flags := c.flags("admin audit export")
	filter := auditFilter(flags)
	if _, err := arrange(ctx, flags, c); err != nil {
		return err
	}
	query := filter()
	query.Set("order", "asc")
	query.Set("limit", "1000")
	out := json.NewEncoder(c.env.stdout)
	return eachPage(ctx, c, query, func(p auditPage) error {
		for _, e := range p.Items {
			if err := out.Encode(e.Entry); err != nil {
				return err
			}
		}
		return nil
	})
}

// soundness is what is said of a record that is whole.
type soundness struct {
	Entries int64      `json:"entries"`
	Head    audit.Head `json:"head"`
}

// auditVerify checks the chain here, from the entries themselves: of the server it
// believes nothing but those. With --file it checks an export, and asks no server.
func auditVerify(ctx context.Context, c *client) error {
	flags := c.flags("admin audit verify")
	file := flags.String("file", "", "check an export instead of the server's record")
	known := flags.String("head", "", "NUMBER:HASH of an entry noted earlier, which must still be there")
	if _, err := parse(flags, c.env.args); err != nil {
		return err
	}
	noted, err := parseHead(*known)
	if err != nil {
		return usageError{err}
	}
	check := checker{noted: noted}
	if *file != "" {
		err = check.file(*file)
	} else {
		err = check.server(ctx, c)
	}
	if err != nil {
		return err
	}
	s := soundness{Entries: check.verifier.Entries(), Head: check.verifier.Last()}
	return c.print(s, func(w io.Writer) {
		fmt.Fprintf(w, "%d entries, none altered or missing; to prove it later of those up to now, keep\n%d:%s\n", s.Entries, s.Head.Seq, s.Head.Hash)
	})
}

func parseHead(text string) (h audit.Head, err error) {
	if text == "" {
		return h, nil
	}
	number, hash, _ := strings.Cut(text, ":")
	h.Seq, err = strconv.ParseInt(number, 10, 64)
	if err == nil {
		h.Hash, err = audit.ParseHash(hash)
	}
	if err != nil || h.Seq < 1 {
		return h, errors.New("--head: write NUMBER:HASH as tessera admin audit verify printed it")
	}
	return h, nil
}

// checker verifies entry by entry.
type checker struct {
	verifier audit.Verifier
	noted    audit.Head // the zero Head if nothing was
	found    bool
}

func (k *checker) add(e audit.Entry) error {
	if e.Seq == k.noted.Seq {
		if e.Hash != k.noted.Hash {
			return fmt.Errorf("audit entry %d is not the one that was noted", e.Seq)
		}
		k.found = true
	}
	return k.verifier.Add(e)
}

func (k *checker) end(head audit.Head) error {
	if err := k.verifier.End(head); err != nil {
		return err
	}
	if k.noted.Seq > 0 && !k.found {
		return fmt.Errorf("audit entry %d, which was noted, is not there", k.noted.Seq)
	}
	return nil
}

func (k *checker) server(ctx context.Context, c *client) error {
	if err := c.connect(ctx); err != nil {
		return err
	}
	var head audit.Head
	err := eachPage(ctx, c, url.Values{"order": {"asc"}, "limit": {"1000"}}, func(p auditPage) error {
		head = p.Head
		for _, e := range p.Items {
			if err := k.add(e.Entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return k.end(head)
}

// maxExportLine bounds a line of an export, in bytes; ours are a tenth of it at most.
const maxExportLine = 1 << 20

func (k *checker) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return usageError{fmt.Errorf("cannot read the export: %w", err)}
	}
	defer f.Close() //nolint:errcheck // nothing was written
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxExportLine)
	for n := 1; lines.Scan(); n++ {
		var e audit.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("line %d of the export is no entry: %w", n, err)
		}
		if err := k.add(e); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the export: %w", err)
	}
	return k.end(k.verifier.Last())
}
