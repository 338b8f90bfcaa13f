package coordinator

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
)

// How providers are asked whether people may stay.
const (
	askEvery  = 30 * time.Second
	askAtOnce = 4                // questions under way
	askAtMost = 200              // sessions of one round
	askTime   = 15 * time.Second // for one
	askAgain  = 2 * time.Minute  // after one that was not answered
	askMargin = 2 * time.Minute  // past which another coordinator takes one that crashed for gone
)

// keepAsking asks until ctx ends.
func (c *Coordinator) keepAsking(ctx context.Context) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.askDue(ctx)
		}
	}
}

// asked names the providers that are asked whether people may stay. Sessions of others
// may be due since the operator wanted it otherwise, and must not be in the way.
func (p *providers) asked() []string {
	var names []string
	for name, settings := range p.settings {
		if settings.Refresh > 0 {
			names = append(names, name)
		}
	}
	return names
}

// askDue asks about every session that is due.
func (c *Coordinator) askDue(ctx context.Context) {
	due, err := c.people.DueSessions(ctx, c.providers.asked(), askAtMost)
	if err != nil {
		if ctx.Err() == nil {
			c.log.ErrorContext(ctx, "sessions of providers not looked up", "error", err)
		}
		return
	}
	var group errgroup.Group
	group.SetLimit(askAtOnce)
	for _, p := range due {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, askTime)
			defer cancel()
			if err := c.ask(ctx, p); err != nil && ctx.Err() == nil {
				c.log.ErrorContext(ctx, "a provider was not asked about a session", "provider", p.Provider, "session", p.SessionID, "error", err)
			}
			return nil
		})
	}
	_ = group.Wait() // they give no errors
}

// ask asks about one session (R42). A refresh token is used once, so it is asked by one
// coordinator alone; what comes of it is written down even if this one is to stop.
func (c *Coordinator) ask(ctx context.Context, p people.ProviderSession) error {
	settings := c.providers.settings[p.Provider]
	until := c.people.Now().Add(askMargin)
	mine, err := c.people.Postpone(ctx, p, until)
	if err != nil || !mine {
		return err
	}
	answer, err := c.askProvider(ctx, p)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	if err != nil {
		return c.unconfirmed(ctx, p, settings, err)
	}
	p.Confirmed = c.people.Now()
	p.Due = p.Confirmed.Add(settings.Refresh)
	p.IDToken = c.providers.key.Seal(answer.IDToken, useIDToken+p.SessionID)
	p.Refresh = c.providers.key.Seal(answer.Refresh, useRefresh+p.SessionID)
	if !answer.Told {
		return c.people.Keep(ctx, p)
	}
	return c.people.Confirm(ctx, p, said(settings, answer))
}

func (c *Coordinator) askProvider(ctx context.Context, p people.ProviderSession) (oidc.Arrival, error) {
	refresh, err := c.providers.key.Open(p.Refresh, useRefresh+p.SessionID)
	if err != nil {
		return oidc.Arrival{}, err
	}
	idToken, err := c.providers.key.Open(p.IDToken, useIDToken+p.SessionID)
	if err != nil {
		return oidc.Arrival{}, err
	}
	kept := oidc.Arrival{Subject: p.Subject, SID: p.SID, IDToken: idToken, Refresh: refresh}
	return c.providers.set.Find(p.Provider).Refresh(ctx, kept)
}

// unconfirmed ends a session that its provider ended, and one that nobody could vouch for
// longer than the operator allows.
func (c *Coordinator) unconfirmed(ctx context.Context, p people.ProviderSession, settings Provider, err error) error {
	fault, _ := asFault(err)
	if fault != nil && (fault.Kind == oidc.Over || fault.Kind == oidc.Refused) {
		return c.people.EndByProvider(ctx, p, fault.Error())
	}
	now := c.people.Now()
	if now.Sub(p.Confirmed) > settings.Refresh+settings.Grace {
		return c.people.EndByProvider(ctx, p, "it could not be asked for too long")
	}
	c.log.WarnContext(ctx, "a provider did not say whether somebody may stay", "provider", p.Provider, "session", p.SessionID, "error", err)
	p.Due = now.Add(min(askAgain, settings.Refresh))
	return c.people.Keep(ctx, p)
}
