package main

import (
	"context"
	"errors"

	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/ops"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/worker"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/packets"
)

func (s *server) worker(ctx context.Context) error {
	storage := s.storage()
	images, err := storage.source(ctx, "images", s.settings.Images)
	if err != nil {
		return err
	}
	var manifests store.Source
	if s.settings.Manifests != "" {
		if manifests, err = storage.source(ctx, "manifests", s.settings.Manifests); err != nil {
			return err
		}
	}
	results, err := store.OpenResults(s.settings.CacheDir(), int64(s.settings.CacheBytes), s.log)
	if err != nil {
		return err
	}
	s.opened(results.Close)
	shared, err := storage.shared(ctx)
	if err != nil {
		return err
	}
	decoders, err := decoder.Start(ctx, decoder.Config{
		Path: s.settings.DecoderPath, Processes: s.settings.Decoders, Timeout: s.settings.DecodeTime,
		MemoryBytes: int64(s.settings.DecoderBytes), Insecure: s.settings.Unsandboxed, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.opened(func() error { return decoders.Close(s.force) })
	for _, c := range cautionsAbout(decoders.Versions()) {
		s.log.Warn("a library that decodes has a known fault", "library", c.library, "version", c.of(decoders.Versions()), "fault", c.fault)
	}
	conn, err := s.connect(ctx, bus.RoleWorker)
	if err != nil {
		return err
	}
	turns, err := s.turns(conn, shared != nil)
	if err != nil {
		return err
	}
	w := worker.New(worker.Config{
		Name: s.settings.Name, Limits: worker.Limits{Timeout: s.settings.DecodeTime},
		Source: images, Remote: config.InS3(s.settings.Images), Manifests: manifests, Results: results, Shared: shared, Turns: turns, Decoders: decoders,
		Slots: s.settings.Decoders, Queue: s.settings.Queue, BestEffort: s.settings.Damaged == "best-effort", Log: s.log,
	})
	s.measure(w, results)
	s.measureBlocks(decoders)
	stopEvents, err := s.listenForEvents(conn, w, images, manifests)
	if err != nil {
		return err
	}
	served, err := bus.ServeWorker(conn, s.settings.Name, w, w, bus.ServerConfig{})
	if err != nil {
		return err
	}
	if err := s.presentWorker(conn, w, results); err != nil {
		return err
	}
	s.parts = append(s.parts, ops.Part{Name: "worker", Run: func(ctx context.Context) error {
		s.warnAmbiguous(ctx, images)
		<-ctx.Done()
		stopEvents()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.Drain)
		defer cancel()
		return errors.Join(served.Drain(drain), w.Close(drain))
	}})
	return nil
}

// turns are for workers of a cluster that find what another has done.
func (s *server) turns(conn *bus.Conn, shared bool) (packets.Turns, error) {
	if s.role != config.Worker || !shared {
		return nil, nil
	}
	turns, err := bus.JoinTurns(conn, bus.TurnsConfig{})
	if err != nil {
		return nil, err
	}
	s.opened(func() error { turns.Close(); return nil })
	return turns, nil
}

// warnAmbiguous names files that an identifier without extension cannot tell apart.
func (s *server) warnAmbiguous(ctx context.Context, images store.Source) {
	folder, ok := images.(*store.Dir)
	if !ok {
		return // to read all of a bucket is too dear; Find warns of those it meets
	}
	names, err := folder.Ambiguous(ctx, 20)
	if err != nil && ctx.Err() == nil {
		s.log.Warn("images not searched for names that differ only by extension", "error", err)
	}
	for _, name := range names {
		s.log.Warn("several files differ only by extension: ask for this image with its extension", "image", name)
	}
}

// measure shows the worker's load.
func (s *server) measure(w *worker.Worker, results *store.Results) {
	gauge := func(name, help string, f func() float64) { s.metrics.Gauge("tessera_worker_"+name, help, f) }
	gauge("in_flight", "Renderings and inspections under way.", func() float64 { return float64(w.Stats().Running) })
	gauge("waiting", "Renderings that wait for a slot.", func() float64 { return float64(w.Stats().Waiting) })
	gauge("fetching", "Renderings whose packets are read from object storage, or wait for that.", func() float64 { return float64(w.Stats().Fetching) })
	gauge("decodes", "Decodes begun since the start.", func() float64 { return float64(w.Stats().Decodes) })
	gauge("joint_tiles", "Tiles decoded in the slot of a neighbour, since the start.", func() float64 { return float64(w.Stats().Joint) })
	gauge("ahead_decodes", "Decodes that made tiles nobody had asked for yet, since the start.", func() float64 { return float64(w.Stats().AheadJobs) })
	gauge("ahead_tiles", "Tiles made before they were asked for, since the start.", func() float64 { return float64(w.Stats().Ahead) })
	gauge("ahead_tiles_used", "Of these, tiles asked for later.", func() float64 { return float64(w.Stats().AheadUsed) })
	gauge("refused", "Renderings refused because queues were full, since the start.", func() float64 { return float64(w.Stats().Refused) })
	gauge("quarantined", "Image versions that killed decoders and are not decoded.", func() float64 { return float64(w.Stats().Quarantined) })
	s.measurePackets(w)
	gauge("store_bytes", "Bytes of rendered results on disk.", func() float64 { return float64(results.Stats().Bytes) })
}

// measureBlocks shows what decoders could spare.
func (s *server) measureBlocks(decoders *decoder.Pool) {
	const name, help = "tessera_worker_code_blocks_total", "JPEG 2000 code-blocks that were decoded, or kept from a decode before."
	s.metrics.Count(name, help, map[string]string{"how": "decoded"}, func() float64 { n, _ := decoders.Blocks(); return float64(n) })
	s.metrics.Count(name, help, map[string]string{"how": "kept"}, func() float64 { _, n := decoders.Blocks(); return float64(n) })
}

// measurePackets shows what JPEG 2000 regions took of their files.
func (s *server) measurePackets(w *worker.Worker) {
	count := func(name, help string, labels map[string]string, f func(packets.Stats) uint64) {
		s.metrics.Count("tessera_worker_"+name, help, labels, func() float64 { return float64(f(w.Packets())) })
	}
	count("packet_tiles_total", "JPEG 2000 regions decoded from their packets alone.", nil, func(p packets.Stats) uint64 { return p.Tiles })
	count("source_bytes_total", "Bytes read of JPEG 2000 files for those regions.", nil, func(p packets.Stats) uint64 { return p.Bytes })
	count("source_ranges_total", "Ranges read of JPEG 2000 files for those regions.", nil, func(p packets.Stats) uint64 { return p.Ranges })
	count("index_builds_total", "Packet indices built.", nil, func(p packets.Stats) uint64 { return p.Builds })
	count("index_loads_total", "Packet indices found beside the results.", nil, func(p packets.Stats) uint64 { return p.Loads })
	count("index_tiles_total", "Tiles indexed by themselves, before the rest of their file.", nil, func(p packets.Stats) uint64 { return p.Learnt })
	count("lower_resolutions_total", "Files of lower resolutions put together.", nil, func(p packets.Stats) uint64 { return p.Lower })
	count("index_refusals_total", "JPEG 2000 files that cannot be indexed.", nil, func(p packets.Stats) uint64 { return p.Refusals })
	for _, why := range packets.Reasons() {
		count("packet_fallbacks_total", "JPEG 2000 regions decoded from the whole file, by reason.",
			map[string]string{"reason": string(why)}, func(p packets.Stats) uint64 { return p.Fallbacks[why] })
	}
}
