package edge

import (
	"context"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Hook asks another system about images that a rule leaves to it; *hook.Client is one.
type Hook interface {
	// Ask gives the outcome, one of Allow, NeedLogin, Forbidden and NotFound. An error
	// says that the system could not be asked, or gave no answer that can be read.
	Ask(ctx context.Context, who authz.Principal, image string, now time.Time) (authz.Outcome, error)
}

// judge is decide, and the question to another system where the rule says so. It is
// asked before anything is looked up, so that what it hides costs what is not there.
func (e *Edge) judge(ctx context.Context, who visitor, name string) (verdict, error) {
	v, err := e.decide(who, name)
	if err != nil || v.Outcome != authz.AskHook || v.unsure {
		return v, err
	}
	err = errNoHook
	if e.cfg.Hook != nil {
		v.Outcome, err = e.cfg.Hook.Ask(ctx, who.Principal, name, e.cfg.Now())
	}
	if err != nil {
		e.cfg.Log.WarnContext(ctx, "the decision hook does not answer", "image", name, "error", err)
		v.unsure = true
		return v, nil
	}
	v.final = v.Outcome == authz.Forbidden // where signing in helps, that system says so
	return v, nil
}
