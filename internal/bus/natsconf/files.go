package natsconf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	private fs.FileMode = 0o600
	public  fs.FileMode = 0o644
)

// file is one to be there in the end, named relative to the folder.
type file struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// save writes files, or none of them when one that is there would change and that
// was not asked for.
func save(cfg Config, files []file) ([]Outcome, error) {
	var out []Outcome
	var changed []string
	for i := range files {
		did, err := compare(cfg.Dir, files[i])
		if err != nil {
			return nil, err
		}
		if did == "changed" {
			changed = append(changed, files[i].name)
		}
		out = append(out, Outcome{filepath.Join(cfg.Dir, files[i].name), did})
	}
	if len(changed) > 0 && !cfg.Force {
		return nil, fmt.Errorf("%s in %s would change, so nothing was written; use --force to overwrite (keys in use are kept), or another --dir",
			strings.Join(changed, ", "), cfg.Dir)
	}
	for i, f := range files {
		if out[i].Did == "kept" {
			continue
		}
		if err := replace(cfg.Dir, f); err != nil {
			return nil, err
		}
	}
	left, err := leftOver(cfg.Dir, files)
	return append(out, left...), err
}

func compare(dir string, f file) (did string, err error) {
	old, err := os.ReadFile(filepath.Join(dir, f.name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "made", nil
	case err != nil:
		return "", fmt.Errorf("read what is there already: %w", err)
	case bytes.Equal(old, f.content):
		return "kept", nil
	}
	return "changed", nil
}

// replace leaves the old file or the new one, never half of it.
func replace(dir string, f file) error {
	path := filepath.Join(dir, f.name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	t, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = t.Write(f.content)
	err = errors.Join(err, t.Chmod(f.mode), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(t.Name()))
	}
	return nil
}

// leftOver names credentials that no server will know any more.
func leftOver(dir string, files []file) ([]Outcome, error) {
	there, err := filepath.Glob(filepath.Join(dir, credentials, "*"+seedExt))
	if err != nil {
		return nil, fmt.Errorf("look for credentials out of use: %w", err)
	}
	var out []Outcome
	for _, path := range there {
		name := filepath.Join(credentials, filepath.Base(path))
		if !slices.ContainsFunc(files, func(f file) bool { return f.name == name }) {
			out = append(out, Outcome{path, "out of use: delete it"})
		}
	}
	return out, nil
}
