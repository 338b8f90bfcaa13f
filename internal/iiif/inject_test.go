package iiif

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// The services as they stand in documents, written out so that the tests do not follow
// the code.
const (
	guard = `"https://iiif.test/auth/1/staff/login"`
	inner = `"profile":"http://iiif.io/api/auth/1/login","label":"L","confirmLabel":"C","service":[`
	cites = `{"@id":"https://iiif.test/auth/1/staff/token","profile":"http://iiif.io/api/auth/1/token"},` +
		`{"@id":"https://iiif.test/auth/1/staff/logout","profile":"http://iiif.io/api/auth/1/logout","label":"O"}]}`
	typed = `{"@id":"https://iiif.test/auth/1/staff/token","@type":"AuthTokenService1","profile":"http://iiif.io/api/auth/1/token"},` +
		`{"@id":"https://iiif.test/auth/1/staff/logout","@type":"AuthLogoutService1","profile":"http://iiif.io/api/auth/1/logout","label":"O"}]}`

	cookieInP2 = `{"@context":"http://iiif.io/api/auth/1/context.json","@id":` + guard + `,` + inner + cites
	cookieInP3 = `{"@id":` + guard + `,"@type":"AuthCookieService1",` + inner + typed

	probeRest = `"id":"https://iiif.test/auth/probe/W","type":"AuthProbeService2","profile":"http://iiif.io/api/auth/2/probe","service":[` +
		`{"id":"https://iiif.test/auth/2/staff/access","type":"AuthAccessService2","profile":"active","label":{"en":["L"]},"confirmLabel":{"en":["C"]},"service":[` +
		`{"id":"https://iiif.test/auth/2/staff/token","type":"AuthAccessTokenService2"},` +
		`{"id":"https://iiif.test/auth/2/staff/logout","type":"AuthLogoutService2","label":{"en":["O"]}}]}]}`
	probeInP3 = `{` + probeRest
	probeInP2 = `{"@context":"http://iiif.io/api/auth/2/context.json",` + probeRest
)

var shortAuth = Auth{
	Base: "https://iiif.test", Name: "staff", ImageSpelling: "W",
	Texts: Texts{Label: en("L"), Confirm: en("C"), LogoutLabel: en("O")},
}

// lookupW guards the image W of this site alone.
func lookupW(id string, v iiifurl.Version) *Auth {
	if v == iiifurl.V2 && id == "https://iiif.test/iiif/2/W" || v == iiifurl.V3 && id == "https://iiif.test/iiif/3/W" {
		return &shortAuth
	}
	return nil
}

func openToAll(string, iiifurl.Version) *Auth { return nil }

func keep(id string) string { return id }

// fromOldHost moves what an older host name served.
func fromOldHost(id string) string {
	if path, found := strings.CutPrefix(id, "http://old.test/"); found && strings.HasPrefix(path, "iiif/") {
		return "https://iiif.test/" + path
	}
	return id
}

