package people

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// Departure is a sign-in that is with a provider.
type Departure = db.Departure

// Bounds of what may be with providers at the same time.
const (
	maxDeparturesHere = 500 // from one network: a reading room opens in the morning
	maxDepartures     = 20_000
)

// Depart keeps what a sign-in needs when it comes back. Errors: *Error of kind Busy.
func (s *Service) Depart(ctx context.Context, d Departure) error {
	here, all, err := s.DB.CountDepartures(ctx, d.Network, s.Now())
	if err != nil {
		return err
	}
	if here >= maxDeparturesHere || all >= maxDepartures {
		return errBusy
	}
	return s.DB.Note(ctx, s.Now(), func(tx *db.Tx) error { return tx.InsertDeparture(ctx, d) })
}

// Return gives what Depart kept, once, to the browser that left. Errors: db.ErrNotFound
// in an *Error of kind Invalid.
func (s *Service) Return(ctx context.Context, state, browser session.Hash, provider string) (d Departure, err error) {
	err = s.update(ctx, func(tx *db.Tx) error {
		d, err = tx.TakeDeparture(ctx, state, browser, provider)
		return err
	})
	if errors.Is(err, db.ErrNotFound) {
		return Departure{}, &Error{Kind: Invalid, Code: "no-such-departure"}
	}
	return d, err
}

// ProviderLogout is a provider's word that somebody signed out there (R40).
type ProviderLogout struct {
	Provider, Issuer string
	SID, Subject     string // at least one
	All              bool   // a SID ends all sessions of its subject
	Token            session.Hash
	Expires          time.Time // until when the same token must not count again
}

// LogoutByProvider ends the sessions that a provider says have ended. Errors: *Error of
// kind Invalid for a token that came before.
func (s *Service) LogoutByProvider(ctx context.Context, l ProviderLogout) (ended int, err error) {
	err = s.update(ctx, func(tx *db.Tx) error {
		if err := tx.UseToken(ctx, l.Token, l.Expires); err != nil {
			return err
		}
		meant, err := l.meant(ctx, tx.Reader)
		ended = len(meant)
		if err != nil {
			return err
		}
		return endAll(ctx, tx, system, meant, byProvider)
	})
	if errors.Is(err, db.ErrTaken) {
		return 0, &Error{Kind: Invalid, Code: "logout-again"}
	}
	if err != nil {
		return 0, err
	}
	return ended, nil
}

// meant finds the sessions: a SID names one, where there is none the subject's are meant.
func (l ProviderLogout) meant(ctx context.Context, r db.Reader) ([]ProviderSession, error) {
	var found []ProviderSession
	var err error
	if l.SID == "" {
		found, err = r.SessionsOfSubject(ctx, l.Issuer, l.Subject)
	} else {
		found, err = l.ofSID(ctx, r)
	}
	return slices.DeleteFunc(found, func(p ProviderSession) bool { return p.Provider != l.Provider }), err
}

func (l ProviderLogout) ofSID(ctx context.Context, r db.Reader) ([]ProviderSession, error) {
	found, err := r.SessionsOfSID(ctx, l.Issuer, l.SID)
	if err != nil {
		return nil, err
	}
	if l.Subject != "" {
		found = slices.DeleteFunc(found, func(p ProviderSession) bool { return p.Subject != l.Subject })
	}
	subject := l.Subject
	if subject == "" && len(found) > 0 {
		subject = found[0].Subject
	}
	if !l.All || subject == "" {
		return found, nil
	}
	return r.SessionsOfSubject(ctx, l.Issuer, subject)
}

// endAll ends sessions and puts each on record.
func endAll(ctx context.Context, tx *db.Tx, actor Actor, all []ProviderSession, why string) error {
	for _, p := range all {
		sess, err := tx.Session(ctx, p.SessionID)
		if err != nil {
			return err
		}
		if err := recordEnd(ctx, tx, actor, sess, why); err != nil {
			return err
		}
		if err := tx.EndSession(ctx, p.SessionID); err != nil {
			return err
		}
	}
	return nil
}

// SessionOfProvider finds what a session needs of its provider. Errors: db.ErrNotFound.
func (s *Service) SessionOfProvider(ctx context.Context, sessionID string) (ProviderSession, error) {
	return s.DB.ProviderSession(ctx, sessionID)
}

// Client is a provider as it is configured.
type Client struct{ Provider, Issuer string }

// KeepProviders ends the sessions of providers that are configured no more, and takes the
// groups and the administration back that their issuers gave (R54).
func (s *Service) KeepProviders(ctx context.Context, configured []Client) error {
	return s.update(ctx, func(tx *db.Tx) error {
		used, err := tx.SessionClients(ctx)
		if err != nil {
			return err
		}
		for _, p := range used {
			if slices.Contains(configured, Client{p.Provider, p.Issuer}) {
				continue
			}
			if err := tx.EndProviderSessions(ctx, p.Provider, p.Issuer); err != nil {
				return err
			}
			details := map[string]any{"reason": "the provider is configured no more", "issuer": p.Issuer}
			if err := record(ctx, tx, system, audit.SessionExpired, "provider:"+p.Provider, details); err != nil {
				return err
			}
			s.Log.InfoContext(ctx, "sessions of a provider ended: it is configured no more", "provider", p.Provider, "issuer", p.Issuer)
		}
		if err := s.dropAdmins(ctx, tx, configured); err != nil {
			return err
		}
		return dropLenders(ctx, tx, configured)
	})
}

func hasIssuer(configured []Client, issuer string) bool {
	return slices.ContainsFunc(configured, func(c Client) bool { return c.Issuer == issuer })
}

// dropAdmins leaves the last administrator one, as a provider that is there does: at the
// next start there may be others.
func (s *Service) dropAdmins(ctx context.Context, tx *db.Tx, configured []Client) error {
	all, err := tx.AdminIdentities(ctx)
	if err != nil {
		return err
	}
	for _, i := range all {
		if hasIssuer(configured, i.Issuer) {
			continue
		}
		if err := s.takeAdmin(ctx, tx, system, i); err != nil {
			if !isLastAdmin(err) {
				return err
			}
			s.Log.WarnContext(ctx, "the provider that made the last administrator one is configured no more; she stays one until there is another", "issuer", i.Issuer, "user", i.UserID)
		}
	}
	return nil
}

func dropLenders(ctx context.Context, tx *db.Tx, configured []Client) error {
	issuers, err := tx.Lenders(ctx)
	if err != nil {
		return err
	}
	for _, issuer := range issuers {
		if hasIssuer(configured, issuer) {
			continue
		}
		if err := tx.DropLentGroups(ctx, issuer); err != nil {
			return err
		}
	}
	return nil
}
