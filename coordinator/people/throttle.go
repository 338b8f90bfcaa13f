package people

import (
	"context"
	"net/netip"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// Failures are free at first; each further one doubles the wait, up to a limit
// that a person can live with, and an hour of quiet forgets them.
const (
	freeByAccount = 5
	freeByNetwork = 50
	firstWait     = time.Second
	longestWait   = 15 * time.Minute
	forgetAfter   = time.Hour
)

// Network is the part of an address that one party controls: /24 or /48.
func Network(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	prefix, err := addr.Prefix(bits)
	if err != nil || !prefix.IsValid() {
		return "unknown"
	}
	return prefix.String()
}

// budget is a subject of throttling as found when an attempt was counted.
type budget struct {
	subject  string
	free     int
	failures int // this attempt included
}

// wait is the pause after so many failures.
func (b budget) wait() time.Duration {
	if b.failures <= b.free {
		return 0
	}
	doublings := min(b.failures-b.free-1, 20)
	return min(firstWait<<doublings, longestWait)
}

// budgets are the subjects of an attempt. Where an account is at home it has a
// budget of its own, so that strangers cannot lock its owner out.
func budgets(ctx context.Context, r db.Reader, email, network string) ([]budget, error) {
	account := "account " + session.HashOf(email).String()
	familiar, err := r.IsFamiliar(ctx, email, network)
	if err != nil {
		return nil, err
	}
	if familiar {
		account += " at " + network
	}
	return []budget{
		{subject: account, free: freeByAccount},
		{subject: "network " + network, free: freeByNetwork},
	}, nil
}

// countAttempt counts an attempt as failed before its password is looked at, so
// that guesses sent all at once do not share one allowance. While a wait lasts
// attempts are refused and not counted.
func (s *Service) countAttempt(ctx context.Context, email, network string) (counted []budget, err error) {
	err = s.update(ctx, func(tx *db.Tx) error {
		counted, err = budgets(ctx, tx.Reader, email, network)
		if err != nil {
			return err
		}
		for i := range counted {
			if err := s.countOne(ctx, tx, &counted[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return counted, err
}

func (s *Service) countOne(ctx context.Context, tx *db.Tx, b *budget) error {
	now := s.Now()
	t, err := tx.Throttle(ctx, b.subject)
	if err != nil {
		return err
	}
	if now.Before(t.Until) {
		return &Error{Kind: Throttled, Code: "throttled", Args: []any{pause(t.Until.Sub(now))}, RetryAfter: t.Until.Sub(now)}
	}
	if now.Sub(t.Updated) > forgetAfter {
		t.Failures = 0
	}
	b.failures = t.Failures + 1
	until := time.Time{}
	if wait := b.wait(); wait > 0 {
		until = now.Add(wait)
	}
	return tx.SetThrottle(ctx, b.subject, b.failures, until)
}

// pause rounds a wait up to what people say: "20s", "3m0s".
func pause(d time.Duration) time.Duration {
	unit := time.Second
	if d > time.Minute {
		unit = time.Minute
	}
	return (d + unit - 1).Truncate(unit)
}

// absolve takes a counted attempt back after it succeeded. The account starts
// afresh; of its network only this attempt is taken back, because whoever owns
// one account must not wash away guesses at others.
func absolve(ctx context.Context, tx *db.Tx, counted []budget) error {
	account, network := counted[0], counted[1]
	if err := tx.SetThrottle(ctx, account.subject, 0, time.Time{}); err != nil {
		return err
	}
	t, err := tx.Throttle(ctx, network.subject)
	if err != nil {
		return err
	}
	if t.Failures == network.failures {
		t.Until = time.Time{}
	}
	return tx.SetThrottle(ctx, network.subject, max(0, t.Failures-1), t.Until)
}
