package people

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/password"
)

// UserChange is what to set of a user; nil fields stay as they are.
type UserChange struct {
	Email    *string   `json:"email"`
	Name     *string   `json:"name"`
	Password *string   `json:"password"`
	Groups   *[]string `json:"groups"`
	Admin    *bool     `json:"admin"`
	Active   *bool     `json:"active"`
}

// applyTo gives the user as she will be.
func (c UserChange) applyTo(u User) (User, error) {
	if c.Email != nil {
		u.Email = fold(*c.Email)
	}
	if c.Name != nil {
		u.Name = *c.Name
	}
	if c.Groups != nil {
		groups, err := cleanGroups(*c.Groups)
		if err != nil {
			return User{}, err
		}
		u.Groups = groups
	}
	if c.Admin != nil {
		u.Admin = *c.Admin
	}
	if c.Active != nil {
		u.Active = *c.Active
	}
	return u, errors.Join(checkEmail(u.Email), checkName(u.Name))
}

// hashPassword gives the PHC string of the new password, "" if there is none.
func (s *Service) hashPassword(ctx context.Context, c UserChange) (string, error) {
	if c.Password == nil {
		return "", nil
	}
	if err := checkPassword(*c.Password); err != nil {
		return "", err
	}
	return s.hash(ctx, *c.Password)
}

func (s *Service) hash(ctx context.Context, text string) (string, error) {
	phc, err := s.Passwords.Hash(ctx, text)
	if errors.Is(err, password.ErrBusy) {
		return "", errBusy
	}
	return phc, err
}

// User finds a user by id.
func (s *Service) User(ctx context.Context, id string) (User, error) {
	u, err := s.DB.User(ctx, id)
	return u, notFound(err, "no-such-user")
}

// userBy finds a user by id or address; db.ErrNotFound if there is none.
func (s *Service) userBy(ctx context.Context, idOrEmail string) (User, error) {
	u, err := s.DB.User(ctx, idOrEmail)
	if errors.Is(err, db.ErrNotFound) {
		return s.DB.UserByEmail(ctx, fold(idOrEmail))
	}
	return u, err
}

// userID is userBy for who needs the id alone.
func (s *Service) userID(ctx context.Context, idOrEmail string) (string, error) {
	u, err := s.userBy(ctx, idOrEmail)
	return u.ID, err
}

