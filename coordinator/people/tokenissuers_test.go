package people_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

const (
	openIssuer   = "https://login.example.edu"
	closedIssuer = "https://guests.example.org"
)

func tokenHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	c := h.config(password.Config{MemoryKiB: 64, Iterations: 1})
	c.TokenIssuers = map[string]people.SignUp{openIssuer: people.Everyone, closedIssuer: people.Invited}
	h.Service = people.New(c)
	return h
}

func (h *house) arrives(t *testing.T, issuer, subject string) people.User {
	t.Helper()
	in, err := h.Arrive(t.Context(), people.Arrival{Provider: "campus", Issuer: issuer, Subject: subject, Name: "Ada", Groups: []string{"lent"}})
	if err != nil {
		t.Fatal(err)
	}
	return in.Session.User
}

// R23, R50: whom an access token is of decides whether it counts, and changes of that
// reach edges as those of any credential do.
func TestIdentity(t *testing.T) {
	h := tokenHouse(t)
	if _, err := h.Bootstrap(t.Context(), "root", secret); err != nil { // administrators stay when she is none
		t.Fatal(err)
	}
	hash := session.IdentityHash(openIssuer, "ada")
	// told is what a change must tell edges to forget.
	told := func(what string, change func()) {
		t.Helper()
		before, err := h.Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		change()
		rights, err := h.Rights(t.Context(), before)
		if err != nil || !rights.Complete || !slices.Contains(rights.Ended, hash) {
			t.Errorf("%s: edges are not told: %+v, %v", what, rights, err)
		}
	}
	want := func(what string, known bool, id string, groups ...string) {
		t.Helper()
		c, err := h.Identity(t.Context(), openIssuer, "ada")
		switch {
		case !known && errors.Is(err, session.ErrUnknown):
		case err != nil || !known:
			t.Errorf("%s: %+v, %v", what, c, err)
		case c.Kind != session.KindIdentity || c.Principal.ID != id || !slices.Equal(c.Principal.Groups, groups) || c.Principal.Admin || !c.Expires.After(h.now):
			t.Errorf("%s: %+v", what, c)
		}
	}
	want("never here", true, "")
	var ada people.User
	told("first sign-in", func() { ada = h.arrives(t, openIssuer, "ada") })
	want("without groups given here", true, ada.ID)
	change := func(c people.UserChange) func() {
		return func() {
			if _, err := h.UpdateUser(t.Context(), people.Actor{}, ada.ID, c, people.AnyVersion); err != nil {
				t.Fatal(err)
			}
		}
	}
	yes, no := true, false
	groups := []string{"curators"}
	told("groups", change(people.UserChange{Groups: &groups, Admin: &yes}))
	want("with a group, and no administrator by a token", true, ada.ID, "curators")
	told("blocked", change(people.UserChange{Admin: &no, Active: &no}))
	want("blocked", false, "")
	told("let in again", change(people.UserChange{Active: &yes}))
	want("let in again", true, ada.ID, "curators")
	told("deleted", func() {
		if err := h.DeleteUser(t.Context(), people.Actor{}, ada.ID, people.AnyVersion); err != nil {
			t.Fatal(err)
		}
	})
	want("deleted is never here", true, "")
}

// Strangers come in where they could sign in, and issuers that are not listed are nobody's.
func TestStrangers(t *testing.T) {
	h := tokenHouse(t)
	for _, issuer := range []string{closedIssuer, "https://other.example", ""} {
		if c, err := h.Identity(t.Context(), issuer, "ada"); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("%s: %+v, %v", issuer, c, err)
		}
	}
	ada := h.arrives(t, closedIssuer, "ada") // Arrive was told that everyone may
	if c, err := h.Identity(t.Context(), closedIssuer, "ada"); err != nil || c.Principal.ID != ada.ID {
		t.Errorf("who came once: %+v, %v", c, err)
	}
	if c, err := h.Identity(t.Context(), openIssuer, "ada"); err != nil || c.Principal.ID != "" {
		t.Errorf("R54 an equal subject of another issuer: %+v, %v", c, err)
	}
}

// R24, R57: clients with access tokens of a provider are told of groups that are renamed
// and deleted, and pass rules with terms once their user has accepted them.
func TestIdentityHearsOfGroupsAndTerms(t *testing.T) {
	h := tokenHouse(t)
	ada := h.arrives(t, openIssuer, "ada")
	if err := h.SetMember(t.Context(), people.Actor{}, "curators", ada.ID, true); err != nil {
		t.Fatal(err)
	}
	in, err := h.Arrive(t.Context(), people.Arrival{Provider: "campus", Issuer: openIssuer, Subject: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	reading := authz.Terms{Name: "reading", Version: "2026"}
	for _, step := range []struct {
		what          string
		change        func() error
		groups, terms []string
	}{
		{"R24 group renamed", func() error {
			_, err := h.RenameGroup(t.Context(), people.Actor{}, "curators", "keepers")
			return err
		}, []string{"keepers"}, nil},
		{"R57 terms accepted", func() error { return h.AcceptAsUser(t.Context(), in.Session, "", reading) }, []string{"keepers"}, []string{reading.Key()}},
		{"R24 group deleted", func() error { return h.DeleteGroup(t.Context(), people.Actor{}, "keepers") }, nil, []string{reading.Key()}},
	} {
		before, err := h.Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := step.change(); err != nil {
			t.Fatal(step.what, err)
		}
		rights, err := h.Rights(t.Context(), before)
		if err != nil || !slices.Contains(rights.Ended, session.IdentityHash(openIssuer, "ada")) {
			t.Errorf("%s: edges are not told: %+v, %v", step.what, rights, err)
		}
		c, err := h.Identity(t.Context(), openIssuer, "ada")
		if err != nil || !slices.Equal(c.Principal.Groups, step.groups) || !slices.Equal(c.Principal.Terms, step.terms) {
			t.Errorf("%s: %+v, %v", step.what, c.Principal, err)
		}
	}
}
