package people

import (
	"context"
	"errors"
	"slices"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Groups lists a page.
func (s *Service) Groups(ctx context.Context, q GroupQuery) ([]Group, error) {
	return s.DB.Groups(ctx, q)
}

// Group tells how many bear a group.
func (s *Service) Group(ctx context.Context, name string) (Group, error) {
	g, err := s.DB.Group(ctx, name)
	return g, notFound(err, "no-such-group")
}

func cleanGroup(name string) (string, error) {
	clean, err := cleanGroups([]string{name})
	if err != nil {
		return "", invalid("name", "bad-group")
	}
	return clean[0], nil
}

// RenameGroup gives a group another name, in the rules too, so that it opens what it
// opened. A name that is somebody's, by a provider too, or some rule's already is
// refused: renaming must not give anybody rights.
func (s *Service) RenameGroup(ctx context.Context, actor Actor, from, to string) (Group, error) {
	to, err := cleanGroup(to)
	if err != nil {
		return Group{}, err
	}
	if from == to {
		return s.Group(ctx, from)
	}
	err = s.update(ctx, func(tx *db.Tx) error { return renameGroup(ctx, tx, actor, from, to) })
	if err != nil {
		return Group{}, notFound(err, "no-such-group")
	}
	s.Log.InfoContext(ctx, "group renamed", "from", from, "to", to, "by", actor.UserID)
	return s.Group(ctx, to)
}

func renameGroup(ctx context.Context, tx *db.Tx, actor Actor, from, to string) error {
	set, err := tx.Rules(ctx)
	if err != nil {
		return err
	}
	settings, err := settingsOfItems(ctx, tx)
	if err != nil {
		return err
	}
	borne, err := isBorne(ctx, tx, to)
	if err != nil {
		return err
	}
	if borne || names(set.Rules, to) || namedBy(settings, to) {
		return &Error{Kind: Conflict, Code: "group-taken", Field: "name"}
	}
	if err := tx.RenameGroup(ctx, from, to); err != nil {
		return err
	}
	if err := record(ctx, tx, actor, audit.RightsChange, groupTarget(to), map[string]any{"name": audit.Change{From: from, To: to}}); err != nil {
		return err
	}
	if err := renameInItems(ctx, tx, settings, from, to); err != nil {
		return err
	}
	if !names(set.Rules, from) {
		return nil
	}
	after := set.Document()
	after.Items = renamed(set.Rules, from, to)
	if err := recordRules(ctx, tx, actor, set.Document(), after); err != nil {
		return err
	}
	return tx.ReplaceRules(ctx, after)
}

// isBorne tells whether anybody has a group, given here or by a provider.
func isBorne(ctx context.Context, tx *db.Tx, group string) (bool, error) {
	_, err := tx.Group(ctx, group)
	if errors.Is(err, db.ErrNotFound) {
		return tx.IsLent(ctx, group)
	}
	return err == nil, err
}

func names(rules []authz.Rule, group string) bool {
	return slices.ContainsFunc(rules, func(r authz.Rule) bool { return slices.Contains(r.Groups, group) })
}

func renamed(rules []authz.Rule, from, to string) []authz.Rule {
	after := slices.Clone(rules)
	for i := range after {
		after[i].Groups = slices.Clone(after[i].Groups)
		for j, name := range after[i].Groups {
			if name == from {
				after[i].Groups[j] = to
			}
		}
	}
	return after
}

// DeleteGroup takes a group from all who bear it. Rules that name it open nothing by it
// any more. A group nobody bears is gone already.
func (s *Service) DeleteGroup(ctx context.Context, actor Actor, name string) error {
	err := s.update(ctx, func(tx *db.Tx) error {
		g, err := tx.Group(ctx, name)
		if errors.Is(err, db.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := record(ctx, tx, actor, audit.RightsChange, groupTarget(name), map[string]any{"members": audit.Change{From: g.Members, To: 0}}); err != nil {
			return err
		}
		return tx.DeleteGroup(ctx, name)
	})
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "group deleted", "group", name, "by", actor.UserID)
	return nil
}

// SetMember makes somebody bear a group, or no longer. What is so already stays so.
func (s *Service) SetMember(ctx context.Context, actor Actor, group, userID string, member bool) error {
	group, err := cleanGroup(group)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(tx *db.Tx) error {
		before, err := tx.User(ctx, userID)
		if err != nil {
			return err
		}
		groups := slices.DeleteFunc(slices.Clone(before.Groups), func(name string) bool { return name == group })
		if member {
			groups = append(groups, group)
		}
		after, err := UserChange{Groups: &groups}.applyTo(before)
		if err != nil {
			return err
		}
		return s.save(ctx, tx, actor, before, after)
	})
	return notFound(err, "no-such-user")
}
