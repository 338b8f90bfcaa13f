package store_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/store/storetest"
	"github.com/tessera-iiif/tessera/internal/tile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func openDir(t testing.TB, root string, log *slog.Logger) *store.Dir {
	t.Helper()
	d, err := store.OpenDir(root, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// write replaces a file as careful tools do: a new file, then a rename.
func write(t testing.TB, root, key, body string) {
	t.Helper()
	path := filepath.Join(root, key)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path+"~", []byte(body), 0o644))
	must(t, os.Rename(path+"~", path))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDirIsASource(t *testing.T) {
	storetest.TestSource(t, func(t *testing.T) storetest.Stage {
		root := t.TempDir()
		return storetest.Stage{
			Source: openDir(t, root, quiet),
			Put:    func(t testing.TB, key, body string) { write(t, root, key, body) },
			Delete: func(t testing.TB, key string) { must(t, os.Remove(filepath.Join(root, key))) },
		}
	})
}

func TestOpenDirNamesTheFix(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", "")
	for path, want := range map[string]string{
		filepath.Join(dir, "missing"): "create it",
		filepath.Join(dir, "file"):    "is a file, not a folder",
		filepath.Join(dir, "file/x"):  "folder",
	} {
		if _, err := store.OpenDir(path, quiet); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("OpenDir(%q) = %v; want %q", path, err, want)
		}
	}
}

func TestDirLinks(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	write(t, outside, "secret.jp2", "secret")
	write(t, outside, "in/secret.jp2", "secret")
	write(t, root, "real/a.jp2", "a")
	for link, target := range map[string]string{
		"up.jp2":           "../" + filepath.Base(outside) + "/secret.jp2",
		"absolute.jp2":     filepath.Join(outside, "secret.jp2"),
		"self.jp2":         filepath.Join(root, "real/a.jp2"), // absolute links are refused even where they lead back
		"out":              outside,
		"outer":            "../" + filepath.Base(outside),
		"inside.jp2":       "real/a.jp2",
		"real/sibling.jp2": "../inside.jp2",
		"folder":           "real",
		"real/loop":        "..",
		"round.jp2":        "round.jp2",
		"dangling.jp2":     "nowhere.jp2",
		"hidden.jp2":       ".kept/a.jp2",
	} {
		must(t, os.Symlink(target, filepath.Join(root, link)))
	}
	d := openDir(t, root, quiet)
	for _, id := range []string{"up", "absolute", "self", "out/secret", "out/in/secret", "outer/secret", "round", "dangling", "hidden", "real/loop/up"} {
		for _, id := range []string{id, id + ".jp2"} {
			if o, err := d.Find(t.Context(), id); tile.CodeOf(err) != tile.NotFound {
				t.Errorf("Find(%q) = %+v, %v; want %s", id, o, err, tile.NotFound)
			}
			if f, err := d.Open(t.Context(), store.Object{Key: id}); tile.CodeOf(err) != tile.Changed {
				t.Errorf("Open(%q) = %v, %v; want %s", id, f, err, tile.Changed)
			}
		}
	}
	for _, id := range []string{"inside", "inside.jp2", "real/sibling", "folder/a", "folder/a.jp2", "folder/sibling", "real/loop/real/a"} {
		o, err := d.Find(t.Context(), id)
		if err != nil {
			t.Errorf("Find(%q) = %v", id, err)
			continue
		}
		f, err := d.Open(t.Context(), o)
		if err != nil {
			t.Errorf("Open(%q) = %v", id, err)
			continue
		}
		must(t, f.Close())
	}
	page, err := d.List(t.Context(), tile.Query{})
	must(t, err)
	var ids []string
	for _, e := range page.Items {
		ids = append(ids, e.ID)
	}
	if want := []string{"inside", "real/a", "real/sibling"}; !slices.Equal(ids, want) {
		t.Errorf("listed %q; want %q", ids, want)
	}
}

func TestDirServesOnlyRegularFiles(t *testing.T) {
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "folder.jp2"), 0o755))
	must(t, syscall.Mkfifo(filepath.Join(root, "pipe.jp2"), 0o644))
	write(t, root, "a.jp2", "a")
	d := openDir(t, root, quiet)
	for _, id := range []string{"folder", "folder.jp2", "pipe", "pipe.jp2"} {
		if _, err := d.Find(t.Context(), id); tile.CodeOf(err) != tile.NotFound {
			t.Errorf("Find(%q) = %v", id, err)
		}
	}
	// A pipe put in a file's place neither blocks nor is returned.
	o, err := d.Find(t.Context(), "a")
	must(t, err)
	must(t, os.Remove(filepath.Join(root, "a.jp2")))
	must(t, syscall.Mkfifo(filepath.Join(root, "a.jp2"), 0o644))
	if _, err := d.Open(t.Context(), o); tile.CodeOf(err) != tile.Changed {
		t.Errorf("Open of a pipe: %v", err)
	}
	if _, _, err := d.Read(t.Context(), "pipe.jp2", 10); tile.CodeOf(err) != tile.NotFound {
		t.Errorf("Read of a pipe: %v", err)
	}
}

