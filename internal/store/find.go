package store

import (
	"context"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// Find implements Source. With an extension it costs one stat; without, one for
// every known extension, in a folder opened once: reading a folder of a hundred
// thousand files would cost far more.
func (d *Dir) Find(ctx context.Context, id string) (Object, error) {
	if err := check(ctx, id); err != nil {
		return Object{}, err
	}
	if _, ext := tile.SplitExtension(id); ext == "" {
		return d.findByName(id)
	}
	info, err := d.root.Stat(id)
	if err != nil {
		return Object{}, d.failure(id, err)
	}
	if !info.Mode().IsRegular() {
		return Object{}, notFound(errNotRegular)
	}
	if err := d.tellsApart(inFolder{d.root, path.Dir(id)}, id); err != nil {
		return Object{}, err
	}
	return object(id, info), nil
}

func (d *Dir) findByName(id string) (Object, error) {
	folder, name := path.Split(id)
	within := d.root
	if folder != "" {
		sub, err := d.root.OpenRoot(strings.TrimSuffix(folder, "/"))
		if err != nil {
			return Object{}, d.failure(id, err)
		}
		defer func() { _ = sub.Close() }()
		within = sub
	}
	var found []Object
	for _, suffix := range suffixes {
		info, err := d.statIn(within, folder, name+suffix)
		switch {
		case err == nil && info.Mode().IsRegular():
			found = append(found, object(folder+name+suffix, info))
		case err != nil && !leadsNowhere(err):
			return Object{}, d.failure(id, err)
		}
	}
	if len(found) > 0 {
		if err := d.tellsApart(inFolder{within, ""}, found[0].Key); err != nil {
			return Object{}, err
		}
	}
	return d.only(id, found)
}

// statIn looks at a file of the folder. A symbolic link is followed from the root,
// because it may lead out of the folder and stay inside the root.
func (d *Dir) statIn(within *os.Root, folder, file string) (fs.FileInfo, error) {
	info, err := within.Lstat(file)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return d.root.Stat(folder + file)
	}
	return info, err
}

// only refuses to guess between files that differ by extension alone: access rules
// see no extension, but whoever asks must get the same image every time.
func (d *Dir) only(id string, found []Object) (Object, error) {
	switch len(found) {
	case 0:
		return Object{}, notFound(fs.ErrNotExist)
	case 1:
		return found[0], nil
	}
	d.complain.Do(func() {
		d.log.Warn("identifier is ambiguous: give the extension, or keep one of the files",
			"id", id, "files", []string{found[0].Key, found[1].Key}, "count", len(found))
	})
	return Object{}, tile.Fail(tile.NotFound, "several files have this name: give the extension", nil)
}
