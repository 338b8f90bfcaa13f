package s3

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// finding is what Find found out, which may be that there is nothing.
type finding struct {
	object store.Object
	pin    pin
	none   error // a tile.NotFound
}

// Find implements store.Source. With an extension it costs one request; without, a
// listing besides. Equal finds join.
func (s *Source) Find(ctx context.Context, id string) (store.Object, error) {
	if err := check(ctx, id); err != nil {
		return store.Object{}, err
	}
	f, ok := s.known.found(id)
	if !ok {
		var err error
		f, _, err = s.finds.Do(ctx, id, func(ctx context.Context) (finding, error) { return s.find(ctx, id) })
		if err != nil {
			return store.Object{}, err
		}
	}
	return f.object, f.none
}

func (s *Source) find(ctx context.Context, id string) (finding, error) {
	s.jobs.Add(1)
	defer s.jobs.Done()
	since := s.known.moment()
	key, err := s.keyOf(ctx, id)
	var p pin
	if err == nil {
		p, err = s.client.head(ctx, s.where.Prefix+key)
	}
	if err != nil {
		err = s.outcome(ctx, id, tile.NotFound, err)
		if tile.CodeOf(err) != tile.NotFound {
			return finding{}, err
		}
		s.known.learn(since, id, finding{none: err})
		return finding{none: err}, nil
	}
	f := finding{object: store.Object{Key: key, Version: p.version(), Size: p.size}, pin: p}
	s.known.learn(since, id, f)
	s.known.learn(since, key, f)
	return f, nil
}

// keyOf finds the key that an identifier stands for.
func (s *Source) keyOf(ctx context.Context, id string) (string, error) {
	if _, ext := tile.SplitExtension(id); ext != "" {
		return id, nil
	}
	keys, err := s.spellings(ctx, id)
	switch {
	case err != nil:
		return "", err
	case len(keys) == 0:
		return "", errMissing
	case len(keys) > 1:
		s.complain.Do(func() {
			s.log.Warn("identifier is ambiguous: give the extension, or keep one of the objects",
				"id", id, "objects", keys[:2], "count", len(keys))
		})
		return "", tile.Fail(tile.NotFound, "several files have this name: give the extension", nil)
	}
	return keys[0], nil
}

// spellings finds which keys there are that id could stand for.
func (s *Source) spellings(ctx context.Context, id string) ([]string, error) {
	folder, name := path.Split(id)
	names, more, err := s.client.list(ctx, s.where.Prefix+folder, name+".", listPage)
	if err != nil {
		return nil, err
	}
	if more { // thousands of names go on after this one
		return s.probe(ctx, store.Spellings(id))
	}
	there := map[string]bool{}
	for _, n := range names {
		there[folder+n.Name] = !n.IsFolder
	}
	return slices.DeleteFunc(store.Spellings(id), func(key string) bool { return !there[key] }), nil
}

// probe asks for each key, several at a time.
func (s *Source) probe(ctx context.Context, keys []string) ([]string, error) {
	var mu sync.Mutex
	var found []string
	var first atomic.Pointer[error]
	parallel(keys, func(key string) {
		_, err := s.client.head(ctx, s.where.Prefix+key)
		if err = s.outcome(ctx, key, tile.NotFound, err); err == nil {
			mu.Lock()
			defer mu.Unlock()
			found = append(found, key)
		} else if tile.CodeOf(err) != tile.NotFound {
			first.CompareAndSwap(nil, &err)
		}
	})
	if err := first.Load(); err != nil {
		return nil, *err
	}
	slices.Sort(found)
	return found, nil
}

// maxNames bounds what one folder may hold to be listed.
const maxNames = 200_000

// List implements store.Source. Names are read folder by folder, since the order of
// a listing is not that of keys ("a-b" sorts before "a/b" there), and kept for a
// moment, so that paging does not read a folder again for every page.
func (s *Source) List(ctx context.Context, q tile.Query) (tile.Listing, error) {
	return store.ListTree(ctx, tree{s}, q)
}

// tree is a Source as a store.Tree.
type tree struct{ s *Source }

// Bytes implements store.Tree.
func (t tree) Bytes(_ string, n store.Name) (int64, bool) { return n.Bytes, true }

// Folder implements store.Tree.
func (t tree) Folder(ctx context.Context, folder, begin string) ([]store.Name, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if folder != "" {
		folder += "/"
	}
	if begin != "" && store.CheckKey(begin) != nil {
		return nil, nil
	}
	if names, ok := t.s.known.listed(folder + begin); ok {
		return names, nil
	}
	names, _, err := t.s.listings.Do(ctx, folder+begin, func(ctx context.Context) ([]store.Name, error) {
		return t.s.list(ctx, folder, begin)
	})
	return names, err
}

func (s *Source) list(ctx context.Context, folder, begin string) ([]store.Name, error) {
	s.jobs.Add(1)
	defer s.jobs.Done()
	since := s.known.moment()
	names, more, err := s.client.list(ctx, s.where.Prefix+folder, begin, maxNames)
	if err == nil && more {
		err = tile.Fail(tile.Unsupported, fmt.Sprintf("folder %q holds more than %d objects: ask for identifiers that begin with something", folder, maxNames), nil)
	}
	if err != nil {
		return nil, s.outcome(ctx, folder, tile.NotFound, err)
	}
	s.known.learnNames(since, folder+begin, names)
	return names, nil
}
