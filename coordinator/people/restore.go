package people

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Bounds of a copy that is read.
const (
	maxCopyLine  = 64 << 20 // bytes; the rules are one line
	maxCopyUsers = 1_000_000
)

// copied counts what has been read of a copy. None of it is kept: there may be millions
// of entries.
type copied struct {
	policy *authz.Policy // of the rules, which settings of images refer to
	users  int
	items  int64
	record audit.Verifier
	ended  bool
}

// Restore puts a copy into a database that has neither users nor rules: all of it,
// or nothing. It gives the number of users. Errors say which line is wrong.
func (s *Service) Restore(ctx context.Context, r io.Reader) (users int, err error) {
	lines := &copyLines{in: bufio.NewScanner(r)}
	lines.in.Buffer(nil, maxCopyLine)
	var c copied
	err = s.DB.Fill(ctx, s.Now(), func(tx *db.Tx) error {
		if lines.n > 0 { // the database gave up once, and a stream is read but once
			return errors.New("the database broke off; try again")
		}
		return s.readCopy(lines, &c, &restorer{ctx: ctx, tx: tx})
	})
	if err != nil {
		return 0, fmt.Errorf("put the copy into the database: %w", err)
	}
	return c.users, nil
}

// keeper takes what was found sound.
type keeper interface {
	rules(d authz.Document) error
	user(a db.Account) error
	item(i db.Item) error
	entry(e audit.Entry) error
	end() error
}

// restorer puts everything into the database as it is read: PostgreSQL ends a
// transaction in which nothing happens.
type restorer struct {
	ctx context.Context //nolint:containedctx // lives as long as one call of Restore
	tx  *db.Tx

	items []db.Item // not in the database yet
}

func (r *restorer) rules(d authz.Document) error {
	if len(d.Items) == 0 && definitionsOf(RuleSet{Definitions: d.Definitions}) == nil {
		return nil
	}
	return r.tx.ReplaceRules(r.ctx, d)
}

func (r *restorer) user(a db.Account) error {
	if err := r.tx.InsertAccount(r.ctx, a); err != nil {
		return fmt.Errorf("user %s: %w", a.Email, err)
	}
	return nil
}

func (r *restorer) item(i db.Item) error {
	if r.items = append(r.items, i); len(r.items) < copyPage {
		return nil
	}
	return r.end()
}

func (r *restorer) entry(e audit.Entry) error { return r.tx.InsertAudit(r.ctx, e) }

func (r *restorer) end() error {
	_, err := r.tx.SetItems(r.ctx, r.items)
	r.items = nil
	return err
}

// copyLines counts what it reads.
type copyLines struct {
	in *bufio.Scanner
	n  int
}

func (l *copyLines) next() bool {
	more := l.in.Scan()
	if more {
		l.n++
	}
	return more
}

func (s *Service) readCopy(lines *copyLines, c *copied, keep keeper) error {
	for lines.next() {
		if c.ended {
			return fmt.Errorf("line %d comes after the end of the copy", lines.n)
		}
		line, err := parseCopyLine(lines.in.Bytes())
		if err == nil {
			err = s.take(c, lines.n, line, keep)
		}
		if err != nil {
			return fmt.Errorf("line %d of the copy: %w", lines.n, inWords(err))
		}
	}
	if err := lines.in.Err(); err != nil {
		return fmt.Errorf("read the copy: %w", err)
	}
	if !c.ended {
		return errors.New("the copy has no end: it was cut off")
	}
	return nil
}

// inWords gives a refusal its sentence.
func inWords(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return errors.New(e.Sentence(catalogue.Bundled().Default()))
	}
	return err
}

// parseCopyLine reads a line with exactly one field that we know.
func parseCopyLine(text []byte) (line copyLine, err error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&line); err != nil {
		return copyLine{}, errors.New(err.Error()) // an EOF here is none of the connection to the database
	}
	if in.More() {
		return copyLine{}, errors.New("two values on one line")
	}
	fields := 0
	for _, has := range []bool{line.Head != nil, line.Rules != nil, line.User != nil, line.Item != nil, line.Audit != nil, line.End != nil} {
		if has {
			fields++
		}
	}
	if fields != 1 || line.Definitions != nil && line.Rules == nil {
		return copyLine{}, errors.New("one of tessera-copy, rules, user, item, audit and end is wanted")
	}
	return line, nil
}

// take adds line number n.
func (s *Service) take(c *copied, n int, line copyLine, keep keeper) (err error) {
	switch {
	case (n == 1) != (line.Head != nil):
		return errors.New("a copy begins with its head, made by `tessera backup`")
	case (n == 2) != (line.Rules != nil):
		return errors.New("the rules are the second line")
	case line.Head != nil:
		return checkCopyVersion(line.Head.Version)
	case line.Rules != nil:
		d := authz.Document{Items: *line.Rules}
		if line.Definitions != nil {
			d.Definitions = *line.Definitions
		}
		if c.policy, err = s.compile(d); err != nil {
			return err
		}
		return keep.rules(d)
	case line.User != nil:
		return c.takeUser(*line.User, keep)
	case line.Item != nil:
		return c.takeItem(*line.Item, keep)
	case line.Audit != nil:
		if err := c.record.Add(*line.Audit); err != nil {
			return err
		}
		return keep.entry(*line.Audit)
	}
	c.ended = true
	if err := c.checkEnd(*line.End); err != nil {
		return err
	}
	return keep.end()
}

func checkCopyVersion(version int) error {
	if version < copyVersionMin || version > copyVersion {
		return fmt.Errorf("this is version %d of copies, known here are %d to %d: use the Tessera that made it, or a newer one", version, copyVersionMin, copyVersion)
	}
	return nil
}

func (c *copied) takeUser(u copyUser, keep keeper) error {
	switch {
	case c.users == maxCopyUsers:
		return fmt.Errorf("more than %d users", maxCopyUsers)
	case c.record.Entries() > 0 || c.items > 0:
		return errors.New("users stand before the record and before images")
	}
	account, err := u.account()
	if err != nil {
		return err
	}
	c.users++
	return keep.user(account)
}

func (c *copied) takeItem(i copyItem, keep keeper) error {
	if c.record.Entries() > 0 {
		return errors.New("images stand before the record")
	}
	row, err := itemRow(c.policy, Item{i.Image, &i.Setting})
	if err != nil {
		return err
	}
	c.items++
	return keep.item(row)
}

func (c *copied) checkEnd(end copyEnd) error {
	if end.Users != c.users {
		return fmt.Errorf("%d users were written, %d are here", end.Users, c.users)
	}
	if end.Items != c.items {
		return fmt.Errorf("%d images were written, %d are here", end.Items, c.items)
	}
	if end.Audit != c.record.Entries() {
		return fmt.Errorf("%d entries of the record were written, %d are here", end.Audit, c.record.Entries())
	}
	return c.record.End(c.record.Last()) // whether its beginning is vouched for
}
