package people

import (
	"context"
	"slices"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
)

// record puts what an actor did on record, within the transaction that does it.
func record(ctx context.Context, tx *db.Tx, actor Actor, name, target string, details any) error {
	return tx.Audit(ctx, audit.Event{Name: name, Actor: actor.UserID, Target: target, Details: details})
}

// Targets of events.
func userTarget(id string) string    { return "user:" + id }
func sessionTarget(id string) string { return "session:" + id }
func tokenTarget(id string) string   { return "token:" + id }
func groupTarget(name string) string { return "group:" + name }

// Why sessions ended before their time.
const (
	byLogout   = "logout"
	byRevoking = "revoked"
)

func recordEnd(ctx context.Context, tx *db.Tx, actor Actor, sess Session, why string) error {
	return record(ctx, tx, actor, audit.SessionExpired, sessionTarget(sess.ID), map[string]any{"user": sess.User.ID, "reason": why})
}

// recordChange tells apart what changes rights and what does not.
func recordChange(ctx context.Context, tx *db.Tx, actor Actor, before, after User) error {
	changes, rights := changesOf(before, after)
	name := audit.UserUpdated
	if rights {
		name = audit.RightsChange
	}
	return record(ctx, tx, actor, name, userTarget(after.ID), changes)
}

func changesOf(before, after User) (changes map[string]audit.Change, rights bool) {
	changes = map[string]audit.Change{}
	note := func(field string, from, to any, differs bool) bool {
		if differs {
			changes[field] = audit.Change{From: from, To: to}
		}
		return differs
	}
	note("email", before.Email, after.Email, before.Email != after.Email)
	note("name", before.Name, after.Name, before.Name != after.Name)
	for _, differs := range []bool{
		note("groups", before.Groups, after.Groups, !slices.Equal(before.Groups, after.Groups)),
		note("admin", before.Admin, after.Admin, before.Admin != after.Admin),
		note("active", before.Active, after.Active, before.Active != after.Active),
	} {
		rights = rights || differs
	}
	return changes, rights
}
