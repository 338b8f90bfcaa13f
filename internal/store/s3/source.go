package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tessera-iiif/tessera/internal/flight"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// Source is what lies below a prefix of a bucket. It needs the rights to get objects
// there and to list the bucket there, and no others.
type Source struct {
	client   *client
	where    Location
	copies   *Copies
	known    *memory
	finds    flight.Group[string, finding]
	listings flight.Group[string, []store.Name]
	windows  flight.Group[windowKey, []byte]
	wholes   flight.Group[string, struct{}]
	jobs     sync.WaitGroup // joined work, which may outlive its callers for a moment
	log      *slog.Logger
	complain rate.Sometimes
}

var _ store.Source = (*Source)(nil)

// Open signs in and looks at the bucket once. The error says what to do about it.
func Open(ctx context.Context, c Config) (*Source, error) {
	cl, err := newClient(c.Account, c.Location.Bucket, c.Timeout)
	if err != nil {
		return nil, err
	}
	if err := cl.greet(ctx, c.Location); err != nil {
		cl.close()
		return nil, err
	}
	return &Source{
		client: cl, where: c.Location, copies: c.Copies, known: newMemory(c.Recheck), log: c.Log,
		complain: rate.Sometimes{First: 10, Interval: time.Second},
	}, nil
}

// Close waits for work under way and lets go of connections. Blobs are closed before.
func (s *Source) Close() error {
	s.jobs.Wait()
	s.client.close()
	return nil
}

// Stats counts since the start.
func (s *Source) Stats() Stats { return s.client.counts.stats() }

// Key tells the key below the prefix of an object of which an event speaks; ok is
// false for what is not of this source.
func (s *Source) Key(bucket, key string) (_ string, ok bool) {
	if bucket != s.where.Bucket || len(key) <= len(s.where.Prefix) || key[:len(s.where.Prefix)] != s.where.Prefix {
		return "", false
	}
	key = key[len(s.where.Prefix):]
	return key, store.CheckKey(key) == nil
}

// Forget has the store asked anew about an object that was created, replaced or
// deleted.
func (s *Source) Forget(key string) { s.known.forget(key) }

// Open implements store.Source. It asks the store only where Find has not done so of
// late: reads are pinned, and find out by themselves.
func (s *Source) Open(ctx context.Context, o store.Object) (store.Blob, error) {
	if err := check(ctx, o.Key); err != nil {
		return nil, err
	}
	p, ok := s.known.pinned(o)
	if !ok {
		var err error
		if p, err = s.client.head(ctx, s.where.Prefix+o.Key); err != nil {
			return nil, s.outcome(ctx, o.Key, tile.Changed, err)
		}
	}
	if p.version() != o.Version {
		s.known.forget(o.Key)
		return nil, tile.Fail(tile.Changed, "", nil)
	}
	return newBlob(ctx, s, o, p), nil
}

// Read implements store.Source. The version is of the content, which is all there.
func (s *Source) Read(ctx context.Context, key string, limit int64) ([]byte, string, error) {
	if err := check(ctx, key); err != nil {
		return nil, "", err
	}
	b, err := s.client.get(ctx, s.where.Prefix+key, limit)
	if errors.Is(err, errTooLarge) {
		return nil, "", tile.Fail(tile.Broken, fmt.Sprintf("the document is larger than %d bytes", limit), nil)
	}
	if err != nil {
		return nil, "", s.outcome(ctx, key, tile.NotFound, err)
	}
	sum := sha256.Sum256(b)
	return b, base64.RawURLEncoding.EncodeToString(sum[:12]), nil
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckKey(key); err != nil {
		return tile.Fail(tile.NotFound, "", err)
	}
	return nil
}

// outcome makes an error about an object one that may travel, and logs what an
// operator should know.
func (s *Source) outcome(ctx context.Context, key string, missing tile.Code, err error) error {
	if errors.Is(err, errDenied) {
		err = s.denied(ctx, key, err)
	}
	err = outcome(err, missing)
	switch tile.CodeOf(err) {
	case tile.Unavailable, tile.Internal, tile.Unsupported:
		s.complain.Do(func() {
			s.log.Error("cannot read from object storage", "key", key, "from", s.where.String(), "error", err)
		})
	}
	return err
}

// denied finds out what a refusal means. Without the right to list, a store says 403
// where it would say 404, and policies may grant that right in part.
func (s *Source) denied(ctx context.Context, key string, err error) error {
	names, _, listing := s.client.list(ctx, s.where.Prefix, key, 1)
	switch {
	case errors.Is(listing, errDenied):
		return tile.Fail(tile.Unavailable, "The image store refuses access.", fmt.Errorf("grant s3:ListBucket and s3:GetObject, or renew the keys: %w", err))
	case listing == nil && (len(names) == 0 || names[0].Name != key):
		return errMissing
	}
	return tile.Fail(tile.Internal, "", fmt.Errorf("grant s3:GetObject for it: %w", err))
}
