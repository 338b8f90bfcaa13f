package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs commands against a server as one caller.
type shell struct {
	t   *testing.T
	env []string
}

func (s *server) shell() shell {
	return shell{s.t, []string{"TESSERA_SERVER=" + s.url, "TESSERA_USER=" + adminEmail, "TESSERA_PASSWORD=" + adminPassword}}
}

// must runs a command that works and decodes what it prints; into may be nil.
func (s shell) must(into any, args ...string) string {
	s.t.Helper()
	if into != nil {
		args = append(args, "--json")
	}
	status, said := tessera(s.t, s.env, args...)
	if status != 0 {
		s.t.Fatalf("%v: %d %s", args, status, said)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(said), into); err != nil {
			s.t.Fatalf("%v printed no JSON (%v): %s", args, err, said)
		}
	}
	return said
}

// fails runs a command that must not work and say why.
func (s shell) fails(want string, args ...string) {
	s.t.Helper()
	if status, said := tessera(s.t, s.env, args...); status == 0 || !strings.Contains(said, want) {
		s.t.Errorf("%v: %d %s, want %q", args, status, said, want)
	}
}

// The commands share a server: one with pictures takes its time to start.
func TestCommands(t *testing.T) {
	s, _, plain, _ := library(t)
	for _, c := range []struct {
		name string
		run  func(*testing.T, *server, *http.Client)
	}{
		{"explain", explainCommand},
		{"rule", ruleCommands},
		{"item", itemCommands},
		{"cluster", clusterCommands},
		{"group", groupCommands},
		{"token", tokenCommands},
		{"session", sessionCommands},
		{"sessions of one user", userSessionCommands},
		{"sign-in link", linkCommands},
		{"renamed group", groupRenameCommands},
		{"audit", auditCommands},
		{"user", userCommands},
	} {
		t.Run(c.name, func(t *testing.T) {
			own := *s
			own.t = t
			c.run(t, &own, plain)
		})
	}
}

func explainCommand(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	for _, c := range []struct {
		user, image string
		allowed     bool
		rule, text  string
	}{
		{"", "open", true, "open", "Everyone may see"},
		{"", "members", false, "", "the default decides"},
		{"plain@example.org", "members", true, "", "login"},
		{"plain@example.org", "staff", false, "staff", "your account is not one of them"},
		{"staff@example.org", "staff", true, "staff", "groups"},
		{"staff@example.org", "secret", false, "secret", "This image is hidden"},
	} {
		var got struct {
			Allowed      bool
			Rule, Reason string
		}
		args := []string{"explain", "--user", c.user, "--image", c.image}
		sh.must(&got, args...)
		if got.Allowed != c.allowed || got.Rule != c.rule || got.Reason == "" {
			t.Errorf("%v: %+v", args, got)
		}
		if said := sh.must(nil, args...); !strings.Contains(said, c.text) || !strings.Contains(said, c.rule) {
			t.Errorf("%v does not say %q:\n%s", args, c.text, said)
		}
	}
	sh.fails("--image", "explain", "--user", "x")
}

