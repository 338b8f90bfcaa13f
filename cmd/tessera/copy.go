package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// backup copies people and rights from the database to a new file.
func backup(ctx, _ context.Context, env environment) error {
	settings, file, err := copySettings(env, "backup")
	if err != nil {
		return err
	}
	// Opening would make an empty database where there is none.
	if path, ok := strings.CutPrefix(settings.Database(), "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return usageError{fmt.Errorf("there is no database to copy: %w; name its folder with --data, or itself with --db", err)}
		}
	}
	service, closeDB, err := openPeople(ctx, settings)
	if err != nil {
		return err
	}
	defer closeDB()
	users, err := writeCopy(ctx, service, file)
	if err == nil {
		fmt.Fprintf(env.stdout, "%s holds %d users, the rules and the record; keep it as you would keep passwords\n", file, users)
	}
	return err
}

// writeCopy leaves a whole file, readable by its owner alone, or none.
func writeCopy(ctx context.Context, service *people.Service, file string) (users int, err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return 0, usageError{fmt.Errorf("%s is there already; name a new file", file)}
	}
	if err != nil {
		return 0, fmt.Errorf("cannot make the copy: %w", err)
	}
	buffer := bufio.NewWriter(f)
	users, err = service.Backup(ctx, buffer)
	if err = errors.Join(err, buffer.Flush(), f.Sync(), f.Close()); err != nil {
		return 0, errors.Join(err, os.Remove(file))
	}
	return users, nil
}

// restore puts a copy into an empty database.
func restore(ctx, _ context.Context, env environment) error {
	settings, file, err := copySettings(env, "restore")
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return usageError{fmt.Errorf("cannot read the copy: %w", err)}
	}
	defer f.Close() //nolint:errcheck // nothing was written
	service, closeDB, err := openPeople(ctx, settings)
	if err != nil {
		return err
	}
	defer closeDB()
	users, err := service.Restore(ctx, f)
	if errors.Is(err, db.ErrNotEmpty) {
		return usageError{fmt.Errorf("%w: a copy goes into a new one, before the first start; name another with --db, or another folder with --data", err)}
	}
	if err == nil {
		fmt.Fprintf(env.stdout, "%d users, the rules and the record are in the database\n", users)
	}
	return err
}

func copySettings(env environment, verb string) (*config.Loaded, string, error) {
	settings, err := config.Load(env.args, env.environ, env.stdout)
	switch {
	case err != nil:
		return nil, "", usageError{err}
	case len(settings.Args) != 1:
		return nil, "", usageError{fmt.Errorf("write tessera %s FILE, with --data or --db", verb)}
	}
	if err := settings.ValidateDatabase(); err != nil {
		return nil, "", usageError{err}
	}
	return settings, settings.Args[0], nil
}

func openPeople(ctx context.Context, settings *config.Loaded) (*people.Service, func(), error) {
	opened, err := db.Open(ctx, settings.Database())
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open the database: %w", err)
	}
	service := people.New(people.Config{
		DB: opened, Fallback: authz.Access(settings.Access), Announce: func(int64) {},
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	return service, func() { _ = opened.Close() }, nil
}
