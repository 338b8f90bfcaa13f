package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/store/s3"
	"github.com/tessera-iiif/tessera/worker"
)

// storage opens what a worker reads and writes.
type storage struct {
	*server
	copies func() (*s3.Copies, error) // shared by all sources in object storage
}

func (s *server) storage() storage {
	return storage{s, sync.OnceValues(s.openCopies)}
}

// openCopies makes room on local disk for what is read from object storage.
func (s *server) openCopies() (*s3.Copies, error) {
	copies, err := s3.OpenCopies(filepath.Join(s.settings.Data, "objects"), int64(s.settings.ObjectCache), s.log)
	if err != nil {
		return nil, err
	}
	s.opened(copies.Close)
	s.metrics.Gauge("tessera_object_cache_bytes", "Bytes on local disk of objects read from S3.", func() float64 { return float64(copies.Stats().Bytes) })
	return copies, nil
}

// source opens a folder or s3://bucket/prefix. name is what it is called in metrics.
func (s storage) source(ctx context.Context, name, place string) (store.Source, error) {
	if !config.InS3(place) {
		dir, err := store.OpenDir(place, s.log)
		if err != nil {
			return nil, err
		}
		s.opened(dir.Close)
		return dir, nil
	}
	where, err := location(place)
	if err != nil {
		return nil, err
	}
	copies, err := s.copies()
	if err != nil {
		return nil, err
	}
	source, err := s3.Open(ctx, s3.Config{
		Account: s3.Account(s.settings.Sources()), Location: where, Copies: copies, Recheck: s.settings.S3Recheck, Log: s.log,
	})
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", name, place, err)
	}
	s.opened(source.Close)
	s.count(name, source.Stats)
	return source, nil
}

// shared opens the store of results that workers share, if there is one.
func (s storage) shared(ctx context.Context) (worker.Results, error) {
	if !config.InS3(s.settings.Cache) {
		return nil, nil
	}
	where, err := location(s.settings.Cache)
	if err != nil {
		return nil, err
	}
	results, err := s3.OpenResults(ctx, s3.ResultsConfig{Account: s3.Account(s.settings.SharedResults()), Location: where, Log: s.log})
	if err != nil {
		return nil, err
	}
	s.opened(results.Close)
	s.count("cache", results.Stats)
	return results, nil
}

func location(place string) (s3.Location, error) {
	bucket, prefix, err := config.ParseS3(place)
	return s3.Within(bucket, prefix), err
}

// count shows what one store is asked and costs.
func (s storage) count(name string, stats func() s3.Stats) {
	gauge := func(what, help string, f func(s3.Stats) int64) {
		s.metrics.Gauge("tessera_s3_"+name+"_"+what, help+" Since the start.", func() float64 { return float64(f(stats())) })
	}
	gauge("requests", "Requests to object storage.", func(s s3.Stats) int64 { return s.Requests })
	gauge("failures", "Requests to object storage that failed.", func(s s3.Stats) int64 { return s.Failures })
	gauge("retries", "Requests to object storage that were tried again.", func(s s3.Stats) int64 { return s.Retries })
	gauge("refused", "Requests not sent because object storage was failing.", func(s s3.Stats) int64 { return s.Refused })
	gauge("received_bytes", "Bytes received from object storage.", func(s s3.Stats) int64 { return s.Received })
	gauge("sent_bytes", "Bytes sent to object storage.", func(s s3.Stats) int64 { return s.Sent })
	gauge("block_hits", "Blocks of objects found on local disk.", func(s s3.Stats) int64 { return s.Hits })
	gauge("joined_reads", "Runs of blocks that another read was bringing already.", func(s s3.Stats) int64 { return s.Joined })
	gauge("block_misses", "Blocks of objects asked for.", func(s s3.Stats) int64 { return s.Misses })
}