func TestInjectAuth(t *testing.T) {
	const (
		p2 = `"@context":"http://iiif.io/api/presentation/2/context.json"`
		v2 = `"@context":"http://iiif.io/api/image/2/context.json","@id":"https://iiif.test/iiif/2/W"`
		v3 = `"id":"https://iiif.test/iiif/3/W","type":"ImageService3"`

		p3        = `"@context":"http://iiif.io/api/presentation/3/context.json"`
		p3guarded = `"@context":["http://iiif.io/api/auth/2/context.json","http://iiif.io/api/presentation/3/context.json"]`
		physDim   = `{"@context":"http://iiif.io/api/annex/services/physdim/1/context.json","physicalScale":0.0025}`
	)
	cases := []struct{ id, in, want string }{
		{
			"E-002 inside the image service", `{` + p2 + `,"resource":{"service":{` + v2 + `}}}`,
			`{` + p2 + `,"resource":{"service":{` + v2 + `,"service":[` + cookieInP2 + `]}}}`,
		},
		{
			"E-002 whole once, then by id", `{` + p2 + `,"a":{"service":{` + v2 + `}},"b":{"service":{` + v2 + `}}}`,
			`{` + p2 + `,"a":{"service":{` + v2 + `,"service":[` + cookieInP2 + `]}},"b":{"service":{` + v2 + `,"service":[` + guard + `]}}}`,
		},
		{
			"E-002 whole where it is read first", `{` + p2 + `,"service":{` + v2 + `,"service":{` + v2 + `}}}`,
			`{` + p2 + `,"service":{` + v2 + `,"service":[{` + v2 + `,"service":[` + guard + `]},` + cookieInP2 + `]}}`,
		},
		{
			"E-002 told by profile", `{` + p2 + `,"service":{"@id":"https://iiif.test/iiif/2/W","profile":["http://iiif.io/api/image/2/level1.json",{"formats":["png"]}]}}`,
			`{` + p2 + `,"service":{"@id":"https://iiif.test/iiif/2/W","profile":["http://iiif.io/api/image/2/level1.json",{"formats":["png"]}],"service":[` + cookieInP2 + `]}}`,
		},
		{
			"E-002 beside another service", `{` + p2 + `,"service":{` + v2 + `,"service":` + physDim + `}}`,
			`{` + p2 + `,"service":{` + v2 + `,"service":[` + physDim + `,` + cookieInP2 + `]}}`,
		},
		{
			"E-002 beside a reference", `{` + p2 + `,"service":{` + v2 + `,"service":"http://old.test/iiif/x"}}`,
			`{` + p2 + `,"service":{` + v2 + `,"service":["https://iiif.test/iiif/x",` + cookieInP2 + `]}}`,
		},
		{
			"E-002 image 3 brings its context", `{` + p2 + `,"service":{"@context":["http://iiif.io/api/image/3/context.json"],"id":"https://iiif.test/iiif/3/W"}}`,
			`{` + p2 + `,"service":{"@context":["http://iiif.io/api/image/3/context.json"],"id":"https://iiif.test/iiif/3/W","service":[` + probeInP2 + `]}}`,
		},
		{
			"E-003 typed in Presentation 3", `{` + p3 + `,"service":[{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService2"}]}`,
			`{` + p3 + `,"service":[{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService2","service":[` + cookieInP3 + `]}]}`,
		},
		{
			"E-003 whole each time", `{` + p3 + `,"a":{"service":[{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService2"}]},"b":{"service":[{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService2"}]}}`,
			`{` + p3 + `,"a":{"service":[{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService2","service":[` + cookieInP3 + `]}]},"b":{"service":[{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService2","service":[` + cookieInP3 + `]}]}}`,
		},
		{
			"E-006 context before", `{` + p3 + `,"service":[{` + v3 + `}]}`,
			`{` + p3guarded + `,"service":[{` + v3 + `,"service":[` + probeInP3 + `]}]}`,
		},
		{
			"E-006 context into a list", `{"@context":[ "http://www.w3.org/ns/anno.jsonld", "http://iiif.io/api/presentation/3/context.json"],"service":[{` + v3 + `}]}`,
			`{"@context":["http://iiif.io/api/auth/2/context.json", "http://www.w3.org/ns/anno.jsonld", "http://iiif.io/api/presentation/3/context.json"],"service":[{` + v3 + `,"service":[` + probeInP3 + `]}]}`,
		},
		{
			"E-006 context there already", `{` + p3guarded + `,"service":[{` + v3 + `}]}`,
			`{` + p3guarded + `,"service":[{` + v3 + `,"service":[` + probeInP3 + `]}]}`,
		},
		{
			"E-006 context at the end", `{"service":[{` + v3 + `}],` + p3 + `}`,
			`{"service":[{` + v3 + `,"service":[` + probeInP3 + `]}],` + p3guarded + `}`,
		},
		{
			"E-007 never beside", `{` + p3 + `,"body":{"service":[{` + v3 + `},{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService2"}]}}`,
			`{` + p3guarded + `,"body":{"service":[{` + v3 + `,"service":[` + probeInP3 + `]},{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService2","service":[` + cookieInP3 + `]}]}}`,
		},
		{
			"E-001 stale probe replaced", `{` + p3guarded + `,"service":[{` + v3 + `,"service":[ {"id":"https://gone.test/probe","type":"AuthProbeService2","service":[]} ]}]}`,
			`{` + p3guarded + `,"service":[{` + v3 + `,"service":[ ` + probeInP3 + ` ]}]}`,
		},
		{
			"E-001 stale cookie service replaced", `{` + p2 + `,"service":{` + v2 + `,"service":{"@context":"http://iiif.io/api/auth/1/context.json","@id":"http://old.test/iiif/login"}}}`,
			`{` + p2 + `,"service":{` + v2 + `,"service":[` + cookieInP2 + `]}}`,
		},
		{
			"E-001 several stale ones, others kept",
			`{` + p2 + `,"service":{` + v2 + `,"service":[ 1 , {"profile":"http://iiif.io/api/auth/0/login"} , ` + physDim + ` , {"@type":"AuthCookieService1"} , "https://iiif.test/auth/1/x/login" ]}}`,
			`{` + p2 + `,"service":{` + v2 + `,"service":[ 1 , ` + cookieInP2 + ` , ` + physDim + ` ]}}`,
		},
		{
			"E-001 reference to a stale one", `{` + p2 + `,"a":{"@id":"http://gone.test/login","profile":"http://iiif.io/api/auth/1/login"},"service":{` + v2 + `,"service":"http://gone.test/login"}}`,
			`{` + p2 + `,"a":{"@id":"http://gone.test/login","profile":"http://iiif.io/api/auth/1/login"},"service":{` + v2 + `,"service":[` + cookieInP2 + `]}}`,
		},
		{"E-001 empty list", `{` + p2 + `,"service":{` + v2 + `,"service":[ ]}}`, `{` + p2 + `,"service":{` + v2 + `,"service":[` + cookieInP2 + ` ]}}`},
		{"E-001 null", `{` + p2 + `,"service":{` + v2 + `,"service":null}}`, `{` + p2 + `,"service":{` + v2 + `,"service":[` + cookieInP2 + `]}}`},
		{
			"R31 other host", `{` + p2 + `,"@id":"http://old.test/iiif/manifests/m.json","service":{"@context":"http://iiif.io/api/image/2/context.json","@id":"http://old.test/iiif/2/W"}}`,
			`{` + p2 + `,"@id":"https://iiif.test/iiif/manifests/m.json","service":{"@context":"http://iiif.io/api/image/2/context.json","@id":"https://iiif.test/iiif/2/W","service":[` + cookieInP2 + `]}}`,
		},
		{"R31 escaped slashes", `["http:\/\/old.test\/iiif\/2\/W","\u0068ttp://old.test/iiif/3/W"]`, `["https://iiif.test/iiif/2/W","https://iiif.test/iiif/3/W"]`},
		{
			"R31 only whole values", `{"http://old.test/iiif/2/W":"see <a href='http://old.test/iiif/2/W'>","b":"http://other.test/iiif/2/W"}`,
			`{"http://old.test/iiif/2/W":"see <a href='http://old.test/iiif/2/W'>","b":"http://other.test/iiif/2/W"}`,
		},
		{
			"escaped keys", `{` + p2 + `,"\u0073ervice":{"\u0040id":"https://iiif.test/iiif/2/W","profile":"http:\/\/iiif.io\/api\/image\/2\/level2.json"}}`,
			`{` + p2 + `,"\u0073ervice":{"\u0040id":"https://iiif.test/iiif/2/W","profile":"http:\/\/iiif.io\/api\/image\/2\/level2.json","service":[` + cookieInP2 + `]}}`,
		},
		{"not a service", `{` + p2 + `,"resource":{` + v2 + `}}`, `{` + p2 + `,"resource":{` + v2 + `}}`},
		{"other versions", `{` + p2 + `,"service":{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService1","profile":"http://iiif.io/api/image/2/level2.json"}}`, `{` + p2 + `,"service":{"@id":"https://iiif.test/iiif/2/W","@type":"ImageService1","profile":"http://iiif.io/api/image/2/level2.json"}}`},
		{"open images", `{` + p2 + `,"service":{"@type":"ImageService2","@id":"https://iiif.test/iiif/2/OPEN"}}`, `{` + p2 + `,"service":{"@type":"ImageService2","@id":"https://iiif.test/iiif/2/OPEN"}}`},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			got, err := InjectAuth([]byte(c.in), lookupW, fromOldHost)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("\n got: %s\nwant: %s", got, c.want)
			}
			again, err := InjectAuth(got, lookupW, fromOldHost)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("E-001: a second pass changes it (%v)\n got: %s\nwant: %s", err, again, got)
			}
		})
	}
}

