package people_test

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// twoHouses are two coordinators' services on one database.
func twoHouses(t *testing.T) [2]*house {
	t.Helper()
	source := dbtest.Source(t)
	var both [2]*house
	for i := range both {
		both[i] = houseOn(t, source)
	}
	return both
}

// Of coordinators that start at once on an empty database one creates the first
// administrator, and one alone has a password to show.
func TestOneFirstAdministrator(t *testing.T) {
	both := twoHouses(t)
	passwords := make(chan string, 8)
	var all sync.WaitGroup
	for i := range cap(passwords) {
		all.Go(func() {
			madeUp, err := both[i%2].Bootstrap(t.Context(), fmt.Sprintf("admin-%d", i), "")
			if err != nil {
				t.Error(err)
			}
			passwords <- madeUp
		})
	}
	all.Wait()
	close(passwords)
	var shown string
	for madeUp := range passwords {
		if madeUp != "" && shown != "" {
			t.Error("two passwords are shown")
		}
		shown += madeUp
	}
	users, err := both[0].Users(t.Context(), people.UserQuery{Limit: 10})
	if err != nil || len(users) != 1 || !users[0].Admin {
		t.Fatalf("%+v, %v", users, err)
	}
	if _, err := both[1].SignIn(t.Context(), people.Attempt{Email: users[0].Email, Password: shown}); err != nil {
		t.Error(err)
	}
}

// Of first rules one table wins.
func TestOneTableOfFirstRules(t *testing.T) {
	both := twoHouses(t)
	won := make(chan string, 8)
	var all sync.WaitGroup
	for i := range cap(won) {
		all.Go(func() {
			rules := []authz.Rule{{Name: fmt.Sprint(i), Images: []string{"x"}, Access: authz.Open}}
			_, err := both[i%2].ReplaceRules(t.Context(), people.Actor{}, rules, 0)
			var refused *people.Error
			switch {
			case err == nil:
				won <- rules[0].Name
			case !errors.As(err, &refused) || refused.Kind != people.Precondition:
				t.Error(err)
			}
		})
	}
	all.Wait()
	set, err := both[0].Rules(t.Context())
	if err != nil || len(won) != 1 || len(set.Rules) != 1 || set.Rules[0].Name != <-won || set.Revision != 1 {
		t.Errorf("%d won, %+v, %v", len(won), set, err)
	}
}

// R61: guesses at two coordinators, all at once, share one allowance; what one
// counted slows the other down.
func TestThrottleSpansCoordinators(t *testing.T) {
	both := twoHouses(t)
	both[0].reader(t)
	const guesses = 40
	var all sync.WaitGroup
	answered := make(chan bool, guesses)
	guess := func(h *house, i int) error {
		_, err := h.SignIn(t.Context(), people.Attempt{
			Email: email, Password: "a wrong guess", Addr: netip.AddrFrom4([4]byte{198, 51, byte(i), 1}),
		})
		return err
	}
	kind := func(err error) people.Kind {
		var refused *people.Error
		if !errors.As(err, &refused) {
			t.Errorf("got %v", err)
			return -1
		}
		return refused.Kind
	}
	for i := range guesses {
		all.Go(func() {
			if kind(guess(both[i%2], i)) == people.Denied {
				answered <- true
			}
		})
	}
	all.Wait()
	if len(answered) != 6 { // five are free, the sixth begins the wait
		t.Errorf("R61: %d guesses got an answer", len(answered))
	}
	for i, h := range both {
		if got := kind(guess(h, 100+i)); got != people.Throttled {
			t.Errorf("R61: coordinator %d answers with kind %d", i, got)
		}
	}
}

// The last administrator stays, even if each of two is deleted at another
// coordinator at the same moment.
func TestLastAdministratorOfTwoCoordinators(t *testing.T) {
	both := twoHouses(t)
	var ids [2]string
	for i, name := range []string{"one", "two"} {
		yes := true
		u, err := both[0].CreateUser(t.Context(), people.Actor{}, people.UserChange{Email: &name, Admin: &yes})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = u.ID
	}
	var all sync.WaitGroup
	for i, h := range both {
		all.Go(func() { _ = h.DeleteUser(t.Context(), people.Actor{}, ids[i], people.AnyVersion) })
	}
	all.Wait()
	if left, err := both[0].Users(t.Context(), people.UserQuery{Limit: 3}); err != nil || len(left) != 1 {
		t.Errorf("%d left, %v", len(left), err)
	}
}
