// Package seal encrypts what the database keeps for others: a copy of the database alone
// opens nobody's account elsewhere (XChaCha20-Poly1305).
package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/chacha20poly1305"
)

// Key is 256 random bits.
type Key [chacha20poly1305.KeySize]byte

// ErrSealed says that a text was sealed by another key, for another use, or damaged.
var ErrSealed = errors.New("cannot be opened with this key")

// Seal encrypts a text. use says what for; it opens for the same use alone. The empty
// text stays empty.
func (k Key) Seal(text, use string) string {
	if text == "" {
		return ""
	}
	aead, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		panic("seal: " + err.Error()) // of another length than it has
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(text)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: it would end the process instead
	return base64.RawStdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(text), []byte(use)))
}

// Open reads what Seal wrote for the same use. Errors: ErrSealed.
func (k Key) Open(sealed, use string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	aead, errKey := chacha20poly1305.NewX(k[:])
	if err != nil || errKey != nil || len(raw) < aead.NonceSize() {
		return "", ErrSealed
	}
	text, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(use))
	if err != nil {
		return "", ErrSealed
	}
	return string(text), nil
}

// ParseKey reads 32 bytes in base64.
func ParseKey(text string) (k Key, err error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != len(k) {
		return Key{}, fmt.Errorf("a key is %d bytes in base64", len(k))
	}
	copy(k[:], raw)
	return k, nil
}

// KeyIn reads the key kept in a folder, and makes it at the first time. Of several
// processes that do so at once all get the same.
func KeyIn(folder string) (Key, error) {
	path := filepath.Join(folder, "tokens.key")
	k, err := readKey(path)
	if !errors.Is(err, os.ErrNotExist) {
		return k, err
	}
	if err := makeKey(folder, path); err != nil && !errors.Is(err, os.ErrExist) {
		return Key{}, fmt.Errorf("make a key: %w", err)
	}
	return readKey(path)
}

func readKey(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, err
	}
	k, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w; if it is lost, delete the file: people who are signed in by a provider sign in again when it is next asked about them", path, err)
	}
	return k, nil
}

// makeKey puts the file in place whole, by a link that fails if there is one.
func makeKey(folder, path string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".key-*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is hidden, and nobody reads it
	var k Key
	_, _ = rand.Read(k[:])
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(k[:]))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
