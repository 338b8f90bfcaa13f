package again

import (
	"context"
	"io"
	"sync"

	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// Workers asks workers, twice where that helps. How long is usual differs by what is
// asked for, so each kind has an asker of its own.
type Workers struct {
	tiles, large, facts *Asker
	renderer            tile.Renderer
	library             tile.Library
}

var (
	_ tile.Renderer = (*Workers)(nil)
	_ tile.Library  = (*Workers)(nil)
)

// NewWorkers wraps what asks them once.
func NewWorkers(r tile.Renderer, l tile.Library) *Workers {
	return &Workers{tiles: New(Config{}), large: New(Config{Dear: true}), facts: New(Config{}), renderer: r, library: l}
}

// large is from where a rendering is one of the dear ones, in pixels written.
const large = 4 << 20

func (w *Workers) renders(job tile.Job) *Asker {
	if width, height := job.Render.Bounds(); int64(width)*int64(height) > large {
		return w.large
	}
	return w.tiles
}

// Info implements tile.Renderer.
func (w *Workers) Info(ctx context.Context, id string) (tile.Image, error) {
	return simple(ctx, w.facts, func(ctx context.Context) (tile.Image, error) { return w.renderer.Info(ctx, id) })
}

// Render implements tile.Renderer.
func (w *Workers) Render(ctx context.Context, job tile.Job) (tile.Result, error) {
	r, release, err := do(ctx, w.renders(job),
		func(ctx context.Context) (tile.Result, error) { return w.renderer.Render(ctx, job) },
		func(r tile.Result) { _ = r.Body.Close() })
	if err != nil {
		return tile.Result{}, err
	}
	// The body is read in the context that the job was asked with.
	r.Body = &released{ReadCloser: r.Body, release: release}
	return r, nil
}

// Manifest implements tile.Library.
func (w *Workers) Manifest(ctx context.Context, path string) (tile.Document, error) {
	return simple(ctx, w.facts, func(ctx context.Context) (tile.Document, error) { return w.library.Manifest(ctx, path) })
}

// List implements tile.Library.
func (w *Workers) List(ctx context.Context, q tile.Query) (tile.Listing, error) {
	return simple(ctx, w.facts, func(ctx context.Context) (tile.Listing, error) { return w.library.List(ctx, q) })
}

func simple[T any](ctx context.Context, a *Asker, ask func(context.Context) (T, error)) (T, error) {
	value, release, err := do(ctx, a, ask, nil)
	release()
	return value, err
}

// released ends the job's context after the body.
type released struct {
	io.ReadCloser
	once    sync.Once
	release func()
}

func (r *released) Close() error {
	defer r.once.Do(r.release)
	return r.ReadCloser.Close()
}

// Authority asks coordinators, twice where that helps.
type Authority struct {
	asker     *Asker
	authority session.Authority
}

var _ session.Authority = (*Authority)(nil)

// NewAuthority wraps what asks them once.
func NewAuthority(of session.Authority) *Authority { return &Authority{New(Config{}), of} }

// Lookup implements session.Authority.
func (a *Authority) Lookup(ctx context.Context, kind session.Kind, hash session.Hash) (session.Credential, error) {
	return simple(ctx, a.asker, func(ctx context.Context) (session.Credential, error) {
		return a.authority.Lookup(ctx, kind, hash)
	})
}

// Identity implements session.Authority.
func (a *Authority) Identity(ctx context.Context, issuer, subject string) (session.Credential, error) {
	return simple(ctx, a.asker, func(ctx context.Context) (session.Credential, error) {
		return a.authority.Identity(ctx, issuer, subject)
	})
}

// Rights implements session.Authority.
func (a *Authority) Rights(ctx context.Context, since int64) (session.Rights, error) {
	return simple(ctx, a.asker, func(ctx context.Context) (session.Rights, error) { return a.authority.Rights(ctx, since) })
}
