package iiifurl_test

import (
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func TestParsePath(t *testing.T) {
	tests := []struct {
		name, path string
		kind       iiifurl.Kind
		id         string
		spelling   string
		params     string
	}{
		{"A-001", "SQ/full/max/0/default.jpg", iiifurl.Picture, "SQ", "SQ", "full/max/0/default.jpg"},
		{"A-002", "SQ/info.json", iiifurl.Info, "SQ", "SQ", ""},
		{"A-002 escaped name", "SQ/info%2Ejson", iiifurl.Info, "SQ", "SQ", ""},
		{"A-003", "SQ", iiifurl.Base, "SQ", "SQ", ""},
		{"A-004", "SQ/", iiifurl.Base, "SQ", "SQ", ""},
		{"A-005", "ark:%2F12025%2F654xz321/info.json", iiifurl.Info, "ark:/12025/654xz321", "ark:%2F12025%2F654xz321", ""},
		{"A-006", "http:%2F%2Fexample.com%2F%3F54%23a/full/max/0/default.png", iiifurl.Picture, "http://example.com/?54#a", "http:%2F%2Fexample.com%2F%3F54%23a", "full/max/0/default.png"},
		{"A-007", "urn:sici:x%253C69/info.json", iiifurl.Info, "urn:sici:x%3C69", "urn:sici:x%253C69", ""},
		{"A-007 literal percent", "x%2541", iiifurl.Base, "x%41", "x%2541", ""},
		{"A-008", "a%2Db/info.json", iiifurl.Info, "a-b", "a%2Db", ""},
		{"A-009 lower", "a%2fb/info.json", iiifurl.Info, "a/b", "a%2fb", ""},
		{"A-009 upper", "a%2Fb/info.json", iiifurl.Info, "a/b", "a%2Fb", ""},
		{"A-011", "[frob]/full/max/0/default.jpg", iiifurl.Picture, "[frob]", "[frob]", "full/max/0/default.jpg"},
		{"A-013 dots inside names", "a..b%2F...%2F.c", iiifurl.Base, "a..b/.../.c", "a..b%2F...%2F.c", ""},
		{"space and letters", "a%20b%C3%BC/info.json", iiifurl.Info, "a bü", "a%20b%C3%BC", ""},
		{"plus is no space", "a+b/info.json", iiifurl.Info, "a+b", "a+b", ""},
		{"A.12 escaped parameters", "SQ/pct%3A0%2C0%2C50%2C50/%5E!10%2C10/%2190/default%2Ejpg", iiifurl.Picture, "SQ", "SQ", "pct:0,0,50,50/^!10,10/!90/default.jpg"},
		{"A.12 longest identifier", strings.Repeat("%61", 2048), iiifurl.Base, strings.Repeat("a", 2048), strings.Repeat("%61", 2048), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := iiifurl.ParsePath(iiifurl.V3, tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if got.Version != iiifurl.V3 || got.Kind != tt.kind || got.ID != tt.id || got.Spelling != tt.spelling {
				t.Errorf("got %+v", got)
			}
			if tt.kind == iiifurl.Picture && got.Request.String() != tt.params {
				t.Errorf("request = %s, want %s", got.Request, tt.params)
			}
			if tt.kind != iiifurl.Picture && got.Request != (iiifurl.Request{}) {
				t.Errorf("request = %+v, want none", got.Request)
			}
		})
	}
}

func TestParsePathRefuses(t *testing.T) {
	const params = "/full/max/0/default.jpg"
	tests := []struct {
		name, path string
		status     int
	}{
		{"A-010", "a/b/full/max/0/default.jpg", 404},
		{"A-010 info", "a/b/info.json", 404},
		{"A-010 base", "a/b", 404},
		{"A-013 dot dot", ".." + params, 400},
		{"A-013 escaped dot dot", "%2E%2E" + params, 400},
		{"A-013 mixed dot dot", ".%2e" + params, 400},
		{"A-013 inner", "a%2F..%2Fb" + params, 400},
		{"A-013 trailing", "a%2F..", 400},
		{"A-013 single dot", "a%2F.%2Fb", 400},
		{"A-013 NUL", "a%00" + params, 400},
		{"A-013 long", strings.Repeat("a", 5*1024) + params, 400},
		{"A-013 very long", strings.Repeat("a", 50*1024) + params, 400},
		{"A-013 just too long", strings.Repeat("a", 2049), 400},
		{"A-014 three", "SQ/full/max/0", 404},
		{"A-014 two", "SQ/full/max", 404},
		{"A-014 one", "SQ/full", 404},
		{"A-014 six", "SQ/full/max/0/default.jpg/", 404},
		{"A-014 many", "SQ/full/max/0/default.jpg/a/b/c", 404},
		{"A-014 after info.json", "SQ/info.json/", 404},
		{"A-014 slashes", "SQ//", 404},
		{"A-015 identifier", "a%zz" + params, 400},
		{"A-015 parameter", "SQ/full/max/0/default%2.jpg", 400},
		{"A-015 cut short", "SQ/full/max/%/default.jpg", 400},
		{"A-040 empty region", "SQ//max/0/default.jpg", 400},
		{"A-089 empty size", "SQ/full//0/default.jpg", 400},
		{"A-117 empty rotation", "SQ/full/max//default.jpg", 400},
		{"A-159 empty file", "SQ/full/max/0/", 400},
		{"A.12 long parameter", "SQ/pct:0,0,10,0" + strings.Repeat("1", 128) + "/max/0/default.jpg", 400},
		{"A.12 very long parameter", "SQ/full/max/0/default." + strings.Repeat("j", 1000), 400},
		{"escaped slash in a parameter", "SQ/full%2Fmax/max/0/default.jpg", 400},
		{"no identifier", "", 404},
		{"no identifier, slash", "/", 404},
		{"no identifier, parameters", params, 404},
		{"R30 absolute", "%2Fetc%2Fpasswd" + params, 400},
		{"R30 trailing slash", "a%2F/info.json", 400},
		{"R30 backslash", "..%5Cx" + params, 400},
		{"R30 raw backslash", `a\b` + params, 400},
		{"R30 overlong UTF-8", "%C0%AE%C0%AE%2Fx" + params, 400},
		{"R30 invalid UTF-8", "%FF" + params, 400},
		{"R30 line break", "a%0D%0Ab" + params, 400},
		{"R30 delete", "a%7F", 400},
		{"R30 C1 control", "a%C2%85", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := iiifurl.ParsePath(iiifurl.V3, tt.path)
			wantStatus(t, err, tt.status)
			if got != (iiifurl.Target{}) {
				t.Errorf("got %+v beside an error", got)
			}
		})
	}
}

