package store

import (
	"cmp"
	"context"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	defaultPage = 100
	maxPage     = 1000
)

// Tree is what listing needs to know of a source.
type Tree interface {
	// Folder tells what a folder holds ("" is the root), in any order: at least what
	// begins with begin. A folder that is not there is empty.
	Folder(ctx context.Context, folder, begin string) ([]Name, error)

	// Bytes tells the size of what Folder named n; ok is false for what turns out to
	// be no image, or gone.
	Bytes(key string, n Name) (size int64, ok bool)
}

// Name is a folder or a file inside a folder.
type Name struct {
	Name     string
	IsFolder bool
	Bytes    int64 // where Folder knows it
}

// ListTree does the work of Source.List. It reads folder by folder and holds only the
// names of the folders on the way down.
func ListTree(ctx context.Context, t Tree, q tile.Query) (tile.Listing, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	page := tile.Listing{Items: []tile.Entry{}}
	for f, err := range images(ctx, t, q.Prefix, q.After) {
		if err != nil {
			return tile.Listing{}, err
		}
		size, ok := t.Bytes(f.key, f.Name)
		if !ok {
			continue // gone since, or a link that leads nowhere
		}
		if len(page.Items) == limit {
			page.Next = page.Items[limit-1].ID
			return page, nil
		}
		_, ext := tile.SplitExtension(f.key)
		page.Items = append(page.Items, tile.Entry{ID: f.id, Format: tile.Extensions[ext], Bytes: size})
	}
	return page, nil
}

// ambiguous searches a whole tree for identifiers that, given without extension,
// stand for several images, and returns at most limit of them in ascending order.
func ambiguous(ctx context.Context, t Tree, limit int) ([]string, error) {
	var ids []string
	for f, err := range images(ctx, t, "", "") {
		if err != nil {
			return ids, err
		}
		if !f.shared {
			continue
		}
		short, _ := shortName(f.key)
		if len(ids) > 0 && ids[len(ids)-1] == short {
			continue
		}
		if len(ids) == limit {
			break
		}
		ids = append(ids, short)
	}
	return ids, nil
}

// image is an image file by its name; nobody has looked at the file yet.
type image struct {
	Name
	id, key string
	shared  bool // several files would have the identifier that id could be
}

// images yields every image whose identifier begins with prefix and comes after
// after, in the order of List.
func images(ctx context.Context, t Tree, prefix, after string) iter.Seq2[image, error] {
	return func(yield func(image, error) bool) {
		folder, begin := "", prefix
		if slash := strings.LastIndexByte(prefix, '/'); slash >= 0 {
			folder, begin = prefix[:slash], prefix[slash+1:]
			if CheckKey(folder) != nil {
				return
			}
		}
		rest, ok := below(folder, after)
		if !ok {
			return
		}
		w := walk{tree: t, ctx: ctx, yield: yield}
		w.folder(folder, begin, rest)
	}
}

// below tells what of after still binds inside folder: nil where all of the folder
// comes after it; ok is false where none does.
func below(folder, after string) (rest []string, ok bool) {
	if after == "" {
		return nil, true
	}
	rest = strings.Split(after, "/")
	if folder == "" {
		return rest, true
	}
	for segment := range strings.SplitSeq(folder, "/") {
		if len(rest) == 0 || segment > rest[0] {
			return nil, true
		}
		if segment < rest[0] {
			return nil, false
		}
		rest = rest[1:]
	}
	return rest, true
}

type walk struct {
	tree  Tree
	ctx   context.Context
	yield func(image, error) bool
}

// folder walks one folder and what is below it, and returns false to stop.
func (w walk) folder(folder, begin string, after []string) bool {
	if err := w.ctx.Err(); err != nil {
		return w.yield(image{}, err)
	}
	names, err := w.tree.Folder(w.ctx, folder, begin)
	if err != nil {
		return w.yield(image{}, err)
	}
	for _, e := range arrange(names) {
		if !strings.HasPrefix(e.segment, begin) {
			continue
		}
		rest, skip := e.position(after)
		if skip {
			continue
		}
		if !w.entry(folder, e, rest) {
			return false
		}
	}
	return true
}

func (w walk) entry(folder string, e entry, after []string) bool {
	key := path.Join(folder, e.Name.Name)
	if len(key) > MaxKey {
		return true
	}
	if e.IsFolder {
		return w.folder(key, "", after)
	}
	return w.yield(image{Name: e.Name, id: path.Join(folder, e.segment), key: key, shared: e.shared}, nil)
}

// entry is a folder or image file inside a folder.
type entry struct {
	Name
	segment string // last segment of the identifier
	shared  bool
}

// position compares the entry with the identifier after (segments from this folder
// on): skip it, or go on with what of after still binds below it.
func (e entry) position(after []string) (rest []string, skip bool) {
	if len(after) == 0 || e.segment > after[0] {
		return nil, false
	}
	if e.segment < after[0] {
		return nil, true
	}
	return after[1:], !e.IsFolder
}

// arrange picks what can be listed, gives each file its identifier and sorts.
func arrange(names []Name) []entry {
	holders := map[string]int{} // files by the identifier they would like
	var entries []entry
	for _, n := range names {
		if !servable(n.Name) || !n.IsFolder && !namesImage(n.Name) {
			continue
		}
		entries = append(entries, entry{Name: n, segment: n.Name})
		if short, ok := shortName(n.Name); ok && !n.IsFolder {
			holders[short]++
		}
	}
	for i, e := range entries {
		if short, ok := shortName(e.Name.Name); ok && !e.IsFolder {
			if entries[i].shared = holders[short] > 1; !entries[i].shared {
				entries[i].segment = short
			}
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.segment, b.segment), boolCompare(a.IsFolder, b.IsFolder))
	})
	return entries
}

func namesImage(name string) bool {
	_, ext := tile.SplitExtension(name)
	return ext != ""
}

// boolCompare puts false first.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
