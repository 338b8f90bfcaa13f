package people

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Bounds of a copy that is read.
const (
	maxCopyLine  = 64 << 20 // bytes; the rules are one line
	maxCopyUsers = 1_000_000
)

// copied is a copy that has been read whole and found sound.
type copied struct {
	rules    authz.Document
	accounts []db.Account
}

// Restore puts a copy into a database that has neither users nor rules: all of it,
// or nothing. It gives the number of users. Errors say which line is wrong.
func (s *Service) Restore(ctx context.Context, r io.Reader) (users int, err error) {
	c, err := s.readCopy(r)
	if err != nil {
		return 0, err
	}
	err = s.DB.Fill(ctx, s.Now(), func(tx *db.Tx) error {
		for _, a := range c.accounts {
			if err := tx.InsertAccount(ctx, a); err != nil {
				return fmt.Errorf("user %s: %w", a.Email, err)
			}
		}
		if len(c.rules.Items) == 0 {
			return nil
		}
		return tx.ReplaceRules(ctx, c.rules)
	})
	if err != nil {
		return 0, fmt.Errorf("put the copy into the database: %w", err)
	}
	return len(c.accounts), nil
}

func (s *Service) readCopy(r io.Reader) (copied, error) {
	var c copied
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxCopyLine)
	ended := false
	for n := 1; in.Scan(); n++ {
		if ended {
			return copied{}, fmt.Errorf("line %d comes after the end of the copy", n)
		}
		line, err := parseCopyLine(in.Bytes())
		if err == nil {
			ended, err = s.take(&c, n, line)
		}
		if err != nil {
			return copied{}, fmt.Errorf("line %d of the copy: %w", n, inWords(err))
		}
	}
	if err := in.Err(); err != nil {
		return copied{}, fmt.Errorf("read the copy: %w", err)
	}
	if !ended {
		return copied{}, errors.New("the copy has no end: it was cut off")
	}
	return c, nil
}

// inWords gives a refusal its sentence.
func inWords(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return errors.New(e.Sentence())
	}
	return err
}

// parseCopyLine reads a line with exactly one field that we know.
func parseCopyLine(text []byte) (line copyLine, err error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&line); err != nil {
		return copyLine{}, err
	}
	if in.More() {
		return copyLine{}, errors.New("two values on one line")
	}
	fields := 0
	for _, has := range []bool{line.Head != nil, line.Rules != nil, line.User != nil, line.End != nil} {
		if has {
			fields++
		}
	}
	if fields != 1 || line.Definitions != nil && line.Rules == nil {
		return copyLine{}, errors.New("one of tessera-copy, rules, user and end is wanted")
	}
	return line, nil
}

// take adds line number n and tells whether it is the end.
func (s *Service) take(c *copied, n int, line copyLine) (ended bool, err error) {
	switch {
	case (n == 1) != (line.Head != nil):
		return false, errors.New("a copy begins with its head, made by `tessera backup`")
	case (n == 2) != (line.Rules != nil):
		return false, errors.New("the rules are the second line")
	case line.Head != nil && line.Head.Version != copyVersion:
		return false, fmt.Errorf("this is version %d of copies, known here is %d: use the Tessera that made it, or a newer one", line.Head.Version, copyVersion)
	case line.Rules != nil:
		c.rules.Items = *line.Rules
		if line.Definitions != nil {
			c.rules.Definitions = *line.Definitions
		}
		_, err := s.compile(c.rules)
		return false, err
	case line.User != nil && len(c.accounts) == maxCopyUsers:
		return false, fmt.Errorf("more than %d users", maxCopyUsers)
	case line.User != nil:
		account, err := line.User.account()
		c.accounts = append(c.accounts, account)
		return false, err
	case line.End != nil && line.End.Users != len(c.accounts):
		return false, fmt.Errorf("%d users were written, %d are here", line.End.Users, len(c.accounts))
	}
	return line.End != nil, nil
}

// account checks a user as if somebody had typed her.
func (u copyUser) account() (db.Account, error) {
	groups, errGroups := cleanGroups(u.Groups)
	id, errID := uuid.Parse(u.ID)
	if errID == nil && id.String() != u.ID || fold(u.Email) != u.Email {
		errID = errors.New("id and address are not as Tessera writes them")
	}
	var errPassword error
	if u.Password != "" {
		errPassword = password.Check(u.Password)
	}
	if err := errors.Join(errID, checkEmail(u.Email), checkName(u.Name), errGroups, errPassword); err != nil {
		return db.Account{}, err
	}
	return db.Account{Password: u.Password, User: User{
		ID: u.ID, Email: u.Email, Name: u.Name, Groups: groups, Admin: u.Admin, Active: u.Active,
		Created: u.Created, Updated: u.Updated,
	}}, nil
}
