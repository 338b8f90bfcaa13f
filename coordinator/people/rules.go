package people

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// MaxRules bounds the table of rules.
const MaxRules = 10000

// Rules reads the rules in force.
func (s *Service) Rules(ctx context.Context) (RuleSet, error) { return s.DB.Rules(ctx) }

// AnyRevision lets ReplaceRules replace whatever there is.
const AnyRevision int64 = -1

// ReplaceRules puts other rules in force, over the definitions there are, if those now
// in force have the given revision. Equal rules change nothing.
func (s *Service) ReplaceRules(ctx context.Context, actor Actor, rules []authz.Rule, expected int64) (RuleSet, error) {
	return s.replaceRules(ctx, actor, expected, func(now RuleSet) authz.Document {
		return authz.Document{Items: rules, Definitions: now.Definitions}
	})
}

// ReplaceDocument is ReplaceRules for the rules with what they refer to.
func (s *Service) ReplaceDocument(ctx context.Context, actor Actor, d authz.Document, expected int64) (RuleSet, error) {
	return s.replaceRules(ctx, actor, expected, func(RuleSet) authz.Document { return d })
}

func (s *Service) replaceRules(ctx context.Context, actor Actor, expected int64, next func(now RuleSet) authz.Document) (RuleSet, error) {
	changed := false
	err := s.update(ctx, func(tx *db.Tx) (err error) {
		changed, err = s.putRules(ctx, tx, actor, expected, next)
		return err
	})
	if err != nil {
		return RuleSet{}, err
	}
	set, err := s.Rules(ctx)
	if changed && err == nil {
		s.Log.InfoContext(ctx, "rules changed", "rules", len(set.Rules), "by", actor.UserID)
	}
	return set, err
}

func (s *Service) putRules(ctx context.Context, tx *db.Tx, actor Actor, expected int64, next func(now RuleSet) authz.Document) (changed bool, err error) {
	now, err := tx.Rules(ctx)
	if err != nil {
		return false, err
	}
	if expected != AnyRevision && expected != now.Revision {
		return false, &Error{Kind: Precondition, Code: "rules-changed"}
	}
	d := next(now)
	if _, err := s.compile(d); err != nil {
		return false, err
	}
	same, err := sameRules(now.Document(), d)
	if err != nil || same {
		return false, err
	}
	if err := recordRules(ctx, tx, actor, now.Document(), d); err != nil {
		return false, err
	}
	return true, tx.ReplaceRules(ctx, d)
}

// compile gives what is wrong with rules a sentence.
func (s *Service) compile(d authz.Document) (*authz.Policy, error) {
	if len(d.Items) > MaxRules {
		return nil, invalid("items", "too-many-rules", MaxRules)
	}
	policy, err := d.Compile(s.Fallback)
	if err != nil {
		return nil, invalid("items", "bad-rule", err.Error())
	}
	return policy, nil
}

func sameRules(a, b authz.Document) (bool, error) {
	if len(a.Items)+len(b.Items) == 0 { // null and [] are one
		a.Items, b.Items = nil, nil
	}
	left, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	right, err := json.Marshal(b)
	return bytes.Equal(left, right), err
}

// Warnings tells what is allowed in rules, and hardly meant.
func (s *Service) Warnings(d authz.Document, say *catalogue.Words) ([]authz.Warning, error) {
	policy, err := s.compile(d)
	if err != nil {
		return nil, err
	}
	return append(extensions(d, say), d.Warnings(policy, s.Now())...), nil
}

// extensions warns of patterns that no image can match: images are known to rules
// without the extension of their file.
func extensions(d authz.Document, say *catalogue.Words) []authz.Warning {
	var found []authz.Warning
	for i, r := range d.Items {
		for _, image := range r.Images {
			if name := tile.RuleName(image); name != image && len(found) < maxExtensions {
				found = append(found, authz.Warning{Rule: i + 1, Name: r.Name, Text: say.Text("rules.extension", image, name)})
			}
		}
	}
	return found
}

const maxExtensions = 20 // warnings of that kind

// Question is what an administrator wants explained.
type Question struct {
	User  string     // id or address; "" is somebody who has not signed in, and so is who may not
	Image string     // identifier
	Addr  netip.Addr // where the reader would be; the zero address is nowhere in particular
	At    time.Time  // zero: now
	Terms []string   // accepted besides those that the user has, each name@version
}

// Explanation is a decision and the rules that had a part in it.
type Explanation struct {
	authz.Decision
	Matches []authz.Match
}

// Explain decides about one image for one user, named by id or address; "" is
// somebody who has not signed in. Users who are not active count as such.
func (s *Service) Explain(ctx context.Context, user, image string) (authz.Decision, error) {
	e, err := s.ExplainAll(ctx, Question{User: user, Image: image})
	return e.Decision, err
}

// ExplainAll answers a question.
func (s *Service) ExplainAll(ctx context.Context, q Question) (Explanation, error) {
	who, err := s.explained(ctx, q.User)
	if err != nil {
		return Explanation{}, err
	}
	set, err := s.Rules(ctx)
	if err != nil {
		return Explanation{}, err
	}
	policy, err := set.Document().Compile(s.Fallback)
	if err != nil {
		return Explanation{}, err
	}
	id := q.Image
	if s.SlashSubstitute != "" {
		id = strings.ReplaceAll(id, s.SlashSubstitute, "/")
	}
	images := []string{id}
	if whole, marked := authz.SplitTier(id); marked {
		images = append(images, whole)
	}
	if policy, err = s.withItems(ctx, policy, images...); err != nil {
		return Explanation{}, err
	}
	if q.At.IsZero() {
		q.At = s.Now()
	}
	who.Addr, who.Terms = q.Addr, append(who.Terms, q.Terms...)
	return explain(policy, who, id, q.At), nil
}

// explain reads an identifier as edges do: that of a smaller image is about the whole,
// where there is a smaller one, and a name like any other elsewhere.
func explain(policy *authz.Policy, who authz.Principal, id string, at time.Time) Explanation {
	if whole, marked := authz.SplitTier(id); marked {
		image := tile.RuleName(whole)
		if d := policy.Decide(who, image, at); d.Tier != nil {
			d = d.OfTier()
			d.Tier = nil // there is none of a tier
			return Explanation{d, policy.Matches(image, at)}
		}
	}
	image := tile.RuleName(id)
	return Explanation{policy.Decide(who, image, at), policy.Matches(image, at)}
}

func (s *Service) explained(ctx context.Context, user string) (authz.Principal, error) {
	if user == "" {
		return authz.Principal{}, nil
	}
	u, err := s.userBy(ctx, user)
	if err != nil || !u.Active {
		return authz.Principal{}, notFound(err, "no-such-user")
	}
	who := principal(u)
	who.Terms, err = s.DB.UserTerms(ctx, u.ID)
	return who, err
}

// ReasonFor is the reason for administrators: what readers are told of a hidden image
// says nothing of it. What else bears on the decision has a sentence each.
func ReasonFor(d authz.Decision, say *catalogue.Words) string {
	reason := d.Reason
	if d.Outcome == authz.NotFound {
		reason = say.Text("explain.hidden")
	}
	for _, more := range []struct {
		holds bool
		key   string
	}{
		{d.Outcome == authz.AskHook, say.Text("explain.hook")},
		{d.ViewOnly, say.Text("explain.view-only")},
		{d.Tier != nil, say.Text("explain.tier")},
	} {
		if more.holds {
			reason += " " + more.key
		}
	}
	return reason
}
