package config

import (
	"strings"
	"testing"
)

func TestDatabase(t *testing.T) {
	for db, want := range map[string]string{
		"":                           "",
		"sqlite:/var/lib/x.db":       "",
		"sqlite:":                    "name the file",
		"sqlite:///var/lib/x.db":     "name the file",
		"/var/lib/canary.db":         "sqlite:PATH",
		"mysql://u:canary@host/db":   "sqlite:PATH",
		"postgres:u:canary@host/db":  "write postgres://",
		"postgres://u:canary@db/x?%": "write postgres://",

		"postgres://u:canary@localhost/x":                          "",
		"postgresql://u@127.0.0.1:5432,[::1]:5432/x":               "",
		"postgres://u@/x?host=/run/postgresql":                     "",
		"postgres:///x":                                            "",
		"postgres://u:canary@db.example.org/x":                     "sslmode=verify-full",
		"postgres://u:canary@localhost,db.example.org/x":           "sslmode=verify-full",
		"postgres://u:canary@localhost/x?host=db.example.org":      "sslmode=verify-full",
		"postgres://u:canary@db.example.org/x?sslmode=prefer":      "sslmode=verify-full",
		"postgres://u:canary@db.example.org/x?sslmode=canary":      "sslmode is",
		"postgres://u:canary@db.example.org/x?sslmode=require":     "",
		"postgres://u:canary@db.example.org/x?sslmode=disable":     "",
		"postgres://u:canary@a:1,b:2/x?sslmode=verify-full&a=b":    "",
		"postgres://u:can/canary@db.example.org/x":                 "sslmode=verify-full",
		"postgres://u:can@canary@db.example.org/x?sslmode=require": "",
	} {
		s := Settings{DB: db, Data: "d"}
		err := s.ValidateDatabase()
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", db, err, want)
		}
	}
	s := Settings{Data: "d"}
	if got := s.Database(); got != "sqlite:d/tessera.db" || s.DatabaseIsShared() {
		t.Errorf("default %q", got)
	}
}

func TestDatabasePasswordIsNotPrinted(t *testing.T) {
	l, err := Load([]string{"--db", "postgres://u:canary@localhost/x"}, nil, nil)
	if err != nil || !l.DatabaseIsShared() {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := l.Print(&out); err != nil || strings.Contains(out.String(), "canary") || !strings.Contains(out.String(), "db:") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