func TestDirVersionSeesEveryChange(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a.jp2")
	write(t, root, "a.jp2", "one")
	long := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	must(t, os.Chtimes(path, long, long))
	d := openDir(t, root, quiet)
	seen := map[string]string{}
	look := func(what string) {
		t.Helper()
		o, err := d.Find(t.Context(), "a")
		must(t, err)
		if before, ok := seen[o.Version]; ok {
			t.Errorf("same version after %s as after %s", what, before)
		}
		seen[o.Version] = what
	}
	look("nothing")
	must(t, os.WriteFile(path, []byte("four"), 0o644))
	must(t, os.Chtimes(path, long, long))
	look("another size at the old time")
	must(t, os.Chtimes(path, long, long.Add(time.Nanosecond)))
	look("a nanosecond")
	write(t, root, "a.jp2", "four")
	must(t, os.Chtimes(path, long, long.Add(time.Nanosecond)))
	look("replacement with size and time kept")
}

func TestDirReportsAmbiguousNames(t *testing.T) {
	root := t.TempDir()
	for _, key := range []string{"a.jp2", "b.jp2", "b.tif", "f/c.png", "f/c.PNG", "f/c.webp", "f/d.jp2", "f/d.Jp2", "g.jp2", "g/h.jp2", ".x/i.jp2", ".x/i.tif", "z.jp2", "z.txt"} {
		write(t, root, key, key)
	}
	var lines bytes.Buffer
	d := openDir(t, root, slog.New(slog.NewTextHandler(&lines, nil)))
	got, err := d.Ambiguous(t.Context(), 10)
	if want := []string{"b", "f/c"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Ambiguous = %q, %v; want %q", got, err, want)
	}
	if got, err := d.Ambiguous(t.Context(), 1); err != nil || !slices.Equal(got, []string{"b"}) {
		t.Errorf("Ambiguous bounded = %q, %v", got, err)
	}
	for range 1000 {
		if _, err := d.Find(t.Context(), "f/c"); tile.CodeOf(err) != tile.NotFound {
			t.Fatal(err)
		}
	}
	if n := strings.Count(lines.String(), "\n"); n < 1 || n > 20 || !strings.Contains(lines.String(), "id=f/c") {
		t.Errorf("a thousand ambiguous requests wrote %d lines:\n%s", n, lines.String())
	}
}

// TestDirSurvivesReplacement replaces a file without pause: what was opened is
// always one whole version, and the one asked for.
func TestDirSurvivesReplacement(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a.jp2", strings.Repeat("0", 5000))
	d := openDir(t, root, quiet)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				write(t, root, "a.jp2", strings.Repeat(fmt.Sprint(i%10), 5000))
			}
		}
	}()
	bodies := map[string]byte{}
	for range 500 {
		o, err := d.Find(t.Context(), "a")
		must(t, err)
		body, version, err := d.Read(t.Context(), "a.jp2", 10000)
		if tile.CodeOf(err) == tile.Changed {
			continue
		}
		must(t, err)
		if len(body) != 5000 || strings.Trim(string(body), string(body[:1])) != "" {
			t.Fatalf("read a mix: %d bytes", len(body))
		}
		if digit, ok := bodies[version]; ok && digit != body[0] {
			t.Errorf("version %s had %q, now %q", version, digit, body[0])
		}
		bodies[version] = body[0]
		f, err := d.Open(t.Context(), o)
		if err != nil && tile.CodeOf(err) != tile.Changed {
			t.Fatal(err)
		}
		if err == nil {
			must(t, f.Close())
		}
	}
	close(stop)
	<-done
}

func FuzzDirFind(f *testing.F) {
	outside, root := f.TempDir(), f.TempDir()
	write(f, outside, "secret.jp2", "secret")
	write(f, root, "maps/a.jp2", "a")
	write(f, root, ".hidden.jp2", "hidden")
	must(f, os.Symlink(outside, filepath.Join(root, "out")))
	must(f, os.Symlink("maps", filepath.Join(root, "in")))
	d := openDir(f, root, quiet)
	for _, seed := range []string{"maps/a", "maps/a.jp2", "in/a", "out/secret", "../x", ".hidden", "maps/../maps/a", "a\x00", `maps\a`, "%2e%2e/a", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		o, err := d.Find(context.Background(), id)
		if err != nil {
			if code := tile.CodeOf(err); code != tile.NotFound {
				t.Fatalf("Find(%q) = %v", id, err)
			}
			return
		}
		if !utf8.ValidString(id) || tile.RuleName(id) != tile.RuleName(o.Key) || o.Size != 1 {
			t.Fatalf("Find(%q) = %+v", id, o)
		}
		if o.Key != "maps/a.jp2" && o.Key != "in/a.jp2" {
			t.Fatalf("Find(%q) led to %q", id, o.Key)
		}
	})
}

func BenchmarkDirFind(b *testing.B) {
	root := b.TempDir()
	for i := range 1000 {
		write(b, root, fmt.Sprintf("maps/1890/sheet-%04d.jp2", i), "x")
	}
	d := openDir(b, root, quiet)
	for name, id := range map[string]string{"extension": "maps/1890/sheet-0500.jp2", "bare": "maps/1890/sheet-0500", "missing": "maps/1890/none"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = d.Find(context.Background(), id)
			}
		})
	}
}