// Two administrators who edit the same rules do not overwrite each other unseen.
func ruleCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	type table struct {
		Items    []struct{ Name string }
		Revision int64
	}
	file := filepath.Join(t.TempDir(), "rules.json")
	write := func(text string) string {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	var before, after table
	mine := sh.must(&before, "admin", "rule", "list")
	const hers = `{"items": [{"name": "hers", "images": ["**"], "access": "open"}]}`
	sh.must(&after, "admin", "rule", "set", write(hers))
	if after.Revision <= before.Revision || len(after.Items) != 1 {
		t.Errorf("%+v after %+v", after, before)
	}
	sh.fails("Somebody else changed the rules", "admin", "rule", "set", write(mine))
	const slip = `{"items": [{"name": "hers", "images": ["**"], "access": "open"}, {"name": "slip", "images": ["mpas/**"], "access": "deny"}]}`
	if said := sh.must(nil, "admin", "rule", "set", write(slip)); !strings.Contains(said, "note: rule 2 (slip): It names no image that is there now.") || strings.Contains(said, "note: rule 1") {
		t.Errorf("a rule that names nothing is put in force without a word:\n%s", said)
	}
	if said := sh.must(nil, "admin", "rule", "list"); !strings.Contains(said, "note: rule 2 (slip)") {
		t.Errorf("listed without a word:\n%s", said)
	}
	sh.must(nil, "admin", "rule", "set", write(hers))
	sh.fails("Somebody else changed the rules", "admin", "rule", "set", write(hers), "--if-match", "1")
	sh.fails("write the revision", "admin", "rule", "set", write(hers), "--if-match", "newest")
	var now table
	if sh.must(&now, "admin", "rule", "list"); len(now.Items) != 1 || now.Items[0].Name != "hers" {
		t.Errorf("her rules are gone: %+v", now)
	}
	sh.must(nil, "admin", "rule", "set", write(mine), "--if-match", "*")
	if sh.must(&now, "admin", "rule", "list"); len(now.Items) != len(before.Items) {
		t.Errorf("%+v", now)
	}
}

func groupCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	var groups struct {
		Items []struct {
			Name    string
			Members int
		}
	}
	sh.must(nil, "admin", "group", "add", "map room", "plain@example.org")
	sh.must(nil, "admin", "group", "add", "staff", "plain@example.org")
	sh.must(nil, "admin", "group", "add", "staff", "plain@example.org")
	sh.must(&groups, "admin", "group", "list")
	if len(groups.Items) != 2 || groups.Items[0].Name != "map room" || groups.Items[1].Members != 2 {
		t.Errorf("%+v", groups)
	}
	sh.must(nil, "admin", "group", "remove", "map room", "plain@example.org")
	sh.fails("is not in map room", "admin", "group", "remove", "map room", "plain@example.org")
	if said := sh.must(nil, "admin", "group", "list"); strings.Contains(said, "map room") {
		t.Errorf("still a group: %s", said)
	}
}

type session struct{ ID, Email, Seen, Network string }

func (s shell) sessionsOf(email string) (found []session) {
	s.t.Helper()
	var list struct{ Items []session }
	s.must(&list, "admin", "session", "list")
	for _, item := range list.Items {
		if item.Email == email {
			found = append(found, item)
		}
	}
	return found
}

func sessionCommands(t *testing.T, s *server, plain *http.Client) {
	sh := s.shell()
	found := sh.sessionsOf("plain@example.org")
	if len(found) != 1 || found[0].Seen == "" || found[0].Network == "" {
		t.Fatalf("%+v", found)
	}
	var ended struct{ ID string }
	if sh.must(&ended, "admin", "session", "end", found[0].ID); ended.ID != found[0].ID {
		t.Errorf("%+v", ended)
	}
	s.eventually("the session opens nothing", func() bool {
		return s.do(plain, "GET", "/iiif/3/members/full/10,/0/default.jpg").StatusCode == 401
	})
	sh.fails("no such session", "admin", "session", "end", found[0].ID)
	// The browser of library, and this very command: those before it have signed out.
	if left := sh.sessionsOf(adminEmail); len(left) != 2 {
		t.Errorf("commands leave sessions behind: %+v", left)
	}
}

func tokenCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	var list struct {
		Items []struct{ ID, Name, Email string }
	}
	if said := sh.must(&list, "admin", "token", "list"); list.Items == nil {
		t.Errorf("an empty list is printed as %s", said)
	}
	bearer := "Bearer " + strings.TrimSpace(sh.must(nil, "admin", "token", "create", "for tests"))
	s.eventually("the token opens images", func() bool {
		return s.get("/iiif/3/members/full/10,/0/default.jpg", "Authorization", bearer).StatusCode == 200
	})
	sh.must(&list, "admin", "token", "list")
	if len(list.Items) != 1 || list.Items[0].Name != "for tests" || list.Items[0].Email != adminEmail {
		t.Fatalf("%+v", list)
	}
	var gone struct{ ID string }
	if sh.must(&gone, "admin", "token", "delete", list.Items[0].ID); gone.ID != list.Items[0].ID {
		t.Errorf("%+v", gone)
	}
	s.eventually("the token opens nothing", func() bool {
		return s.get("/iiif/3/members/full/10,/0/default.jpg", "Authorization", bearer).StatusCode == 401
	})
	sh.fails("no such token", "admin", "token", "delete", list.Items[0].ID)
}

func userSessionCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	plain := s.signIn("plain@example.org", adminPassword)
	var ended struct{ Ended int }
	if sh.must(&ended, "admin", "session", "end", "--user", "plain@example.org"); ended.Ended != 1 {
		t.Errorf("%+v", ended)
	}
	s.eventually("the session opens nothing", func() bool {
		return s.do(plain, "GET", "/iiif/3/members/full/10,/0/default.jpg").StatusCode == 401
	})
	if said := sh.must(nil, "admin", "session", "list", "--provider", "elsewhere"); strings.Contains(said, "@") {
		t.Errorf("sessions of another provider: %s", said)
	}
	sh.fails("or --user EMAIL", "admin", "session", "end")
}

func linkCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	url := strings.TrimSpace(sh.must(nil, "admin", "user", "link", "plain@example.org", "--keep-password"))
	page, secret, ok := strings.Cut(url, "#")
	if !ok || page != s.url+"/auth/link" || secret == "" {
		t.Fatalf("R58: %s", url)
	}
	var u struct{ Email string }
	if sh.must(&u, "admin", "user", "unlink", "plain@example.org"); u.Email != "plain@example.org" {
		t.Errorf("%+v", u)
	}
}

func groupRenameCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	var g struct {
		Name    string
		Members int
	}
	sh.must(nil, "admin", "group", "add", "a/b", "plain@example.org")
	if sh.must(&g, "admin", "group", "rename", "a/b", "c d"); g.Name != "c d" || g.Members != 1 {
		t.Errorf("%+v", g)
	}
	if said := sh.must(nil, "admin", "group", "members", "c d"); !strings.Contains(said, "plain@example.org") {
		t.Error(said)
	}
	sh.must(nil, "admin", "group", "delete", "c d")
	if said := sh.must(nil, "admin", "group", "members", "c d"); strings.Contains(said, "@") {
		t.Error(said)
	}
}

// R64: the record tells what the commands before did, and is whole.
func auditCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	if said := sh.must(nil, "admin", "audit", "list", "--event", "authz_*"); !strings.Contains(said, "group:c d") || !strings.Contains(said, adminEmail) {
		t.Errorf("R64: %s", said)
	}
	var whole struct {
		Entries int
		Head    struct {
			Seq  int
			Hash string
		}
	}
	if sh.must(&whole, "admin", "audit", "verify"); whole.Entries < 10 || whole.Head.Seq != whole.Entries {
		t.Errorf("R64: %+v", whole)
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(file, []byte(sh.must(nil, "admin", "audit", "export")), 0o600); err != nil {
		t.Fatal(err)
	}
	head := fmt.Sprintf("%d:%s", whole.Head.Seq, whole.Head.Hash)
	sh.must(nil, "admin", "audit", "verify", "--file", file, "--head", head)
}

func userCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	var gone struct{ ID, Email string }
	if sh.must(&gone, "admin", "user", "delete", "plain@example.org"); gone.Email != "plain@example.org" || gone.ID == "" {
		t.Errorf("%+v", gone)
	}
	sh.fails("no user has the address", "admin", "user", "delete", "plain@example.org")
	sh.env[2] = "TESSERA_PASSWORD=wrong"
	sh.fails("does not sign in with this password", "admin", "user", "list")
}

