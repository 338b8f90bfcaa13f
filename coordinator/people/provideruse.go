package people

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
)

const (
	// UseSince is for how long sign-ins are counted.
	UseSince = 30 * 24 * time.Hour
	// maxSignIns is how many of them are looked at, of all providers together.
	maxSignIns = 10_000
)

// ProviderUse is how much people sign in by a provider.
type ProviderUse struct {
	Sessions int       // that live
	SignIns  int       // on record in UseSince
	Last     time.Time // of these; zero: none
}

// ProvidersUse tells it by the provider's name. partial says that there were more sign-ins
// than are counted.
func (s *Service) ProvidersUse(ctx context.Context) (use map[string]ProviderUse, partial bool, err error) {
	now := s.Now()
	var live map[string]int
	var notes []db.AuditNote
	err = s.DB.View(ctx, func(r db.Reader) error {
		if live, err = r.CountSessions(ctx, now.Add(-s.SessionIdle), now); err != nil {
			return err
		}
		notes, err = r.AuditNotes(ctx, audit.LoginSuccess, now.Add(-UseSince), maxSignIns+1)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	use = map[string]ProviderUse{}
	for provider, n := range live {
		use[provider] = ProviderUse{Sessions: n}
	}
	for _, note := range notes[:min(len(notes), maxSignIns)] {
		addSignIn(use, note)
	}
	return use, len(notes) > maxSignIns, nil
}

func addSignIn(use map[string]ProviderUse, note db.AuditNote) {
	var details struct {
		Provider string `json:"provider"`
	}
	if json.Unmarshal(note.Details, &details) != nil {
		return // was altered; who verifies the record is told
	}
	u := use[details.Provider]
	u.SignIns++
	if note.At.After(u.Last) {
		u.Last = note.At
	}
	use[details.Provider] = u
}
