package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/ops"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// coordinator opens the database, makes sure somebody can administer it, and serves
// rights over the bus.
func (s *server) coordinator(ctx context.Context) (*coordinator.Coordinator, error) {
	people, err := db.Open(ctx, s.settings.Database())
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w; choose another with --db, or another folder with --data", err)
	}
	s.opened(people.Close)
	signInBy, err := s.providers()
	if err != nil {
		return nil, err
	}
	look, texts, err := s.site()
	if err != nil {
		return nil, err
	}
	conn, err := s.connect(ctx, bus.RoleCoordinator)
	if err != nil {
		return nil, err
	}
	board, err := s.board(conn)
	if err != nil {
		return nil, err
	}
	// Changes are announced once they are served; until then nobody listens.
	var announce atomic.Pointer[func(int64)]
	c, err := coordinator.New(coordinator.Config{
		Name: s.settings.Name, DB: people, PublicURLs: s.settings.PublicURLs, ViewerOrigins: s.settings.Viewers,
		SessionIdle: s.settings.SessionIdle, SessionMax: s.settings.SessionMax, TokenLife: s.settings.TokenLife, AuditKeep: s.settings.AuditKeep,
		SameSite: s.settings.SameSite, Service: serviceName, Fallback: authz.Access(s.settings.Access), SlashSubstitute: s.settings.SlashSub, Log: s.log,
		Passwords: s.passwords(),
		SignInBy:  signInBy, Look: look, Texts: texts,
		TokenIssuers: tokenIssuers(s.settings.TokenProviders()),
		Members:      board.Members, Images: bus.NewClient(conn, bus.ClientConfig{}).List, Purge: purger(conn),
		Announce: func(revision int64) {
			if f := announce.Load(); f != nil {
				(*f)(revision)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	authority, err := bus.ServeAuthority(conn, c)
	if err != nil {
		return nil, err
	}
	s.opened(func() error { authority.Close(); return nil })
	s.hearSightings(conn, c)
	s.health.Check("database", func(ctx context.Context) error {
		return people.View(ctx, func(r db.Reader) error { _, _, err := r.Revision(ctx); return err })
	})
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

// passwords are hashed by this program in a process of its own.
func (s *server) passwords() password.Config {
	if s.self == "" {
		return password.Config{}
	}
	return password.Config{Command: []string{s.self, hashPasswords}}
}

// hearSightings has the coordinator record what edges show and refuse. Accounts of a
// NATS cluster that are older than this do not allow it, and nothing else needs it.
func (s *server) hearSightings(conn *bus.Conn, c *coordinator.Coordinator) {
	stop, err := bus.ListenSightings(conn, c.Sighted)
	if err != nil {
		s.log.Warn("images shown and refused are not put on record; bring the accounts of NATS up to date with tessera nats-config", "error", err)
		return
	}
	s.opened(func() error { stop(); return nil })
}

// firstStart creates the first rules and the administrator where there are none.
func (s *server) firstStart(ctx context.Context, c *coordinator.Coordinator) (err error) {
	if s.settings.FirstRules != "" {
		rules, err := readRules(s.settings.FirstRules)
		if err != nil {
			return err
		}
		if _, err := c.Seed(ctx, rules); err != nil {
			return fmt.Errorf("%s: %w", s.settings.FirstRules, err)
		}
	}
	s.adminPassword, err = c.Bootstrap(ctx, s.settings.AdminUser, s.settings.AdminPass)
	return err
}
