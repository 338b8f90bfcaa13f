package people

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// A copy is a file of JSON, one value a line: a head, the rules, each user, each image
// with a setting of its own, each entry of the record, and an end by which a file that was
// cut off is known. A line has one field.
type copyLine struct {
	Head  *copyHead     `json:"tessera-copy,omitempty"`
	Rules *[]authz.Rule `json:"rules,omitempty"`
	User  *copyUser     `json:"user,omitempty"`
	Item  *copyItem     `json:"item,omitempty"`
	Audit *audit.Entry  `json:"audit,omitempty"`
	End   *copyEnd      `json:"end,omitempty"`

	Definitions *authz.Definitions `json:"definitions,omitempty"` // on the line of the rules, where they refer to any
}

// definitionsOf is nil where there are none: older versions know no line with them.
func definitionsOf(set RuleSet) *authz.Definitions {
	if d := set.Definitions; len(d.Collections)+len(d.Networks)+len(d.Terms) > 0 {
		return &d
	}
	return nil
}

type copyHead struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
}

type copyUser struct {
	ID       string    `json:"id"`
	Email    string    `json:"email"`
	Name     string    `json:"name,omitempty"`
	Password string    `json:"password,omitempty"` // PHC string
	Groups   []string  `json:"groups,omitempty"`
	Admin    bool      `json:"admin,omitempty"`
	Active   bool      `json:"active"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`

	Identities []copyIdentity `json:"identities,omitempty"`
	Accepted   []copyAccepted `json:"accepted,omitempty"`
	Tokens     []copyToken    `json:"tokens,omitempty"`
}

// copyIdentity is whom a provider knows the user as; its groups come with the next
// sign-in.
type copyIdentity struct {
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Provider string `json:"provider"`
	Email    string `json:"email,omitempty"`
	Founded  bool   `json:"founded,omitempty"`
	Admin    bool   `json:"admin,omitempty"`

	Created time.Time `json:"created,omitzero"` // copies before version 3 do not say
	Seen    time.Time `json:"seen,omitzero"`
}

// copyAccepted is that the user accepted a version of terms.
type copyAccepted struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
}

// copyToken is a personal access token, by its hash: a secret of 256 bits is not found
// by guessing.
type copyToken struct {
	ID      string       `json:"id"`
	Hash    session.Hash `json:"hash"`
	Name    string       `json:"name"`
	Scopes  string       `json:"scopes"`
	Created time.Time    `json:"created"`
	Used    time.Time    `json:"used,omitzero"`
	Expires time.Time    `json:"expires"`
}

func copyOf(a db.Account) *copyUser {
	u := &copyUser{
		ID: a.ID, Email: a.Email, Name: a.Name, Password: a.Password, Groups: a.Groups,
		Admin: a.Admin, Active: a.Active, Created: a.Created, Updated: a.Updated,
	}
	for _, i := range a.Identities {
		u.Identities = append(u.Identities, copyIdentity{i.Issuer, i.Subject, i.Provider, i.Email, i.Founded, i.Admin, i.Created, i.Seen})
	}
	for _, t := range a.Accepted {
		u.Accepted = append(u.Accepted, copyAccepted(t))
	}
	for _, t := range a.Tokens {
		u.Tokens = append(u.Tokens, copyToken{t.ID, t.Hash, t.Name, t.Scopes, t.Created, t.Used, t.Expires})
	}
	return u
}

type copyItem struct {
	Image   string        `json:"image"`
	Setting authz.Setting `json:"setting"`
}

type copyEnd struct {
	Users int   `json:"users"`
	Items int64 `json:"items,omitempty"`
	Audit int64 `json:"audit,omitempty"` // entries
}

const (
	copyVersion    = 3 // 1 had no record, 2 neither accepted terms nor tokens
	copyVersionMin = 1
	copyPage       = 1000 // users in memory at a time
)

// Backup writes users with their groups, whom providers know them as, terms they accepted
// and their personal tokens, the rules, the settings of single images, and the record of
// changes as they are at one moment. What is left out ends by itself and soon, and must
// not begin again with an old copy: sessions, visits, access tokens, sign-in links. It
// gives the number of users.
func (s *Service) Backup(ctx context.Context, w io.Writer) (users int, err error) {
	out := json.NewEncoder(w)
	err = s.DB.ViewAll(ctx, func(r db.Reader) error {
		set, err := r.Rules(ctx)
		if err != nil {
			return err
		}
		if err := out.Encode(copyLine{Head: &copyHead{Version: copyVersion, Made: s.Now().UTC()}}); err != nil {
			return err
		}
		rules := append([]authz.Rule{}, set.Rules...) // never null
		if err := out.Encode(copyLine{Rules: &rules, Definitions: definitionsOf(set)}); err != nil {
			return err
		}
		if users, err = writeUsers(ctx, r, out); err != nil {
			return err
		}
		items, err := writeItems(ctx, r, out)
		if err != nil {
			return err
		}
		entries := int64(0)
		err = eachEntry(ctx, r, func(e audit.Entry) error {
			entries++
			return out.Encode(copyLine{Audit: &e})
		})
		if err != nil {
			return err
		}
		return out.Encode(copyLine{End: &copyEnd{Users: users, Items: items, Audit: entries}})
	})
	if err != nil {
		return 0, fmt.Errorf("copy people and rights: %w", err)
	}
	return users, nil
}

func writeUsers(ctx context.Context, r db.Reader, out *json.Encoder) (n int, err error) {
	for after := ""; ; {
		page, err := r.Accounts(ctx, after, copyPage)
		if err != nil || len(page) == 0 {
			return n, err
		}
		for _, a := range page {
			if err := out.Encode(copyLine{User: copyOf(a)}); err != nil {
				return n, err
			}
		}
		n += len(page)
		after = page[len(page)-1].Email
	}
}

func writeItems(ctx context.Context, r db.Reader, out *json.Encoder) (n int64, err error) {
	for after := ""; ; {
		page, err := r.Items(ctx, "", after, copyPage)
		if err != nil || len(page) == 0 {
			return n, err
		}
		for _, row := range page {
			i, err := itemOf(row)
			if err != nil {
				return n, err
			}
			if err := out.Encode(copyLine{Item: &copyItem{i.Image, *i.Setting}}); err != nil {
				return n, err
			}
		}
		n += int64(len(page))
		after = page[len(page)-1].Image
	}
}
