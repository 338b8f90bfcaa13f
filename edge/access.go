package edge

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// verdict is what a visitor may do with one thing that exists, as far as the visitor
// may know of it.
type verdict struct {
	authz.Decision
	unsure  bool       // rights cannot be told at the moment
	faulty  string     // as of the visitor
	final   bool       // refused, and signing in does not help
	reduced bool       // of the tier that is there for everybody
	whole   tile.Image // of which it is the tier
}

// refusal is the answer to a request for content; nil when it is granted.
func (v verdict) refusal() error {
	switch {
	case v.unsure:
		return errUnsure
	case v.Outcome == authz.Allow:
		return nil
	case v.Outcome == authz.NeedLogin && v.faulty != "":
		return errFaulty(v.faulty)
	case v.Outcome == authz.NeedLogin:
		return errNeedLogin
	case v.Outcome == authz.NeedTerms:
		return errNeedTerms
	case v.Access == authz.Networks:
		return errElsewhere
	}
	return errForbidden
}

// blind tells that not even whether there is such a thing may be told: who may know of
// it cannot be found out now.
func (v verdict) blind() bool {
	return v.unsure && (v.Access == authz.Hook || v.Access == authz.Hidden && v.Outcome != authz.NotFound)
}

// statusRefusal is the answer to a viewer that asks how an image stands: forbidden to
// this account, or in this place, is "sign in" where another could open it, because 401
// is what makes viewers offer that, or say where the image may be seen.
func (v verdict) statusRefusal() error {
	if !v.unsure && v.Outcome == authz.Forbidden && v.Access != authz.Deny && !v.final {
		return errNeedLogin
	}
	return v.refusal()
}

// needsService tells whether a refusal is one to which a service is the answer.
func needsService(refusal error) bool {
	return errors.Is(refusal, errNeedLogin) || errors.Is(refusal, errNeedTerms)
}

// instead tells whether the smaller image stands in for a refused one.
func (v verdict) instead() bool { return v.Tier != nil && !v.unsure && !v.reduced }

// infoRefusal is nil when info.json is answered with 200. Version 3 describes every
// image that may be known of; its probe tells how the image stands.
func (v verdict) infoRefusal(version iiifurl.Version) error {
	if version == iiifurl.V3 && !v.unsure {
		return nil
	}
	return v.statusRefusal()
}

// decide applies the rules in force to a name as rules write it.
func (e *Edge) decide(who visitor, name string) (verdict, error) {
	if !e.cfg.Keeper.Ready() {
		return verdict{}, errUnsure // without any rules not even open images can be told
	}
	d := e.cfg.Keeper.Policy().Decide(who.Principal, name, e.cfg.Now())
	return verdict{Decision: d, unsure: !d.Public && (who.unsure || !e.cfg.Keeper.Fresh()), faulty: who.faulty}, nil
}

// examine finds an image and what the visitor may do with it. Its one error for both
// "hidden" and "does not exist" comes out of the same look-up: for a hidden image a
// name is asked for that nobody has, so that neither the answer nor its time, nor what
// happens when workers are away, tells the two apart.
func (e *Edge) examine(ctx context.Context, id string, who visitor) (tile.Image, verdict, error) {
	if of, v, ok, err := e.tierOf(id, who); err != nil || ok {
		return e.examineTier(ctx, id, of, v, err)
	}
	v, err := e.judge(ctx, who, tile.RuleName(id))
	switch {
	case err != nil:
		return tile.Image{}, v, err
	case v.blind():
		return tile.Image{}, v, errUnsure
	}
	hidden := v.Outcome == authz.NotFound
	if hidden {
		id = e.decoy(id)
	}
	image, err := e.images.get(ctx, id)
	if hidden && !outage(err) {
		err = errMissing
	}
	return image, v, err
}

func (e *Edge) examineTier(ctx context.Context, id, of string, v verdict, err error) (tile.Image, verdict, error) {
	if err != nil {
		return tile.Image{}, v, err
	}
	whole, err := e.images.get(ctx, of)
	if err != nil {
		return tile.Image{}, v, err
	}
	v.whole = whole
	return reduce(whole, id, *v.Tier), v, nil
}

// decoy is a name beside id that cannot be guessed, and so does not exist. Equal ids
// have equal decoys: what is remembered of them ages alike.
func (e *Edge) decoy(id string) string {
	sum := sha256.Sum256([]byte(e.decoySalt + id))
	return id[:strings.LastIndexByte(id, '/')+1] + base64.RawURLEncoding.EncodeToString(sum[:])
}

// identify maps the substitute for slashes, once and before any rule sees the name.
func (e *Edge) identify(id string) (string, error) {
	sub := e.cfg.SlashSubstitute
	if sub == "" || !strings.Contains(id, sub) {
		return id, nil
	}
	return iiifurl.ParseIdentifier(iiifurl.EscapeIdentifier(strings.ReplaceAll(id, sub, "/")))
}

// spell is how an identifier stands in the URLs we mint.
func (e *Edge) spell(id string) string {
	if sub := e.cfg.SlashSubstitute; sub != "" {
		id = strings.ReplaceAll(id, "/", sub)
	}
	return iiifurl.EscapeIdentifier(id)
}