func TestOtherVersions(t *testing.T) {
	for _, v := range []iiifurl.Version{0, 1, 4} {
		_, err := iiifurl.ParsePath(v, "SQ/info.json")
		wantStatus(t, err, 404)
		_, err = iiifurl.ParseFromRight(v, "SQ/info.json")
		wantStatus(t, err, 404)
		_, err = iiifurl.ParseRequest(v, "full", "max", "0", "default.jpg")
		wantStatus(t, err, 404)
	}
}

func TestParseFromRight(t *testing.T) {
	tests := []struct {
		name, path string
		kind       iiifurl.Kind
		id         string
		params     string
	}{
		{"A-010 picture", "a/b/full/full/0/default.jpg", iiifurl.Picture, "a/b", "full/full/0/default.jpg"},
		{"A-010 info", "a/b/c/info.json", iiifurl.Info, "a/b/c", ""},
		{"A-010 base", "a/b", iiifurl.Base, "a/b", ""},
		{"A-004", "a/b/", iiifurl.Base, "a/b", ""},
		{"deep base", "maps/1890/12/90/sheet-04.jp2", iiifurl.Base, "maps/1890/12/90/sheet-04.jp2", ""},
		{"escaped slash", "a%2Fb/full/full/0/default.jpg", iiifurl.Picture, "a/b", "full/full/0/default.jpg"},
		{"A-007", "a/x%2541/info.json", iiifurl.Info, "a/x%41", ""},
		{"identifier that reads like parameters", "full/full/0/default.jpg/full/full/0/default.jpg", iiifurl.Picture, "full/full/0/default.jpg", "full/full/0/default.jpg"},
		{"too few for a picture", "full/full/0/default.jpg", iiifurl.Base, "full/full/0/default.jpg", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := iiifurl.ParseFromRight(iiifurl.V2, tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind != tt.kind || got.ID != tt.id {
				t.Errorf("got %+v", got)
			}
			if tt.kind == iiifurl.Picture && got.Request.String() != tt.params {
				t.Errorf("request = %s, want %s", got.Request, tt.params)
			}
		})
	}
}

func TestParseFromRightRefuses(t *testing.T) {
	tests := []struct {
		name, path string
		status     int
	}{
		{"A-013 dot dot", "../x/full/full/0/default.jpg", 400},
		{"A-013 inner", "a/%2e%2e/b/info.json", 400},
		{"A-015", "a/%zz/full/full/0/default.jpg", 400},
		{"A-015 parameter", "a/full/full/%zz/default.jpg", 400},
		{"A-040", "a/b/k<x;A^/full/0/default.jpg", 400},
		{"A-040 empty region", "a/b//full/0/default.jpg", 400},
		{"A-089", "a/full/k<x;A^/0/default.jpg", 400},
		{"A-117", "a/full/full/k<x;/default.jpg", 400},
		{"A-135", "a/full/full/0/native.jpg", 400},
		{"R30 absolute", "/a/b/info.json", 400},
		{"no identifier", "/full/full/0/default.jpg", 404},
		{"no identifier, info", "/info.json", 404},
		{"nothing", "", 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := iiifurl.ParseFromRight(iiifurl.V2, tt.path)
			wantStatus(t, err, tt.status)
		})
	}
}

func TestEscapeIdentifier(t *testing.T) {
	tests := []struct{ name, id, want string }{
		{"A-005", "ark:/12025/654xz321", "ark:%2F12025%2F654xz321"},
		{"A-006", "http://example.com/?54#a", "http:%2F%2Fexample.com%2F%3F54%23a"},
		{"A-007", "x%41", "x%2541"},
		{"A-017", "Sheet-04_a.b:c~d!e", "Sheet-04_a.b:c~d!e"},
		{"brackets and at", "[a]@b", "%5Ba%5D%40b"},
		{"letters beyond ASCII", "a ü", "a%20%C3%BC"},
		{"F-11 Link readers", `a;b,c"d'e`, "a%3Bb%2Cc%22d%27e"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := iiifurl.EscapeIdentifier(tt.id)
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if back, err := iiifurl.ParseIdentifier(got); err != nil || back != tt.id {
				t.Errorf("back to %q, %v", back, err)
			}
		})
	}
}

func TestParseIdentifierRefuses(t *testing.T) {
	for escaped, status := range map[string]int{"": 404, "a/b": 404, "%2E": 400, "%": 400, "a%5Cb": 400} {
		id, err := iiifurl.ParseIdentifier(escaped)
		wantStatus(t, err, status)
		if id != "" {
			t.Errorf("%q: identifier %q beside an error", escaped, id)
		}
	}
}
