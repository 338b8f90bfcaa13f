package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. A second process that starts at the same
// moment may find the work half done by the first, or a file of SQLite that the first
// is turning to its journal; trying again finds it done.
func migrate(ctx context.Context, dialect goose.Dialect, pool *sql.DB, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, pool, files, options...)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	for try := 1; ; try++ {
		_, err := provider.Up(ctx)
		switch {
		case err == nil:
			return nil
		case try == maxTries || isBroken(err) || !pause(ctx, try):
			return fmt.Errorf("migrate: %w", err)
		}
	}
}
