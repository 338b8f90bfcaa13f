package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// List implements Source. Folders reached by a symbolic link are not entered: what
// they hold is listed where it really is, and a link may lead to its own parent.
func (d *Dir) List(ctx context.Context, q tile.Query) (tile.Listing, error) {
	return ListTree(ctx, dirTree{d}, q)
}

// Ambiguous searches the whole folder for identifiers that, given without extension,
// stand for several files, and returns at most limit of them in ascending order.
func (d *Dir) Ambiguous(ctx context.Context, limit int) ([]string, error) {
	return ambiguous(ctx, dirTree{d}, limit)
}

// dirTree is a Dir as a Tree.
type dirTree struct{ *Dir }

// Bytes implements Tree, and follows links.
func (d dirTree) Bytes(key string, _ Name) (int64, bool) {
	info, err := d.root.Stat(key)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// Folder implements Tree. A folder that may not be read is empty.
func (d dirTree) Folder(_ context.Context, folder, _ string) ([]Name, error) {
	list, err := d.entries(cmp.Or(folder, "."))
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
	names := make([]Name, 0, len(list))
	for _, l := range list {
		if l.IsDir() || l.Type().IsRegular() || l.Type()&fs.ModeSymlink != 0 {
			names = append(names, Name{Name: l.Name(), IsFolder: l.IsDir()})
		}
	}
	return names, nil
}

func (d dirTree) entries(folder string) ([]fs.DirEntry, error) {
	f, err := d.root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return f.ReadDir(-1)
}
