package coordinator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

func (b *browser) guess(email string) int {
	b.t.Helper()
	return b.login(email, "a wrong guess").StatusCode
}

// R61: failures slow an account down exponentially, and a restart forgets nothing.
func TestThrottleByAccount(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	for i := range 6 {
		if got := b.guess("nobody@example.org"); got != http.StatusUnauthorized {
			t.Fatalf("R61: guess %d gets %d", i, got)
		}
	}
	wait := time.Duration(0)
	for range 4 {
		response := b.login("nobody@example.org", "a wrong guess")
		b.want(response, http.StatusTooManyRequests)
		seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
		if err != nil || time.Duration(seconds)*time.Second <= wait {
			t.Fatalf("R61: Retry-After %q after %v", response.Header.Get("Retry-After"), wait)
		}
		s.open() // a restart
		b.want(b.login("nobody@example.org", "a wrong guess"), http.StatusTooManyRequests)
		wait = time.Duration(seconds) * time.Second
		s.pass(wait)
		if got := b.guess("nobody@example.org"); got != http.StatusUnauthorized {
			t.Fatalf("R61: %d after the wait", got)
		}
	}
}

// R61: many guesses from many networks harm neither the victim's live session
// nor her sign-in from where she is at home, and get few answers.
func TestThrottleAgainstStrangers(t *testing.T) {
	s := newStage(t)
	s.reader()
	home := s.browser()
	hash := home.mustLogin(readerEmail, readerSecret)
	answered := 0
	for i := range 600 {
		attacker := s.browser()
		attacker.addr = fmt.Sprintf("198.51.%d.%d:999", i%200, i/200)
		if attacker.guess(readerEmail) == http.StatusUnauthorized {
			answered++
		}
	}
	if answered > 10 {
		t.Errorf("R61: %d guesses got an answer at the same moment", answered)
	}
	if !s.knows(session.KindSession, hash) {
		t.Error("R61: the live session suffers")
	}
	home.mustLogin(readerEmail, readerSecret)
	away := s.browser()
	away.addr = "203.0.113.9:80"
	away.want(away.login(readerEmail, readerSecret), http.StatusTooManyRequests)
	s.pass(15 * time.Minute)
	away.mustLogin(readerEmail, readerSecret) // nobody is locked out for good
}

// R61: one network cannot go through the accounts; others are not harmed.
func TestThrottleByNetwork(t *testing.T) {
	s := newStage(t)
	for name, addr := range map[string]func(i int) string{
		"v4": func(i int) string { return fmt.Sprintf("198.51.100.%d:1", i%250) },
		"v6": func(i int) string { return fmt.Sprintf("[2001:db8:7:%x::1]:1", i) },
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			answered := 0
			for i := range 100 {
				b.addr = addr(i)
				if b.guess(fmt.Sprintf("%s-%d@example.org", name, i)) == http.StatusUnauthorized {
					answered++
				}
			}
			if answered < 40 || answered > 60 {
				t.Errorf("R61: %d guesses of 100 got an answer", answered)
			}
		})
	}
	s.browser().want(s.browser().login(adminEmail, adminPassword), http.StatusSeeOther)
}

// R61: whoever owns one account cannot wash away guesses at others with it.
func TestOwnAccountIsNoSponge(t *testing.T) {
	s := newStage(t)
	s.reader()
	b := s.browser()
	answered := 0
	for i := range 80 {
		if b.guess(fmt.Sprintf("victim-%d@example.org", i)) == http.StatusUnauthorized {
			answered++
		}
		if got := b.login(readerEmail, readerSecret).StatusCode; got != http.StatusSeeOther && got != http.StatusTooManyRequests {
			t.Fatalf("own account: %d", got)
		}
	}
	if answered > 60 {
		t.Errorf("R61: %d guesses got an answer", answered)
	}
}

func TestSuccessForgivesAnAccount(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	for range 3 {
		for range 5 {
			b.guess(adminEmail)
		}
		b.mustLogin(adminEmail, adminPassword)
	}
	form := url.Values{"email": {adminEmail}, "password": {"a wrong guess"}}
	b.want(b.post("/auth/login", form), http.StatusUnauthorized)
}

// R61: on a network where somebody always mistypes and somebody always signs in,
// nobody ever waits, not even who comes there for the first time.
func TestBusyNetwork(t *testing.T) {
	s := newStage(t)
	s.reader()
	regular := s.browser()
	for round := range 120 {
		if got := regular.guess(fmt.Sprintf("typo-%d@example.org", round)); got != http.StatusUnauthorized {
			t.Fatalf("R61: round %d: a slip of the finger gets %d", round, got)
		}
		regular.mustLogin(adminEmail, adminPassword)
		s.pass(29 * time.Minute)
	}
	regular.mustLogin(readerEmail, readerSecret)
}

// R61: while strangers' guesses make a network wait, its regulars sign in.
func TestRegularsDoNotWaitForTheirNetwork(t *testing.T) {
	s := newStage(t)
	s.reader()
	regular, guesser := s.browser(), s.browser()
	regular.mustLogin(readerEmail, readerSecret)
	for i := range 60 {
		guesser.guess(fmt.Sprintf("victim-%d@example.org", i))
	}
	guesser.want(guesser.login("first-timer@example.org", "x"), http.StatusTooManyRequests)
	regular.mustLogin(readerEmail, readerSecret)
	guesser.want(guesser.login("first-timer@example.org", "x"), http.StatusTooManyRequests)
	for range 6 {
		guesser.guess(readerEmail) // the account's own budget holds all the same
	}
	guesser.want(guesser.login(readerEmail, readerSecret), http.StatusTooManyRequests)
}

// R61: counts drain, one at a time, and a restart does not stop that.
func TestCountsDrain(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	for range 6 {
		b.guess("nobody@example.org")
	}
	b.want(b.login("nobody@example.org", "x"), http.StatusTooManyRequests)
	s.pass(2*12*time.Minute + time.Minute)
	s.open()
	for i, want := range []int{401, 401, 429} {
		if got := b.guess("nobody@example.org"); got != want {
			t.Errorf("R61: guess %d gets %d, want %d", i, got, want)
		}
	}
}
