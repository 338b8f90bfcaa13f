package authz_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

var blocks = regexp.MustCompile("(?s)```json rules\n(.*?)```\n\n```text decisions\n(.*?)```")

// Every example in the documentation is what it says it is.
func TestDocumentedRules(t *testing.T) {
	page, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	found := blocks.FindAllStringSubmatch(string(page), -1)
	if len(found) != strings.Count(string(page), "```json rules") || len(found) < 6 {
		t.Fatalf("%d examples with decisions", len(found))
	}
	for _, example := range found {
		var doc authz.Document
		d := json.NewDecoder(strings.NewReader(example[1]))
		d.DisallowUnknownFields()
		if err := d.Decode(&doc); err != nil {
			t.Errorf("%v in\n%s", err, example[1])
			continue
		}
		p, err := doc.Compile(authz.Login)
		if err != nil {
			t.Errorf("%v in\n%s", err, example[1])
			continue
		}
		if w := doc.Warnings(p, now); len(w) > 0 {
			t.Errorf("warnings %+v of\n%s", w, example[1])
		}
		for line := range strings.Lines(example[2]) {
			checkDecision(t, p, line)
		}
	}
}

// checkDecision reads a line such as "maps/1  in staff from 192.0.2.7 at 2030-…Z  allow".
func checkDecision(t *testing.T, p *authz.Policy, line string) {
	t.Helper()
	words := strings.Fields(line)
	image, want, who, at := words[0], words[len(words)-1], authz.Principal{}, now
	rest := words[1 : len(words)-1]
	if rest[0] == "anybody" {
		rest = rest[1:]
	}
	for ; len(rest) >= 2; rest = rest[2:] {
		switch rest[0] {
		case "in":
			who.ID, who.Groups = "u", []string{rest[1]}
		case "from":
			who.Addr = netip.MustParseAddr(rest[1])
		case "accepting":
			who.Terms = []string{rest[1]}
		case "at":
			var err error
			if at, err = time.Parse(time.RFC3339, rest[1]); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("%q in %q", rest[0], line)
		}
	}
	if d := p.Decide(who, image, at); len(rest) != 0 || d.Outcome.String() != want {
		t.Errorf("%q: %s (%s)", strings.TrimSpace(line), d.Outcome, d.Reason)
	}
}
