package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
)

// AuditEntry is an entry with the address of its actor as it is now, "" if there is no
// such user any more.
type AuditEntry struct {
	audit.Entry
	ActorEmail string
}

// AuditQuery asks for a page of entries, latest first unless Ascending.
type AuditQuery struct {
	Event        string // exactly, or with a * at the end for all that begin so
	Actor        string
	Target       string
	Search       string    // part of target or details
	Since, Until time.Time // zero: no bound; Until is excluded
	After        int64     // entry after which the page begins; 0: from the beginning
	Ascending    bool
	Limit        int
}

const auditColumns = `a.seq, a.at, a.event, a.actor, a.target, a.addr, a.request, a.details, a.prev, a.hash`

func scanEntry(row interface{ Scan(...any) error }, more ...any) (e audit.Entry, err error) {
	var at int64
	var details, prev, hash string
	fields := append([]any{&e.Seq, &at, &e.Name, &e.Actor, &e.Target, &e.Addr, &e.RequestID, &details, &prev, &hash}, more...)
	if err := row.Scan(fields...); err != nil {
		return audit.Entry{}, err
	}
	e.At, e.Details = instant(at), json.RawMessage(details)
	// What is no hash was altered; as zeros it does not verify, and can still be shown.
	e.Prev, _ = audit.ParseHash(prev)
	e.Hash, _ = audit.ParseHash(hash)
	if !json.Valid(e.Details) {
		e.Details, _ = json.Marshal(details)
	}
	return e, nil
}

// Audit lists a page.
func (r Reader) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	page, order := `a.seq < $1`, `DESC`
	if q.Ascending {
		page, order = `a.seq > $1`, `ASC`
	}
	if q.After == 0 {
		page = `$1 = 0`
	}
	rows, err := r.q.QueryContext(ctx, `SELECT `+auditColumns+`, COALESCE(u.email, '')
		FROM audit a LEFT JOIN users u ON u.id = a.actor
		WHERE `+page+` AND ($2 = '' OR a.event LIKE $2 ESCAPE '\') AND ($3 = '' OR a.actor = $3) AND ($4 = '' OR a.target = $4)
		  AND ($5 = '' OR LOWER(a.target) LIKE $5 ESCAPE '\' OR LOWER(a.details) LIKE $5 ESCAPE '\')
		  AND a.at >= $6 AND (a.at < $7 OR $7 = 0)
		ORDER BY a.seq `+order+` LIMIT $8`,
		q.After, beginning(q.Event), q.Actor, q.Target, containing(q.Search), millis(q.Since), millis(q.Until), q.Limit)
	entries, err := collect(rows, err, func(rows *sql.Rows) (a AuditEntry, err error) {
		a.Entry, err = scanEntry(rows, &a.ActorEmail)
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return entries, nil
}

// AuditNote is what an entry says, without what makes it one of the chain.
type AuditNote struct {
	At      time.Time
	Details json.RawMessage
}

// AuditNotes lists the entries of one event since an instant, latest first. It passes
// over no others, of which there may be millions.
func (r Reader) AuditNotes(ctx context.Context, event string, since time.Time, limit int) ([]AuditNote, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT at, details FROM audit
		WHERE event = $1 AND seq >= (SELECT seq FROM audit WHERE at >= $2 ORDER BY at, seq LIMIT 1) ORDER BY seq DESC LIMIT $3`,
		event, millis(since), limit)
	all, err := collect(rows, err, func(rows *sql.Rows) (n AuditNote, err error) {
		var at int64
		var details string
		err = rows.Scan(&at, &details)
		n.At, n.Details = instant(at), json.RawMessage(details)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("audit of %s: %w", event, err)
	}
	return all, nil
}

// beginning makes a LIKE pattern of a name that may end in *.
func beginning(name string) string {
	literal := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.TrimSuffix(name, "*"))
	if strings.HasSuffix(name, "*") {
		return literal + "%"
	}
	return literal
}

// AuditHead tells what the last entry is.
func (r Reader) AuditHead(ctx context.Context) (h audit.Head, err error) {
	var hash string
	err = r.q.QueryRowContext(ctx, `SELECT seq, hash FROM audit_head WHERE id = 1`).Scan(&h.Seq, &hash)
	if err == nil {
		h.Hash, err = audit.ParseHash(hash)
	}
	if err != nil {
		return audit.Head{}, fmt.Errorf("head of the audit: %w", err)
	}
	return h, nil
}

// Audit puts an event on record: with what the transaction does, or not at all. It
// needs the transaction to have had its turn, or two coordinators would write the same
// entry.
func (tx *Tx) Audit(ctx context.Context, e audit.Event) error {
	tx.audited = true
	head, err := tx.AuditHead(ctx)
	if err != nil {
		return err
	}
	entry, err := head.Next(ctx, tx.now, e)
	if err != nil {
		return err
	}
	return tx.InsertAudit(ctx, entry)
}

// InsertAudit puts an entry behind the last as it is.
func (tx *Tx) InsertAudit(ctx context.Context, e audit.Entry) error {
	tx.audited = true
	err := tx.exec(ctx, `INSERT INTO audit (seq, at, event, actor, target, addr, request, details, prev, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		e.Seq, millis(e.At), e.Name, e.Actor, e.Target, e.Addr, e.RequestID, string(e.Details), e.Prev.String(), e.Hash.String())
	if err != nil {
		return fmt.Errorf("audit entry: %w", err)
	}
	return tx.execOne(ctx, "head of the audit", `UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1`, e.Seq, e.Hash.String())
}

// AuditBefore gives the newest entry that is older than an instant, as are all before
// it, but none beyond the first limit entries. ErrNotFound if there is none.
func (r Reader) AuditBefore(ctx context.Context, before time.Time, limit int) (last audit.Head, entries int64, err error) {
	var first, through int64
	err = r.q.QueryRowContext(ctx, `SELECT COALESCE(MIN(seq), 0),
		COALESCE((SELECT MIN(seq) FROM audit WHERE at >= $1), (SELECT seq + 1 FROM audit_head)) - 1 FROM audit`,
		millis(before)).Scan(&first, &through)
	if err != nil {
		return audit.Head{}, 0, fmt.Errorf("audit: %w", err)
	}
	through = min(through, first+int64(limit)-1)
	if first == 0 || through < first {
		return audit.Head{}, 0, fmt.Errorf("old audit entries: %w", ErrNotFound)
	}
	var hash string
	err = r.q.QueryRowContext(ctx, `SELECT hash FROM audit WHERE seq = $1`, through).Scan(&hash)
	if err != nil {
		return audit.Head{}, 0, notFound("audit entry", err)
	}
	last.Seq = through
	last.Hash, err = audit.ParseHash(hash)
	return last, through - first + 1, err
}

// OldestAudit is when the oldest entry was made; ErrNotFound if there is none.
func (r Reader) OldestAudit(ctx context.Context) (time.Time, error) {
	var at sql.NullInt64
	if err := r.q.QueryRowContext(ctx, `SELECT at FROM audit ORDER BY seq LIMIT 1`).Scan(&at); err != nil {
		return time.Time{}, notFound("audit entry", err)
	}
	return instant(at.Int64), nil
}

// DeleteAudit deletes entries up to and with one.
func (tx *Tx) DeleteAudit(ctx context.Context, through int64) error {
	if through <= 0 {
		return errors.New("delete audit entries: none is named")
	}
	return tx.exec(ctx, `DELETE FROM audit WHERE seq <= $1`, through)
}
