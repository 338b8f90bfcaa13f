package people

import (
	"context"
	"errors"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
)

// Audit lists a page of the record and tells its last entry, as they are at one moment:
// whoever keeps the head elsewhere can tell later that nothing up to it was changed. The
// query's actor may be an id or an address.
func (s *Service) Audit(ctx context.Context, q AuditQuery) (page []AuditEntry, head audit.Head, err error) {
	if q.Actor != "" && q.Actor != audit.System {
		id, err := s.userID(ctx, q.Actor)
		if err != nil && !errors.Is(err, db.ErrNotFound) {
			return nil, head, err
		}
		if err == nil { // else somebody who is gone, by her id
			q.Actor = id
		}
	}
	err = s.DB.View(ctx, func(r db.Reader) error {
		if head, err = r.AuditHead(ctx); err != nil {
			return err
		}
		page, err = r.Audit(ctx, q)
		return err
	})
	return page, head, err
}

// Verdict is what came of checking the record.
type Verdict struct {
	Entries int64
	Head    audit.Head
	Broken  *audit.Broken // nil: it is whole
}

// verifyPage is how many entries are in memory at a time.
const verifyPage = 1000

// VerifyAudit checks the whole record.
func (s *Service) VerifyAudit(ctx context.Context) (Verdict, error) {
	var verifier audit.Verifier
	err := s.DB.ViewAll(ctx, func(r db.Reader) error {
		verifier = audit.Verifier{}
		if err := eachEntry(ctx, r, verifier.Add); err != nil {
			return err
		}
		head, err := r.AuditHead(ctx)
		if err != nil {
			return err
		}
		return verifier.End(head)
	})
	verdict := Verdict{Entries: verifier.Entries(), Head: verifier.Last()}
	if errors.As(err, &verdict.Broken) {
		err = nil
	}
	return verdict, err
}

// eachEntry gives every entry in order.
func eachEntry(ctx context.Context, r db.Reader, do func(audit.Entry) error) error {
	for after := int64(0); ; {
		page, err := r.Audit(ctx, AuditQuery{After: after, Ascending: true, Limit: verifyPage})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if err := do(e.Entry); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Seq
	}
}
