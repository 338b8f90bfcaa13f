package main

import (
	"fmt"

	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

// database is where coordinators keep people and rights.
type database string

const (
	whatThereIs database = "auto"
	postgres    database = "postgres"
	sqlite      database = "sqlite" // a file of each coordinator's own
)

func (d database) check() error {
	switch d {
	case whatThereIs, postgres, sqlite:
		return nil
	}
	return fmt.Errorf("--database %s: write auto, postgres or sqlite", d)
}

// open starts PostgreSQL, if that is what it is to be, and tells coordinators.
func (d database) open(cfg *rig.Config) (end func() error, err error) {
	if d == sqlite || d == whatThereIs && !dbtest.Installed() {
		return func() error { return nil }, nil
	}
	server, err := dbtest.Run()
	if err != nil {
		return nil, err
	}
	cfg.Coordinator = append(cfg.Coordinator, "--db="+server.Main())
	if cfg.Coordinators == 0 {
		cfg.Coordinators = 2
	}
	return server.Remove, nil
}
