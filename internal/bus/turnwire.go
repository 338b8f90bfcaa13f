package bus

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
)

const (
	// turnRoot is where workers tell one another what they are at, each below its own name.
	turnRoot = "tessera.turn."
	// maxTurn bounds a message, maxWord the word in it, of which JSON makes six times as much.
	maxTurn = 2 << 10
	maxWord = 256
)

// What is told of a turn.
const (
	turnClaim = "claim" // I want to do it
	turnHold  = "hold"  // I am at it
	turnDone  = "done"  // I am no more
)

// turnTold is a message about a turn.
type turnTold struct {
	Name string `json:"name"` // of the turn, see turnName
	From string `json:"from"` // tells processes of one user apart
	Says string `json:"says"`
	Word string `json:"word,omitempty"` // of turnDone, for those who wait
}

// turnName is a name that says nothing about the image, and is as long as any other.
func turnName(what string) string {
	sum := sha256.Sum256([]byte(what))
	return hex.EncodeToString(sum[:])
}

// before tells which of two workers goes ahead: at each turn another, so that not the same
// one does everything.
func before(name, a, b string) bool {
	rank := func(who string) []byte {
		sum := sha256.Sum256([]byte(name + who))
		return sum[:]
	}
	return bytes.Compare(rank(a), rank(b)) < 0
}

func (m turnTold) encode() []byte {
	if len(m.Word) > maxWord {
		m.Word = strings.ToValidUTF8(m.Word[:maxWord], "")
	}
	data, _ := json.Marshal(m) // strings alone: cannot fail
	return data
}

func parseTurn(data []byte) (m turnTold, err error) {
	if len(data) > maxTurn {
		return turnTold{}, fmt.Errorf("%d bytes about a turn", len(data))
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return turnTold{}, err
	}
	if !m.sound() {
		return turnTold{}, errors.New("a malformed message about a turn")
	}
	return m, nil
}

// sound refuses words that would tell a log's reader something else.
func (m turnTold) sound() bool {
	name, err := hex.DecodeString(m.Name)
	return err == nil && len(name) == sha256.Size && strings.ToLower(m.Name) == m.Name && isWord(m.From) &&
		(m.Says == turnClaim || m.Says == turnHold || m.Says == turnDone) && (m.Word == "" || m.Says == turnDone) &&
		len(m.Word) <= maxWord && utf8.ValidString(m.Word) && strings.IndexFunc(m.Word, unicode.IsControl) < 0
}

// deniedTurns notes that the server's permissions know no turns, and says so the first time.
func (c *Conn) deniedTurns(err error) bool {
	if !aboutTurns(err) {
		return false
	}
	c.turnless.Store(true)
	c.sayTurnless.Do(func() {
		c.log.Warn("each worker indexes images for itself: the permissions of the NATS server are from before workers told one another; make them anew with tessera nats-config --force and reload the servers", "error", err)
	})
	return true
}

// aboutTurns tells refusals of what a worker can do without.
func aboutTurns(err error) bool {
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), turnRoot)
}
