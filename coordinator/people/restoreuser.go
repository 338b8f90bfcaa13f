package people

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/internal/session"
)

// Bounds of one user of a copy.
const (
	maxCopyAccepted = 10_000 // versions of terms
	maxCopyText     = 512    // bytes of the name of terms with their version
)

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
	identities, errIdentities := u.identities()
	accepted, errAccepted := u.accepted()
	tokens, errTokens := u.tokens()
	if err := errors.Join(errID, checkEmail(u.Email), checkName(u.Name), errGroups, errPassword, errIdentities, errAccepted, errTokens); err != nil {
		return db.Account{}, err
	}
	return db.Account{Password: u.Password, Identities: identities, Accepted: accepted, Tokens: tokens, User: User{
		ID: u.ID, Email: u.Email, Name: u.Name, Groups: groups, Admin: u.Admin, Active: u.Active,
		Created: u.Created, Updated: u.Updated,
	}}, nil
}

func (u copyUser) identities() (all []Identity, err error) {
	if len(u.Identities) > maxIdentities {
		return nil, fmt.Errorf("more than %d identities", maxIdentities)
	}
	for _, i := range u.Identities {
		for _, text := range []string{i.Issuer, i.Subject, i.Provider} {
			if text == "" || len(text) > maxIdentityText || !isPlain(text) {
				return nil, errors.New("an identity has issuer, subject and provider")
			}
		}
		all = append(all, Identity{
			Issuer: i.Issuer, Subject: i.Subject, Provider: i.Provider, Email: i.Email, Founded: i.Founded, Admin: i.Admin,
			Created: i.Created, Seen: i.Seen,
		})
	}
	return all, nil
}

// accepted does not ask whether rules still refer to the terms: whoever accepted them
// did, and they may be asked for again.
func (u copyUser) accepted() (all []db.Acceptance, err error) {
	if len(u.Accepted) > maxCopyAccepted {
		return nil, fmt.Errorf("more than %d accepted terms", maxCopyAccepted)
	}
	for _, a := range u.Accepted {
		if a.Name == "" || a.Version == "" || len(a.Name)+len(a.Version) > maxCopyText || !isPlain(a.Name+a.Version) || a.At.IsZero() {
			return nil, errors.New("accepted terms have a name, a version and an instant")
		}
		all = append(all, db.Acceptance(a))
	}
	return all, nil
}

func (u copyUser) tokens() (all []db.KeptToken, err error) {
	if len(u.Tokens) > maxPersonalTokens {
		return nil, fmt.Errorf("more than %d tokens", maxPersonalTokens)
	}
	for _, t := range u.Tokens {
		scopes, err := cleanScopes(strings.Fields(t.Scopes))
		id, errID := uuid.Parse(t.ID)
		switch {
		case err != nil:
			return nil, err
		case errID != nil || id.String() != t.ID || t.Hash == (session.Hash{}) || t.Name == "" || checkName(t.Name) != nil || t.Expires.IsZero():
			return nil, errors.New("a token has an id, a hash, a name and an end")
		}
		kept := db.PersonalToken{ID: t.ID, Name: t.Name, Scopes: scopes, Created: t.Created, Used: t.Used, Expires: t.Expires}
		all = append(all, db.KeptToken{PersonalToken: kept, Hash: t.Hash})
	}
	return all, nil
}