// ofUser puts the id of a user in the place of an id or address that a list is asked for
// by; nobody tells that there is no such user, who has nothing to list. "" stays.
func (s *Service) ofUser(ctx context.Context, user *string) (nobody bool, err error) {
	if *user == "" {
		return false, nil
	}
	*user, err = s.userID(ctx, *user)
	if errors.Is(err, db.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// Users lists a page.
func (s *Service) Users(ctx context.Context, q UserQuery) ([]User, error) {
	q.Email = fold(q.Email)
	return s.DB.Users(ctx, q)
}

// CreateUser adds a user: active unless said otherwise. Without a password she
// cannot sign in until she is given one.
func (s *Service) CreateUser(ctx context.Context, actor Actor, c UserChange) (User, error) {
	u, err := c.applyTo(User{Active: true})
	if err == nil {
		err = actor.mayTouch(u)
	}
	if err != nil {
		return User{}, err
	}
	phc, err := s.hashPassword(ctx, c)
	if err != nil {
		return User{}, err
	}
	return s.insertUser(ctx, actor, u, phc)
}

func (s *Service) insertUser(ctx context.Context, actor Actor, u User, phc string) (User, error) {
	id, err := newID()
	if err != nil {
		return User{}, err
	}
	u.ID = id
	err = s.update(ctx, func(tx *db.Tx) error { return addUser(ctx, tx, actor, u, phc) })
	if err != nil {
		return User{}, taken(err)
	}
	s.Log.InfoContext(ctx, "user added", "user", u.ID, "admin", u.Admin)
	return s.User(ctx, u.ID)
}

func addUser(ctx context.Context, tx *db.Tx, actor Actor, u User, phc string) error {
	if err := tx.InsertUser(ctx, u, phc); err != nil {
		return err
	}
	return record(ctx, tx, actor, audit.UserCreated, userTarget(u.ID),
		map[string]any{"email": u.Email, "groups": append([]string{}, u.Groups...), "admin": u.Admin, "active": u.Active})
}

func taken(err error) error {
	if errors.Is(err, db.ErrTaken) {
		return &Error{Kind: Conflict, Code: "email-taken", Field: "email"}
	}
	return notFound(err, "no-such-user")
}

// UpdateUser changes a user and ends what she may no longer hold: every session
// when her standing changes, all but the actor's own when only the password does.
// expected is the Version it was made up from, or AnyVersion.
func (s *Service) UpdateUser(ctx context.Context, actor Actor, id string, c UserChange, expected string) (User, error) {
	phc, err := s.hashPassword(ctx, c)
	if err != nil {
		return User{}, err
	}
	err = s.update(ctx, func(tx *db.Tx) error {
		before, err := tx.User(ctx, id)
		if err != nil {
			return err
		}
		if err := checkVersion(before, expected); err != nil {
			return err
		}
		after, err := c.applyTo(before)
		if err == nil {
			err = actor.mayTouch(before, after)
		}
		if err != nil {
			return err
		}
		if err := s.save(ctx, tx, actor, before, after); err != nil {
			return err
		}
		return s.savePassword(ctx, tx, actor, after, phc)
	})
	if err != nil {
		return User{}, taken(err)
	}
	s.Log.InfoContext(ctx, "user changed", "user", id, "by", actor.UserID, "password", phc != "")
	return s.User(ctx, id)
}

func (s *Service) save(ctx context.Context, tx *db.Tx, actor Actor, before, after User) error {
	standing := before.Admin != after.Admin || before.Active != after.Active
	if !standing && before.Email == after.Email && before.Name == after.Name && slices.Equal(before.Groups, after.Groups) {
		return nil
	}
	if err := keepAnAdmin(ctx, tx, before, after.Admin && after.Active); err != nil {
		return err
	}
	if err := tx.SaveUser(ctx, after); err != nil {
		return err
	}
	if err := recordChange(ctx, tx, actor, before, after); err != nil {
		return err
	}
	if err := tx.ForgetUser(ctx, after.ID); err != nil {
		return err
	}
	if standing {
		return tx.EndSessions(ctx, after.ID, "")
	}
	return nil
}

func (s *Service) savePassword(ctx context.Context, tx *db.Tx, actor Actor, u User, phc string) error {
	if phc == "" {
		return nil
	}
	if err := tx.SetPassword(ctx, u.ID, phc); err != nil {
		return err
	}
	if err := record(ctx, tx, actor, audit.PasswordChange, userTarget(u.ID), nil); err != nil {
		return err
	}
	if err := revokeLink(ctx, tx, actor, u.ID); err != nil { // it would undo the change
		return err
	}
	keep := ""
	if actor.UserID == u.ID {
		keep = actor.SessionID
	}
	return tx.EndSessions(ctx, u.ID, keep)
}

// keepAnAdmin refuses to take the last active administrator away.
func keepAnAdmin(ctx context.Context, tx *db.Tx, before User, staysAdmin bool) error {
	if !before.Admin || !before.Active || staysAdmin {
		return nil
	}
	others, err := tx.OtherAdmins(ctx, before.ID)
	if err == nil && others == 0 {
		return &Error{Kind: Conflict, Code: "last-admin"}
	}
	return err
}

func isLastAdmin(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Code == "last-admin"
}

// DeleteUser deletes a user with her sessions and tokens. expected is as for
// UpdateUser.
func (s *Service) DeleteUser(ctx context.Context, actor Actor, id, expected string) error {
	err := s.update(ctx, func(tx *db.Tx) error {
		u, err := tx.User(ctx, id)
		if err != nil {
			return err
		}
		if err := actor.mayTouch(u); err != nil {
			return err
		}
		if err := errors.Join(checkVersion(u, expected), keepAnAdmin(ctx, tx, u, false)); err != nil {
			return err
		}
		if err := record(ctx, tx, actor, audit.UserDeleted, userTarget(id), map[string]any{"email": u.Email}); err != nil {
			return err
		}
		return tx.DeleteUser(ctx, id)
	})
	if err != nil {
		return notFound(err, "no-such-user")
	}
	s.Log.InfoContext(ctx, "user deleted", "user", id, "by", actor.UserID)
	return nil
}

// Bootstrap creates the first administrator if there are no users at all. An
// empty password is made up and returned, to be shown once. Of several coordinators
// that start on an empty database at once, one creates her and one alone returns a
// password.
func (s *Service) Bootstrap(ctx context.Context, email, text string) (madeUp string, err error) {
	n, err := s.DB.CountUsers(ctx)
	if err != nil || n > 0 {
		return "", err
	}
	u := User{Email: fold(email), Name: "Administrator", Admin: true, Active: true}
	if err := checkEmail(u.Email); err != nil {
		return "", fmt.Errorf("name of the first administrator %q: use an e-mail address or a name without spaces", email)
	}
	if text == "" {
		madeUp = password.MakeUp()
		text = madeUp
	}
	if len(text) > password.MaxLength {
		return "", fmt.Errorf("password of the first administrator: use at most %d bytes", password.MaxLength)
	}
	phc, err := s.hash(ctx, text)
	if err != nil {
		return "", err
	}
	if first, err := s.insertFirst(ctx, u, phc); err != nil || !first {
		return "", err
	}
	return madeUp, nil
}

// insertFirst adds a user unless there is one. It tells whether it did.
func (s *Service) insertFirst(ctx context.Context, u User, phc string) (first bool, err error) {
	if u.ID, err = newID(); err != nil {
		return false, err
	}
	err = s.update(ctx, func(tx *db.Tx) error {
		n, err := tx.CountUsers(ctx)
		if first = err == nil && n == 0; !first {
			return err
		}
		return addUser(ctx, tx, Actor{UserID: audit.System}, u, phc)
	})
	if err == nil && first {
		s.Log.InfoContext(ctx, "first administrator added", "user", u.ID)
	}
	return first, err
}

// IsLastAdmin tells whether a user is the only active administrator.
func (s *Service) IsLastAdmin(ctx context.Context, id string) (bool, error) {
	u, err := s.User(ctx, id)
	if err != nil || !u.Admin || !u.Active {
		return false, err
	}
	others, err := s.DB.OtherAdmins(ctx, id)
	return others == 0, err
}

// CountUsers counts every account.
func (s *Service) CountUsers(ctx context.Context) (int, error) { return s.DB.CountUsers(ctx) }
