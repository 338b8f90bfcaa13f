package db

import (
	"context"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// Departure is a sign-in that is with a provider at the moment.
type Departure struct {
	State    session.Hash // of what the provider sends back
	Browser  session.Hash // of the cookie of the browser that left
	Provider string
	Network  string
	Document string // what it takes to go on, in JSON
	Expires  time.Time
}

// CountDepartures counts those that have not expired, of a network and of all.
func (r Reader) CountDepartures(ctx context.Context, network string, now time.Time) (here, all int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT COALESCE(SUM(CASE WHEN network = $1 THEN 1 ELSE 0 END), 0), COUNT(*)
		FROM departures WHERE expires > $2`, network, millis(now)).Scan(&here, &all)
	if err != nil {
		return 0, 0, fmt.Errorf("departures: %w", err)
	}
	return here, all, nil
}

// InsertDeparture stores one and deletes those that have expired.
func (tx *Tx) InsertDeparture(ctx context.Context, d Departure) error {
	if err := tx.exec(ctx, `DELETE FROM departures WHERE expires <= $1`, millis(tx.now)); err != nil {
		return fmt.Errorf("delete expired departures: %w", err)
	}
	err := tx.exec(ctx, `INSERT INTO departures (state, browser, provider, network, document, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
		d.State.String(), d.Browser.String(), d.Provider, d.Network, d.Document, millis(d.Expires))
	if err != nil {
		return fmt.Errorf("insert departure: %w", err)
	}
	return nil
}

// TakeDeparture deletes a departure and gives it: it is there once. One that has expired,
// or was made by another browser or for another provider, is not found, and stays.
func (tx *Tx) TakeDeparture(ctx context.Context, state, browser session.Hash, provider string) (Departure, error) {
	d := Departure{State: state, Browser: browser, Provider: provider}
	var expires int64
	err := tx.q.QueryRowContext(ctx, `DELETE FROM departures WHERE state = $1 AND browser = $2 AND provider = $3 AND expires > $4
		RETURNING network, document, expires`, state.String(), browser.String(), provider, millis(tx.now)).
		Scan(&d.Network, &d.Document, &expires)
	if err != nil {
		return Departure{}, notFound("departure", err)
	}
	d.Expires = instant(expires)
	return d, nil
}

// UseToken marks a token as used until it expires; ErrTaken if it was already.
func (tx *Tx) UseToken(ctx context.Context, hash session.Hash, expires time.Time) error {
	if err := tx.exec(ctx, `INSERT INTO used_tokens (hash, expires) VALUES ($1, $2)`, hash.String(), millis(expires)); err != nil {
		return taken("use token", err)
	}
	return nil
}
