package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/ops"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// coordinator opens the database, makes sure somebody can administer it, and serves
// rights over the bus.
func (s *server) coordinator(ctx context.Context, b *bus.Embedded) (*coordinator.Coordinator, error) {
	file := filepath.Join(s.settings.Data, "tessera.db")
	people, err := db.Open(ctx, "sqlite:"+file)
	if err != nil {
		return nil, fmt.Errorf("cannot open the database %s: %w; choose another folder with --data", file, err)
	}
	s.opened(people.Close)
	// Changes are announced once the bus is there; until then nobody listens.
	var announce atomic.Pointer[func(int64)]
	c, err := coordinator.New(coordinator.Config{
		DB: people, PublicURLs: s.settings.PublicURLs,
		SessionIdle: s.settings.SessionIdle, SessionMax: s.settings.SessionMax, TokenLife: s.settings.TokenLife,
		SameSite: s.settings.SameSite, Service: serviceName, Fallback: authz.Access(s.settings.Access), Log: s.log,
		Announce: func(revision int64) {
			if f := announce.Load(); f != nil {
				(*f)(revision)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	if err := s.firstStart(ctx, c); err != nil {
		return nil, err
	}
	conn, err := s.connect(b, "coordinator")
	if err != nil {
		return nil, err
	}
	authority, err := bus.ServeAuthority(conn, c)
	if err != nil {
		return nil, err
	}
	s.opened(func() error { authority.Close(); return nil })
	publish := authority.Announce
	announce.Store(&publish)
	s.parts = append(s.parts, ops.Part{Name: "coordinator", Run: func(ctx context.Context) error {
		if err := c.Start(ctx); err != nil {
			return err
		}
		<-ctx.Done()
		c.Close()
		return nil
	}})
	return c, nil
}

// firstStart creates the administrator and the first rules where there are none.
func (s *server) firstStart(ctx context.Context, c *coordinator.Coordinator) (err error) {
	if s.adminPassword, err = c.Bootstrap(ctx, s.settings.AdminUser, s.settings.AdminPass); err != nil {
		return err
	}
	if s.settings.FirstRules == "" {
		return nil
	}
	rules, err := readRules(s.settings.FirstRules)
	if err != nil {
		return err
	}
	if _, err := c.Seed(ctx, rules); err != nil {
		return fmt.Errorf("%s: %w", s.settings.FirstRules, err)
	}
	return nil
}
