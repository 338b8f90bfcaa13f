package people_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

func houseOn(t *testing.T, source string) *house {
	t.Helper()
	h := &house{db: dbtest.Open(t, source), now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	h.Service = people.New(h.config(password.Config{MemoryKiB: 64, Iterations: 1}))
	return h
}

func (h *house) backup(t *testing.T) string {
	t.Helper()
	var file bytes.Buffer
	if _, err := h.Backup(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

// A copy goes from one database to the other kind and back without a change.
func TestCopyGoesRound(t *testing.T) {
	first := houseOn(t, dbtest.Source(t))
	u := first.reader(t)
	name, secret2, groups, no := "Zoë", secret, []string{"Ärzte", "a", "B"}, false
	for _, address := range []string{"Ä@example.org", "b-b@example.org", "bb@example.org"} {
		change := people.UserChange{Email: &address, Name: &name, Password: &secret2, Groups: &groups, Active: &no}
		if _, err := first.CreateUser(t.Context(), people.Actor{}, change); err != nil {
			t.Fatal(err)
		}
	}
	known := people.Arrival{Provider: "campus", Issuer: "https://idp.example.edu", Subject: "alice", Email: "alice@example.edu", Groups: []string{"staff"}}
	came, err := first.Arrive(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	rules := []authz.Rule{{Name: "x", Images: []string{"a/**"}, Access: authz.Groups, Groups: []string{"Ärzte"}}}
	if _, err := first.ReplaceRules(t.Context(), people.Actor{}, rules, 0); err != nil {
		t.Fatal(err)
	}
	license := authz.Terms{Name: "license", Version: "2026-01"}
	if err := first.AcceptAsUser(t.Context(), came.Session, "", license); err != nil {
		t.Fatal(err)
	}
	made, bearer, err := first.CreatePersonalToken(t.Context(), people.Actor{}, people.NewToken{UserID: u.ID, Name: "harvester", Scopes: []string{people.ScopeImages}})
	if err != nil {
		t.Fatal(err)
	}
	_, link, err := first.CreateLink(t.Context(), people.Actor{}, people.NewLink{UserID: u.ID})
	if err != nil {
		t.Fatal(err)
	}
	setting := authz.Setting{Access: authz.Open}
	if _, err := first.SetItems(t.Context(), people.Actor{}, []people.Item{{Image: "a/1", Setting: &setting}}); err != nil {
		t.Fatal(err)
	}
	file := first.backup(t)
	second := houseOn(t, "sqlite:"+filepath.Join(t.TempDir(), "other.db"))
	third := houseOn(t, dbtest.Source(t))
	for _, h := range []*house{second, third} {
		h.now = h.now.Add(time.Hour) // no instant in it is that of the restoring
		if n, err := h.Restore(t.Context(), strings.NewReader(file)); err != nil || n != 5 {
			t.Fatalf("%d users, %v", n, err)
		}
		if v := h.verdict(t); v.Broken != nil || v.Entries < 5 || v.Head != first.verdict(t).Head {
			t.Errorf("R64: the record came as %+v", v)
		}
		again := h.backup(t)
		if sorted(again) != sorted(file) {
			t.Errorf("came back as\n%s\nwas\n%s", again, file)
		}
		file = again
		if held, err := h.HasAccepted(t.Context(), came.Session.User.ID, license); err != nil || !held {
			t.Errorf("R57: whoever accepted the terms is asked again: %v", err)
		}
		if token, err := h.PersonalTokenBySecret(t.Context(), bearer); err != nil || token.ID != made.ID || people.Allows(token, people.ScopeAdmin) {
			t.Errorf("a program's token came as %+v, %v", token, err)
		}
		for name, left := range map[string]error{"a session": sessionOf(h, came), "a sign-in link": linkOf(h, link)} {
			if left == nil {
				t.Errorf("%s goes on in a copy", name)
			}
		}
	}
	if in := third.signIn(t); in.Session.User.ID != u.ID {
		t.Errorf("signed in as %s", in.Session.User.ID)
	}
	if in, err := third.Arrive(t.Context(), known); err != nil || in.Session.User.ID != came.Session.User.ID {
		t.Errorf("R50: whom the provider knows became somebody else: %v", err)
	}
	if _, err := third.Restore(t.Context(), strings.NewReader(file)); !errors.Is(err, db.ErrNotEmpty) {
		t.Errorf("into a database in use: %v", err)
	}
}

func sessionOf(h *house, in people.SignedIn) error {
	_, err := h.SessionBySecret(context.Background(), in.Secret)
	return err
}

func linkOf(h *house, secret string) error {
	_, err := h.LinkBySecret(context.Background(), secret)
	return err
}

// Copies made before there was a record are still good.
func TestCopyOfVersion1(t *testing.T) {
	h := houseOn(t, dbtest.Source(t))
	if n, err := h.Restore(t.Context(), strings.NewReader(copyHead+noRules+copyUser+`{"end":{"users":1}}`)); err != nil || n != 1 {
		t.Errorf("%d users, %v", n, err)
	}
}

// sorted is a copy without its head, which says when it was made, and without the order
// of users, which each database has its own idea of.
func sorted(file string) string {
	lines := strings.Split(file, "\n")[1:]
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

const (
	copyHead = `{"tessera-copy":{"version":1,"made":"2026-03-01T09:00:00Z"}}` + "\n"
	copyUser = `{"user":{"id":"01980000-0000-7000-8000-000000000001","email":"a","active":true,"created":"2026-03-01T09:00:00Z","updated":"2026-03-01T09:00:00Z"}}` + "\n"
	noRules  = `{"rules":[]}` + "\n"
)

func TestBadCopies(t *testing.T) {
	h := houseOn(t, dbtest.Source(t))
	end := func(n string) string { return `{"end":{"users":` + n + `}}` + "\n" }
	copyAudit := func(seq int64, sound bool) string {
		e, err := audit.Head{Seq: seq - 1}.Next(t.Context(), h.now, audit.Event{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if !sound {
			e.Actor = "somebody else"
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return `{"audit":` + string(text) + "}\n"
	}
	for name, test := range map[string]struct{ file, says string }{
		"nothing":      {"", "cut off"},
		"cut off":      {copyHead + noRules + copyUser, "cut off"},
		"cut in line":  {copyHead + noRules + copyUser[:40], "line 3"},
		"users lost":   {copyHead + noRules + end("1"), "1 users were written, 0 are here"},
		"no head":      {noRules + end("0"), "begins with its head"},
		"no rules":     {copyHead + copyUser + end("1"), "second line"},
		"two heads":    {copyHead + copyHead, "begins with its head"},
		"newer":        {strings.Replace(copyHead, ":1", ":4", 1), "version 4"},
		"record lost":  {copyHead + noRules + `{"end":{"users":0,"audit":1}}` + "\n", "1 entries of the record were written, 0 are here"},
		"record cut":   {copyHead + noRules + copyAudit(2, true) + `{"end":{"users":0,"audit":1}}` + "\n", "no checkpoint"},
		"record false": {copyHead + noRules + copyAudit(1, false) + end("0"), "altered"},
		"user behind":  {copyHead + noRules + copyAudit(1, true) + copyUser, "before the record"},
		"bad rule":     {copyHead + `{"rules":[{"access":"maybe"}]}` + "\n", "line 2"},
		"unknown":      {copyHead + `{"rules":[],"sessions":[]}` + "\n", "line 2"},
		"two fields":   {copyHead + `{"rules":[],"end":{"users":0}}` + "\n", "one of"},
		"two values":   {copyHead + `{"rules":[]}{}` + "\n", "two values"},
		"after end":    {copyHead + noRules + end("0") + "{}\n", "after the end"},
		"same address": {copyHead + noRules + copyUser + strings.Replace(copyUser, "01\"", "02\"", 1) + end("2"), "taken"},
		"capitals":     {copyHead + noRules + strings.Replace(copyUser, `"a"`, `"A"`, 1), "line 3"},
		"bad identity": {copyHead + noRules + strings.Replace(copyUser, `"active"`, `"identities":[{"issuer":"x"}],"active"`, 1), "line 3"},
		"bad terms":    {copyHead + noRules + strings.Replace(copyUser, `"active"`, `"accepted":[{"name":"x"}],"active"`, 1), "accepted terms have"},
		"bad token":    {copyHead + noRules + strings.Replace(copyUser, `"active"`, `"tokens":[{"name":"x","scopes":"images"}],"active"`, 1), "a token has"},
		"bad scope":    {copyHead + noRules + strings.Replace(copyUser, `"active"`, `"tokens":[{"name":"x","scopes":"all"}],"active"`, 1), "line 3"},
		"bad id":       {copyHead + noRules + strings.Replace(copyUser, "01980000-", "", 1), "line 3"},
		"bad password": {copyHead + noRules + strings.Replace(copyUser, `"active"`, `"password":"x","active"`, 1), "line 3"},
		"dear password": {copyHead + noRules + strings.Replace(copyUser, `"active"`,
			`"password":"$argon2id$v=19$m=4000000,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA","active"`, 1), "beyond"},
		"bad group": {copyHead + noRules + strings.Replace(copyUser, `"active"`, `"groups":["a,b"],"active"`, 1), "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := h.Restore(t.Context(), strings.NewReader(test.file)); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q in it", err, test.says)
			}
		})
	}
	if users, err := h.Users(t.Context(), people.UserQuery{Limit: 1}); err != nil || len(users) != 0 {
		t.Errorf("left behind: %v, %v", users, err)
	}
}

// Whatever a copy holds, it is refused, or what is stored is what a copy of it holds.
func FuzzRestore(f *testing.F) {
	for _, seed := range []string{copyHead + noRules + copyUser + `{"end":{"users":1}}`, copyHead, `{"rules":null}`, "{}\n{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		c, err := people.ReadCopy(people.Config{Fallback: authz.Login, Log: slog.New(slog.DiscardHandler)}, file)
		if err != nil {
			return
		}
		for _, u := range c {
			if u.ID == "" || u.Email == "" || strings.ToLower(u.Email) != u.Email {
				t.Errorf("accepted %+v", u)
			}
		}
	})
}
