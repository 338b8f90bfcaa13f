package people

import (
	"context"
	"net/netip"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// Failures are free at first; each further one doubles the wait, up to a limit
// that a person can live with. Counts drain with time whatever else happens: on a
// busy network there is never an hour of quiet, and its daily slips of the finger
// must not add up to a wait for everybody.
const (
	freeByAccount  = 5
	freeByNetwork  = 50
	drainByAccount = 12 * time.Minute // takes one failure off
	drainByNetwork = 2 * time.Minute
	firstWait      = time.Second
	longestWait    = 15 * time.Minute
	maxDoublings   = 10            // firstWait doubled so often is beyond longestWait
	forgetAfter    = 4 * time.Hour // the fullest count has drained by then
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
	drain    time.Duration
	waived   bool // its wait is not for this attempt
	failures int  // this attempt included
}

// wait is the pause after so many failures.
func (b budget) wait() time.Duration {
	if b.failures <= b.free {
		return 0
	}
	return min(firstWait<<min(b.failures-b.free-1, maxDoublings), longestWait)
}

// drained is a count as it stands now.
func (b budget) drained(t db.Throttle, now time.Time) db.Throttle {
	off := max(0, int(now.Sub(t.Updated)/b.drain))
	if off >= t.Failures {
		t.Failures, t.Updated = 0, now
		return t
	}
	t.Failures -= off
	t.Updated = t.Updated.Add(time.Duration(off) * b.drain)
	return t
}

// budgets are the subjects of an attempt. Where an account is at home it has a
// budget of its own, so that strangers cannot lock its owner out, and it does not
// wait for what others do wrong on its network. That tells guessers of that very
// network whose home it is, which is the price of not locking an institution out.
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
		{subject: account, free: freeByAccount, drain: drainByAccount},
		{subject: "network " + network, free: freeByNetwork, drain: drainByNetwork, waived: familiar},
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
	if wait := t.Until.Sub(now); wait > 0 && !b.waived {
		return &Error{Kind: Throttled, Code: "throttled", Args: []any{pause(wait)}, RetryAfter: wait}
	}
	t = b.drained(t, now)
	t.Failures = min(t.Failures+1, b.free+maxDoublings+1)
	b.failures = t.Failures
	if wait := b.wait(); wait > 0 && !b.waived {
		t.Until = now.Add(wait)
	}
	return tx.SetThrottle(ctx, b.subject, t)
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
func (s *Service) absolve(ctx context.Context, tx *db.Tx, counted []budget) error {
	account, network := counted[0], counted[1]
	if err := tx.SetThrottle(ctx, account.subject, db.Throttle{Updated: s.Now()}); err != nil {
		return err
	}
	return network.takeBack(ctx, tx)
}

// takeBack undoes the count of one attempt, and the wait it led to.
func (b budget) takeBack(ctx context.Context, tx *db.Tx) error {
	t, err := tx.Throttle(ctx, b.subject)
	if err != nil {
		return err
	}
	if t.Failures == b.failures && !b.waived {
		t.Until = time.Time{}
	}
	t.Failures = max(0, t.Failures-1)
	return tx.SetThrottle(ctx, b.subject, t)
}

// takeBackWithin bounds how long an attempt that came to nothing is put right.
const takeBackWithin = 5 * time.Second

// takeBack undoes an attempt that was no wrong guess: we had no time for it, or
// whoever made it left before the answer.
func (s *Service) takeBack(ctx context.Context, counted []budget) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackWithin)
	defer cancel()
	err := s.update(ctx, func(tx *db.Tx) error {
		for _, b := range counted {
			if err := b.takeBack(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Log.WarnContext(ctx, "attempt to sign in not taken back", "error", err)
	}
}
