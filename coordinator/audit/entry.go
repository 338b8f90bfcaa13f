package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Hash is the SHA-256 of an entry.
type Hash [sha256.Size]byte

// String gives 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText gives the form of String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText accepts the form of String.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return fmt.Errorf("hash of an audit entry: want %d hexadecimal digits", 2*len(h))
	}
	copy(h[:], raw)
	return nil
}

// ParseHash reads the form of String.
func ParseHash(text string) (h Hash, err error) {
	err = h.UnmarshalText([]byte(text))
	return h, err
}

// Entry is an event on record. Hash covers everything else, and with Prev every entry
// before. As JSON it is a line of an export.
type Entry struct {
	Seq       int64           `json:"seq"` // from 1, without gaps
	At        time.Time       `json:"at"`  // UTC, whole milliseconds
	Name      string          `json:"event"`
	Actor     string          `json:"actor"`
	Target    string          `json:"target"`
	Addr      string          `json:"ip"`
	RequestID string          `json:"request"`
	Details   json.RawMessage `json:"details"` // an object
	Prev      Hash            `json:"prev"`    // of the entry before; zeros of the first
	Hash      Hash            `json:"hash"`
}

// Head is the last entry of a chain; the zero Head is that of an empty one.
type Head struct {
	Seq  int64 `json:"seq"`
	Hash Hash  `json:"hash"`
}

// Next makes the entry behind h.
func (h Head) Next(ctx context.Context, at time.Time, e Event) (Entry, error) {
	e = e.from(ctx)
	details, err := e.details()
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{
		Seq: h.Seq + 1, At: at, Prev: h.Hash,
		Name: clean(e.Name), Actor: clean(e.Actor), Target: clean(e.Target),
		Addr: clean(e.Addr), RequestID: clean(e.RequestID), Details: details,
	}
	entry.At = at.UTC().Truncate(time.Millisecond)
	entry.Hash, err = entry.sum()
	return entry, err
}

// Head is the chain's head when e is its last entry.
func (e Entry) Head() Head { return Head{e.Seq, e.Hash} }

// sum hashes the entry's own JSON without its hash. The word in front keeps a hash made
// for anything else from being taken for one of these.
func (e Entry) sum() (Hash, error) {
	type sealed struct {
		Entry
		Hash *Hash `json:"hash,omitempty"` // hides the entry's
	}
	e.At = e.At.UTC()
	text, err := json.Marshal(sealed{Entry: e})
	if err != nil {
		return Hash{}, fmt.Errorf("audit entry %d: %w", e.Seq, err)
	}
	return sha256.Sum256(append([]byte("tessera audit 1\n"), text...)), nil
}