func TestInjectAuthGolden(t *testing.T) {
	for _, name := range []string{"presentation2", "presentation3"} {
		in, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		got, err := InjectAuth(in, lookupW, fromOldHost)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".guarded.json", got)
	}
}

func TestInjectAuthLeavesBytes(t *testing.T) {
	for _, in := range []string{
		`{}`, " [ ] \n", "null", `"x"`, "1.50e+01",
		"{\r\n\t\"a\" : 1.0 , \"a\":-0,\"é\\u00e9\\/\" : [true,false , null]\n}\n",
		"{\"service\":{\"@type\":\"ImageService2\",\"@id\":\"\xff\"}}",
	} {
		got, err := InjectAuth([]byte(in), openToAll, keep)
		if err != nil || string(got) != in {
			t.Errorf("%q became %q (%v)", in, got, err)
		}
	}
}

func TestInjectAuthRefuses(t *testing.T) {
	cases := map[string][]byte{
		"empty":    nil,
		"cut":      []byte(`{"a":`),
		"trailing": []byte(`{} {}`),
		"too deep": []byte(strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)),
		"too long": append([]byte("1"), bytes.Repeat([]byte(" "), MaxDocument)...),
		"too many": []byte(`{"service":[` + strings.Repeat("1,", maxKept) + `1]}`),
	}
	for name, in := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := InjectAuth(in, lookupW, keep)
			var fail *tile.Error
			if tile.CodeOf(err) != tile.Broken || !errors.As(err, &fail) || fail.Message == "" || fail.Cause == nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestInjectAuthDeepestAllowed(t *testing.T) {
	in := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if _, err := InjectAuth([]byte(in), lookupW, keep); err != nil {
		t.Error(err)
	}
}

func FuzzInjectAuth(f *testing.F) {
	for _, name := range []string{"presentation2.json", "presentation3.json", "presentation3.guarded.json"} {
		in, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(in)
	}
	f.Add([]byte(`{"service":{"@type":"ImageService3","service":{"@type":"ImageService2","service":["http://x",{"profile":"http://iiif.io/api/auth/"}]}},"service":"\u0068ttp://"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		kept, err := InjectAuth(in, openToAll, keep)
		if err != nil {
			return
		}
		if !bytes.Equal(kept, in) {
			t.Fatalf("%q became %q with nothing to do", in, kept)
		}
		out, err := InjectAuth(in, func(string, iiifurl.Version) *Auth { return &shortAuth }, func(id string) string { return id + "/moved" })
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(out) {
			t.Fatalf("%q became invalid: %q", in, out)
		}
	})
}