// Catalogues set the access of single images, one by one and from files.
func itemCommands(t *testing.T, s *server, plain *http.Client) {
	sh := s.shell()
	shows := func(status int) {
		t.Helper()
		s.eventually(fmt.Sprintf("the image answers %d", status), func() bool {
			return s.do(plain, http.MethodGet, "/iiif/3/open/full/50,/0/default.jpg").StatusCode == status
		})
	}
	shows(http.StatusOK)
	sh.must(nil, "admin", "item", "set", "open", "--access", "deny")
	shows(http.StatusForbidden)
	sh.must(nil, "admin", "item", "remove", "open")
	shows(http.StatusOK)

	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var done struct{ Read, Changed int }
	sh.must(&done, "admin", "item", "import", write("a.csv", "image,access,groups,until\na/1,groups,staff;map-room,\na/2,deny,,2040-01-01T00:00:00Z\nopen,login,,\n"))
	if done.Read != 3 || done.Changed != 3 {
		t.Errorf("read %d, changed %d", done.Read, done.Changed)
	}
	var listed struct {
		Items []struct {
			Image, Access, Until string
			Groups               []string
		}
	}
	sh.must(&listed, "admin", "item", "list", "--prefix", "a/")
	if len(listed.Items) != 2 || listed.Items[0].Image != "a/1" || len(listed.Items[0].Groups) != 2 || listed.Items[1].Until != "2040-01-01T00:00:00Z" {
		t.Errorf("%+v", listed)
	}
	var why struct{ Rule string }
	sh.must(&why, "explain", "--image", "open")
	if why.Rule != "the image's own setting" {
		t.Errorf("explained by %q", why.Rule)
	}
	sh.must(&done, "admin", "item", "import", write("b.jsonl", `{"image":"open","remove":true}`+"\n\n"+`{"image":"a/1","remove":true}`+"\n"+`{"image":"a/2","remove":true}`))
	if done.Read != 3 || done.Changed != 3 {
		t.Errorf("removed: read %d, changed %d", done.Read, done.Changed)
	}
	shows(http.StatusOK)

	for want, path := range map[string]string{
		"there is no column":               write("c.csv", "image,acces\na,open\n"),
		"column image is missing":          write("d.csv", "access\nopen\n"),
		"line 3":                           write("e.csv", "image,until\na,\nb,tomorrow\n"),
		"line 2":                           write("f.jsonl", `{"image":"a","access":"open"}`+"\n"+`{"image":`),
		"--format":                         write("g.txt", ""),
		"no such file":                     filepath.Join(dir, "none.csv"),
		"its access \"secret\" is unknown": write("h.jsonl", `{"image":"a","access":"secret"}`),
	} {
		sh.fails(want, "admin", "item", "import", path)
	}
	sh.fails("access", "admin", "item", "set", "open")
}

// What the parts of the cluster tell of themselves, and having them forget.
func clusterCommands(t *testing.T, s *server, _ *http.Client) {
	sh := s.shell()
	s.eventually("every part has told how it is", func() bool {
		var state struct {
			Revision int64
			Items    []struct{ Role string }
		}
		sh.must(&state, "admin", "cluster", "list")
		return state.Revision > 0 && len(state.Items) == 3
	})
	if said := sh.must(nil, "admin", "cluster", "list"); !strings.Contains(said, "rights are at revision") || !strings.Contains(said, "at work") {
		t.Errorf("the table: %s", said)
	}
	sh.must(nil, "admin", "cache", "purge", "--image", "open")
	sh.must(nil, "admin", "cache", "purge", "--all")
	sh.fails("one of --image, --prefix and --all", "admin", "cache", "purge")
	sh.fails("one of --image, --prefix and --all", "admin", "cache", "purge", "--all", "--image", "open")
	var record struct {
		Items []struct{ Event, Target string }
	}
	sh.must(&record, "admin", "audit", "list", "--event", "cache_purged")
	if len(record.Items) != 2 {
		t.Errorf("on record: %+v", record.Items)
	}
}
