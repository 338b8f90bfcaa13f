package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
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

// List implements Source. It reads folder by folder and holds only the names of the
// folders on the way down. Folders reached by a symbolic link are not entered: what
// they hold is listed where it really is, and a link may lead to its own parent.
func (d *Dir) List(ctx context.Context, q tile.Query) (tile.Listing, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	page := tile.Listing{Items: []tile.Entry{}}
	for f, err := range d.images(ctx, q.Prefix, q.After) {
		if err != nil {
			return tile.Listing{}, err
		}
		info, err := d.root.Stat(f.key)
		if err != nil || !info.Mode().IsRegular() {
			continue // gone since, or a link that leads nowhere
		}
		if len(page.Items) == limit {
			page.Next = page.Items[limit-1].ID
			return page, nil
		}
		_, ext := tile.SplitExtension(f.key)
		page.Items = append(page.Items, tile.Entry{ID: f.id, Format: tile.Extensions[ext], Bytes: info.Size()})
	}
	return page, nil
}

// Ambiguous scans the whole folder for identifiers that, given without extension,
// stand for several files, and returns at most limit of them in ascending order.
func (d *Dir) Ambiguous(ctx context.Context, limit int) ([]string, error) {
	var ids []string
	for f, err := range d.images(ctx, "", "") {
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
	id, key string
	shared  bool // several files would have the identifier that id could be
}

// images yields every image whose identifier begins with prefix and comes after
// after, in the order of List.
func (d *Dir) images(ctx context.Context, prefix, after string) iter.Seq2[image, error] {
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
		w := walk{d: d, ctx: ctx, yield: yield}
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
	d     *Dir
	ctx   context.Context
	yield func(image, error) bool
}

// folder walks one folder and what is below it, and returns false to stop.
func (w walk) folder(folder, begin string, after []string) bool {
	if err := w.ctx.Err(); err != nil {
		return w.yield(image{}, err)
	}
	entries, err := w.d.readFolder(folder)
	if err != nil {
		return w.yield(image{}, err)
	}
	for _, e := range entries {
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
	key := path.Join(folder, e.name)
	if len(key) > MaxKey {
		return true
	}
	if e.isDir {
		return w.folder(key, "", after)
	}
	return w.yield(image{id: path.Join(folder, e.segment), key: key, shared: e.shared}, nil)
}

// entry is a folder or image file inside a folder.
type entry struct {
	segment string // last segment of the identifier
	name    string // as stored
	isDir   bool
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
	return after[1:], !e.isDir
}

// readFolder returns the image files and folders in a folder, in listing order. A
// folder that has gone or may not be read is empty.
func (d *Dir) readFolder(folder string) ([]entry, error) {
	list, err := d.names(cmp.Or(folder, "."))
	if errors.Is(err, fs.ErrPermission) {
		d.complain.Do(func() { d.log.Warn("folder cannot be read and is not listed", "folder", folder) })
		return nil, nil
	}
	if err != nil && leadsNowhere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, d.failure(folder, err)
	}
	return arrange(list), nil
}

func (d *Dir) names(folder string) ([]fs.DirEntry, error) {
	f, err := d.root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return f.ReadDir(-1)
}

// arrange picks what can be listed, gives each file its identifier and sorts.
func arrange(list []fs.DirEntry) []entry {
	holders := map[string]int{} // files by the identifier they would like
	var entries []entry
	for _, l := range list {
		name := l.Name()
		if !servable(name) || !l.IsDir() && !looksLikeImage(l) {
			continue
		}
		entries = append(entries, entry{segment: name, name: name, isDir: l.IsDir()})
		if short, ok := shortName(name); ok && !l.IsDir() {
			holders[short]++
		}
	}
	for i, e := range entries {
		if short, ok := shortName(e.name); ok && !e.isDir {
			if entries[i].shared = holders[short] > 1; !entries[i].shared {
				entries[i].segment = short
			}
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.segment, b.segment), boolCompare(a.isDir, b.isDir))
	})
	return entries
}

// looksLikeImage goes by name and kind; what a link leads to is seen later.
func looksLikeImage(l fs.DirEntry) bool {
	_, ext := tile.SplitExtension(l.Name())
	return ext != "" && (l.Type().IsRegular() || l.Type()&fs.ModeSymlink != 0)
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
