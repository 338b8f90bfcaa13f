package worker

import (
	"context"
	"errors"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// subject is one version of an image under one of its names.
type subject struct{ id, version string }

// verdict is what became of looking at a file: facts, or err, a tile.Broken. It
// holds for as long as the version exists.
type verdict struct {
	object store.Object
	image  tile.Image
	err    error
}

func (v verdict) ward() wardKey { return wardKey{v.object.Key, v.object.Version} }

// Info implements tile.Renderer. The source is asked every time, so that a replaced
// file is seen at once; its header is read once per version.
func (w *Worker) Info(ctx context.Context, id string) (tile.Image, error) {
	o, err := w.source.Find(ctx, id)
	if err != nil {
		return tile.Image{}, err
	}
	v, err := w.judge(ctx, id, o)
	if err != nil {
		return tile.Image{}, err
	}
	if err := w.wards.verdict(v.ward()); err != nil {
		return tile.Image{}, err
	}
	return v.image, v.err
}

// judge returns the verdict on an object. The error is for what says nothing about
// the file, such as a full queue.
func (w *Worker) judge(ctx context.Context, id string, o store.Object) (verdict, error) {
	s := subject{id, o.Version}
	if v, ok := w.verdicts.GetIfPresent(s); ok {
		return v, nil
	}
	v, _, err := w.inspections.Do(ctx, s, func(ctx context.Context) (verdict, error) {
		ctx, done := w.work(ctx)
		defer done()
		return w.inspect(ctx, id, o)
	})
	return v, w.outcome(ctx, err)
}

func (w *Worker) inspect(ctx context.Context, id string, o store.Object) (verdict, error) {
	f, err := w.source.Open(ctx, o)
	if err != nil {
		return verdict{}, err
	}
	defer func() { _ = f.Close() }()
	image, err := w.describe(ctx, f, o)
	if !f.Same() {
		return verdict{}, errChanged()
	}
	switch {
	case err == nil:
	case final(err):
		w.log.WarnContext(ctx, "image refused", "id", id, "key", o.Key, "error", err)
	default:
		w.logFailure(ctx, "image not inspected", id, err)
		return verdict{}, err
	}
	image.ID, image.Version = id, o.Version
	v := verdict{object: o, image: image, err: err}
	w.verdicts.Set(subject{id, o.Version}, v)
	return v, nil
}

// final tells whether an error says something about the file for good. The loss of a
// child may be bad luck once; it has a count of its own.
func final(err error) bool {
	return tile.CodeOf(err) == tile.Broken && !errors.Is(err, decoder.ErrLost)
}

func errChanged() error {
	return tile.Fail(tile.Changed, "the image has been replaced: ask for its description again", nil)
}
