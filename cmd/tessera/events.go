package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/store/s3"
	"github.com/tessera-iiif/tessera/worker"
)

// complainEvery bounds what whoever publishes nonsense can write into the log.
const complainEvery = time.Minute

// bucketed is a source in object storage. Key tells what the source calls an object of
// an event; ok is false for one that is not the source's.
type bucketed interface {
	Key(bucket, key string) (_ string, ok bool)
}

// objectEvents tells the worker which objects were created, replaced or deleted. heard
// is called for one message at a time.
type objectEvents struct {
	sources []bucketed
	forget  func(keys ...string)
	log     *slog.Logger

	objects, malformed atomic.Int64
	complained         time.Time
}

// indexers is the group of workers of which one indexes a new object for all.
const indexers = "indexers"

// listenForEvents has the worker forget what an object store says has changed, and one of
// all workers index what is new. Without a cluster, or with nothing in object storage,
// there is nothing to hear.
func (s *server) listenForEvents(conn *bus.Conn, w *worker.Worker, sources ...store.Source) (stop func(), err error) {
	e := &objectEvents{forget: w.Forget, log: s.log}
	for _, source := range sources {
		if b, ok := source.(bucketed); ok {
			e.sources = append(e.sources, b)
		}
	}
	if s.role != config.Worker || s.settings.S3Events == "" || len(e.sources) == 0 {
		return func() {}, nil
	}
	subject, err := bus.ParseEvents(s.settings.S3Events)
	if err != nil {
		return nil, fmt.Errorf("--s3-events: %w", err)
	}
	stopForgetting, err := bus.Listen(conn, subject, e.heard)
	if err != nil {
		return nil, fmt.Errorf("--s3-events %s: %w; the subject is the one that tessera nats-config was given as --events-subject", subject, err)
	}
	indexing, cancel := context.WithCancel(context.Background())
	stopIndexing, err := bus.ListenAmong(conn, subject, indexers, func(message []byte) {
		if events, err := s3.ParseEvents(message); err == nil { // e complains
			w.Prepare(indexing, e.keys(events, false)...)
		}
	})
	if err != nil {
		cancel()
		stopForgetting()
		return nil, fmt.Errorf("--s3-events %s: %w", subject, err)
	}
	s.metrics.Count("tessera_worker_object_events_total", "Objects of the sources that events spoke of.", nil, func() float64 { return float64(e.objects.Load()) })
	s.metrics.Count("tessera_worker_object_events_malformed_total", "Messages that are no bucket notification.", nil, func() float64 { return float64(e.malformed.Load()) })
	return func() {
		cancel()
		stopForgetting()
		stopIndexing()
	}, nil
}

func (e *objectEvents) heard(message []byte) {
	events, err := s3.ParseEvents(message)
	if err != nil {
		e.complain(err)
		return
	}
	if keys := e.keys(events, true); len(keys) > 0 {
		e.objects.Add(int64(len(keys)))
		e.forget(keys...) // once for a message: it looks through all that is known
	}
}

// keys are those of the sources' objects that events speak of, removed ones among them if
// wanted.
func (e *objectEvents) keys(events []s3.Event, removed bool) (keys []string) {
	for _, event := range events {
		if event.Removed && !removed {
			continue
		}
		for _, source := range e.sources {
			if key, ok := source.Key(event.Bucket, event.Key); ok {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func (e *objectEvents) complain(err error) {
	count := e.malformed.Add(1)
	if time.Since(e.complained) < complainEvery {
		return
	}
	e.complained = time.Now()
	e.log.Warn("an object event was dropped", "error", err, "dropped since the start", count)
}
