package people

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// MaxRules bounds the table of rules.
const MaxRules = 10000

// Rules reads the rules in force.
func (s *Service) Rules(ctx context.Context) (RuleSet, error) { return s.DB.Rules(ctx) }

// AnyRevision lets ReplaceRules replace whatever there is.
const AnyRevision int64 = -1

// ReplaceRules puts another table in force if the one now in force has the given
// revision. Equal rules change nothing.
func (s *Service) ReplaceRules(ctx context.Context, actor Actor, rules []authz.Rule, expected int64) (RuleSet, error) {
	if err := s.checkRules(rules); err != nil {
		return RuleSet{}, err
	}
	changed := false
	err := s.update(ctx, func(tx *db.Tx) error {
		changed = false
		now, err := tx.Rules(ctx)
		if err != nil {
			return err
		}
		if expected != AnyRevision && expected != now.Revision {
			return &Error{Kind: Precondition, Code: "rules-changed"}
		}
		same, err := sameRules(now.Rules, rules)
		if err != nil || same {
			return err
		}
		changed = true
		if err := recordRules(ctx, tx, actor, now.Rules, rules); err != nil {
			return err
		}
		return tx.ReplaceRules(ctx, rules)
	})
	if err != nil {
		return RuleSet{}, err
	}
	if changed {
		s.Log.InfoContext(ctx, "rules changed", "rules", len(rules), "by", actor.UserID)
	}
	return s.Rules(ctx)
}

func (s *Service) checkRules(rules []authz.Rule) error {
	if len(rules) > MaxRules {
		return invalid("items", "too-many-rules", MaxRules)
	}
	if _, err := authz.Compile(rules, s.Fallback); err != nil {
		return invalid("items", "bad-rule", err.Error())
	}
	return nil
}

func sameRules(a, b []authz.Rule) (bool, error) {
	if len(a) == 0 && len(b) == 0 {
		return true, nil
	}
	left, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	right, err := json.Marshal(b)
	return bytes.Equal(left, right), err
}

// Explain decides about one image for one user, named by id or address; "" is
// somebody who has not signed in. Users who are not active count as such.
func (s *Service) Explain(ctx context.Context, user, image string) (authz.Decision, error) {
	who, err := s.explained(ctx, user)
	if err != nil {
		return authz.Decision{}, err
	}
	set, err := s.Rules(ctx)
	if err != nil {
		return authz.Decision{}, err
	}
	policy, err := authz.Compile(set.Rules, s.Fallback)
	if err != nil {
		return authz.Decision{}, err
	}
	return policy.Decide(who, tile.RuleName(image), s.Now()), nil
}

func (s *Service) explained(ctx context.Context, user string) (authz.Principal, error) {
	if user == "" {
		return authz.Principal{}, nil
	}
	u, err := s.DB.User(ctx, user)
	if errors.Is(err, db.ErrNotFound) {
		u, err = s.DB.UserByEmail(ctx, fold(user))
	}
	if err != nil || !u.Active {
		return authz.Principal{}, notFound(err, "no-such-user")
	}
	return principal(u), nil
}
