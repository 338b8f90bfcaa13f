package main

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/config"
)

// below is a source of all objects of one bucket below a prefix.
type below struct{ bucket, prefix string }

func (b below) Key(bucket, key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, b.prefix)
	return rest, ok && bucket == b.bucket
}

func record(bucket, key string) string {
	return `{"eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"` + bucket + `"},"object":{"key":"` + key + `"}}}`
}

func TestObjectEvents(t *testing.T) {
	var told [][]string
	var log bytes.Buffer
	e := &objectEvents{
		sources: []bucketed{below{"masters", ""}, below{"iiif", "manifests/"}}, log: slog.New(slog.NewTextHandler(&log, nil)),
		forget: func(keys ...string) { told = append(told, keys) },
	}
	for _, message := range []string{
		`{"Records":[` + record("masters", "maps%2Fa+b.jp2") + `,` + record("iiif", "manifests%2Fbook.json") + `,` + record("elsewhere", "x") + `]}`,
		`{"Records":[` + record("elsewhere", "x") + `]}`,
		`{"Event":"s3:TestEvent"}`,
		"no JSON", `{"Records":[` + record("masters", "%zz") + `]}`, "",
	} {
		e.heard([]byte(message))
	}
	if len(told) != 1 || !slices.Equal(told[0], []string{"maps/a b.jp2", "book.json"}) {
		t.Errorf("forgotten: %q", told)
	}
	if e.objects.Load() != 2 || e.malformed.Load() != 3 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%d objects, %d malformed, log %s", e.objects.Load(), e.malformed.Load(), log.String())
	}
}

// Settings cannot ask the bus what a subject may be, so they say the same.
func TestSettingsKnowSubjectsOfEvents(t *testing.T) {
	for _, subject := range []string{bus.DefaultEvents, "a", "a.b-c.d_e", "a..b", ".a", "a.", "a b", "a.*", "a.>", "tessera.job.render", "tessera", "tessera.", "é", "$JS.API"} {
		l, err := config.LoadFor(config.Worker, []string{"--images", "x", "--nats", "nats://127.0.0.1:1", "--nats-creds", "x", "--s3-events", subject}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = bus.ParseEvents(subject)
		if got := l.Validate(); (got == nil) != (err == nil) {
			t.Errorf("%q: settings say %v, the bus %v", subject, got, err)
		}
	}
	if l, _ := config.LoadFor(config.Worker, nil, nil, nil); l.S3Events != bus.DefaultEvents {
		t.Errorf("default %q, the bus's %q", l.S3Events, bus.DefaultEvents)
	}
}
