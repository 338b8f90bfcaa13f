package people_test

import (
	"errors"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// appointed comes in by a provider that says who administers.
func (h *house) appointed(t *testing.T, issuer, subject, linkTo string) people.SignedIn {
	t.Helper()
	in, err := h.Arrive(t.Context(), people.Arrival{
		Provider: "campus", Issuer: issuer, Subject: subject, LinkTo: linkTo, DecidesAdmin: true, Admin: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (h *house) administers(t *testing.T, id string) bool {
	t.Helper()
	u, err := h.User(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u.Admin
}

func isConflict(err error, code string) bool {
	var refused *people.Error
	return errors.As(err, &refused) && refused.Kind == people.Conflict && refused.Code == code
}

// R50, R63: administration that a provider gave goes with the identity that it was given to.
func TestUntieTakesAdministration(t *testing.T) {
	h := newHouse(t)
	ada := h.appointed(t, openIssuer, "ada", "").Session.User
	if _, err := h.Arrive(t.Context(), people.Arrival{Provider: "guests", Issuer: closedIssuer, Subject: "ada", LinkTo: ada.ID}); err != nil {
		t.Fatal(err)
	}
	untie := func() error {
		return h.Untie(t.Context(), people.Actor{UserID: ada.ID}, ada.ID, openIssuer, "ada")
	}
	if err := untie(); !isConflict(err, "last-admin") {
		t.Fatalf("the last administrator: %v", err)
	}
	other := h.appointed(t, closedIssuer, "grace", "").Session.User
	in := h.appointed(t, openIssuer, "ada", "")
	if err := untie(); err != nil {
		t.Fatal(err)
	}
	if h.administers(t, ada.ID) {
		t.Error("R63 she administers by what was taken off")
	}
	if _, err := h.Lookup(t.Context(), session.KindSession, session.HashOf(in.Secret)); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("R63 her session lives on: %v", err)
	}
	if !h.administers(t, other.ID) {
		t.Error("another administrator was taken too")
	}
}

// Whom administrators here made one stays one, as does whom another identity makes one.
func TestUntieLeavesAdministration(t *testing.T) {
	h := newHouse(t)
	yes := true
	ada := h.arrives(t, openIssuer, "ada")
	if _, err := h.UpdateUser(t.Context(), people.Actor{}, ada.ID, people.UserChange{Admin: &yes}, people.AnyVersion); err != nil {
		t.Fatal(err)
	}
	h.appointed(t, openIssuer, "ada", "")
	h.appointed(t, closedIssuer, "ada", ada.ID)
	if err := h.Untie(t.Context(), people.Actor{UserID: ada.ID}, ada.ID, openIssuer, "ada"); err != nil {
		t.Fatal(err)
	}
	if !h.administers(t, ada.ID) {
		t.Error("taken")
	}
}

// R54, R63: a provider that is configured no more has no say in who administers.
func TestGoneProviderTakesAdministration(t *testing.T) {
	h := newHouse(t)
	ada, grace := h.appointed(t, openIssuer, "ada", "").Session.User, h.appointed(t, closedIssuer, "grace", "").Session.User
	keep := func(configured ...people.Client) {
		t.Helper()
		if err := h.KeepProviders(t.Context(), configured); err != nil {
			t.Fatal(err)
		}
	}
	open, closed := people.Client{Provider: "campus", Issuer: openIssuer}, people.Client{Provider: "campus", Issuer: closedIssuer}
	keep(open, closed)
	if !h.administers(t, ada.ID) || !h.administers(t, grace.ID) {
		t.Fatal("taken by providers that are there")
	}
	keep(open)
	if !h.administers(t, ada.ID) || h.administers(t, grace.ID) {
		t.Error("R54 a provider that is gone has a say")
	}
	keep()
	if !h.administers(t, ada.ID) {
		t.Error("the last administrator is none")
	}
	if _, err := h.CreateUser(t.Context(), people.Actor{}, adminChange("root@example.org")); err != nil {
		t.Fatal(err)
	}
	keep()
	if h.administers(t, ada.ID) {
		t.Error("R54 there is another now, and she still administers")
	}
}

func adminChange(email string) people.UserChange {
	yes := true
	return people.UserChange{Email: &email, Admin: &yes}
}

// R51: whom a provider puts into a group gets nothing by another one that takes its name.
func TestRenameToLentGroup(t *testing.T) {
	h := newHouse(t)
	h.setRules(t, authz.Document{Items: []authz.Rule{{Images: []string{"maps/**"}, Access: authz.Groups, Groups: []string{"curators"}}}})
	reader := h.reader(t)
	if err := h.SetMember(t.Context(), people.Actor{}, "curators", reader.ID, true); err != nil {
		t.Fatal(err)
	}
	ada := h.arrives(t, openIssuer, "ada") // into "lent"
	if _, err := h.RenameGroup(t.Context(), people.Actor{}, "curators", "lent"); !isConflict(err, "group-taken") {
		t.Errorf("R51 renamed: %v", err)
	}
	if d, err := h.Explain(t.Context(), ada.ID, "maps/1"); err != nil || d.Outcome == authz.Allow {
		t.Errorf("R51 opened to whom a provider put there: %+v, %v", d, err)
	}
	if _, err := h.RenameGroup(t.Context(), people.Actor{}, "curators", "keepers"); err != nil {
		t.Errorf("a free name: %v", err)
	}
}
