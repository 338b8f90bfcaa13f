package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// MaxResult bounds a result that is kept in object storage, in bytes.
const MaxResult = 4 << 20

// ResultsConfig is what Results are made of. Account, Location and Log are needed.
type ResultsConfig struct {
	Account  Account
	Location Location
	// Patience is how long Get waits: rendering anew must not take less. 0: 200 ms.
	Patience time.Duration
	Log      *slog.Logger
}

// Results is a store of results that workers share: an object for each, a record
// that proves itself whole and whose it is. Nothing is ever deleted here; a lifecycle
// rule of the bucket does that. It needs the rights to get and to put objects below
// its prefix, and no others. Safe for concurrent use.
type Results struct {
	client   *client
	where    Location
	patience time.Duration
	log      *slog.Logger
	complain rate.Sometimes
}

// OpenResults writes a note into the bucket to find out whether that works. A store
// that does not answer is no reason not to start; all other errors say what to do.
func OpenResults(ctx context.Context, c ResultsConfig) (*Results, error) {
	cl, err := newClient(c.Account, c.Location.Bucket, 0)
	if err != nil {
		return nil, err
	}
	r := &Results{client: cl, where: c.Location, patience: cmp.Or(c.Patience, 200*time.Millisecond), log: c.Log, complain: rate.Sometimes{Interval: time.Minute}}
	ctx, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	err = cl.put(ctx, c.Location.Prefix+"about.txt", []byte(about), "text/plain; charset=utf-8")
	switch {
	case isFailure(err) || errors.Is(err, context.DeadlineExceeded):
		c.Log.Warn("the shared store of results does not answer; results are kept locally until it does", "store", c.Location.String(), "error", err)
	case err != nil:
		cl.close()
		return nil, fmt.Errorf("shared store of results (--cache %s): %w", c.Location, cl.advise(c.Location, "s3:PutObject and s3:GetObject", err))
	}
	return r, nil
}

const about = "Rendered images, kept by Tessera's workers for one another. All of it can be deleted at any time.\n"

// Close lets go of connections.
func (r *Results) Close() error {
	r.client.close()
	return nil
}

// Stats counts since the start.
func (r *Results) Stats() Stats { return r.client.counts.stats() }

func (r *Results) key(key tile.Key) string {
	name := key.Hash()
	return r.where.Prefix + name[:2] + "/" + name
}

// Get returns the result stored under key. Whatever goes wrong is a miss, and so is
// what takes longer than rendering anew.
func (r *Results) Get(ctx context.Context, key tile.Key) (tile.Result, bool) {
	var b []byte
	err := r.client.attempt(ctx, r.patience, func(ctx context.Context) (err error) {
		b, err = r.client.getOnce(ctx, r.key(key), maxRecord)
		return err
	})
	if err != nil {
		r.report(ctx, "cannot read from the shared store of results", err)
		return tile.Result{}, false
	}
	res, ok := store.DecodeRecord(b, key)
	if !ok {
		r.report(ctx, "damaged result", errors.New("an object there is not a whole record of its key"))
	}
	res.Cache = tile.FromStore
	return res, ok
}

const maxRecord = MaxResult + 8<<10 // with its header

// Put stores size bytes of body as the result of key, or returns store.ErrNotStored
// for what is too large.
func (r *Results) Put(ctx context.Context, key tile.Key, media string, body io.Reader, size int64) error {
	if size < 0 || size > MaxResult {
		return fmt.Errorf("result of %d bytes: %w", size, store.ErrNotStored)
	}
	record, err := store.EncodeRecord(key, media, body, size)
	if err != nil {
		return err
	}
	err = r.client.put(ctx, r.key(key), record, "application/octet-stream")
	r.report(ctx, "cannot write to the shared store of results", err)
	return err
}

// report tells the operator now and then. That nothing is there is no news, even
// where the store says 403 because it would not list.
func (r *Results) report(ctx context.Context, message string, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, errMissing) {
		return
	}
	r.complain.Do(func() { r.log.Warn(message, "store", r.where.String(), "error", err) })
}
