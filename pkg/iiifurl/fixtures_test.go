package iiifurl_test

import (
	"errors"
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// image is a source with the limits of the server that serves it.
type image struct {
	source iiifurl.Source
	limits iiifurl.Limits
}

// The fixtures of the conformance checklist.
var (
	imageW     = image{source: iiifurl.Source{Width: 6000, Height: 4000}}
	imageWL    = image{imageW.source, iiifurl.Limits{MaxWidth: 3000}}
	imageWA    = image{imageW.source, iiifurl.Limits{MaxWidth: 3000, MaxHeight: 2000, MaxArea: 4_000_000}}
	imageWU    = image{imageW.source, iiifurl.Limits{MaxWidth: 8000, Upscaling: true}}
	imageODD   = image{source: iiifurl.Source{Width: 1025, Height: 769}}
	imageSTRIP = image{source: iiifurl.Source{Width: 30000, Height: 50}}
	imageSQ    = image{source: iiifurl.Source{Width: 1000, Height: 1000}}
	imageSQL   = image{imageSQ.source, iiifurl.Limits{MaxWidth: 3000}}
	imageSQU   = image{imageSQ.source, iiifurl.Limits{MaxWidth: 3000, Upscaling: true}}
	imageGREY  = image{source: iiifurl.Source{Width: 1000, Height: 1000, Gray: true}}
	imageWBox  = image{imageW.source, iiifurl.Limits{RejectOversizeBox: true}}
)

// resolve parses "region/size/rotation/quality.format" behind an identifier and resolves it.
func (im image) resolve(v iiifurl.Version, params string) (iiifurl.Resolved, error) {
	target, err := iiifurl.ParsePath(v, "x/"+params)
	if err != nil {
		return iiifurl.Resolved{}, err
	}
	return target.Request.Resolve(im.source, im.limits)
}

func (im image) mustResolve(t *testing.T, v iiifurl.Version, params string) iiifurl.Resolved {
	t.Helper()
	r, err := im.resolve(v, params)
	if err != nil {
		t.Fatalf("%s: %v", params, err)
	}
	return r
}

// wantStatus checks that err is a refusal with that status and a sentence.
func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	var refusal *iiifurl.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("error = %v, want status %d", err, status)
	}
	if refusal.Status != status {
		t.Errorf("status = %d (%s), want %d", refusal.Status, refusal.Message, status)
	}
	if m := refusal.Message; len(m) < 20 || m[len(m)-1] != '.' || refusal.Error() != m {
		t.Errorf("message %q is no sentence", m)
	}
}
