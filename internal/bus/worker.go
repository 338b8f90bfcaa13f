package bus

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	defaultJobs    = 256
	defaultStreams = 64
	openingWait    = 5 * time.Second
	defaultCredit  = time.Minute
)

// ServerConfig bounds a server; a zero field stands for its default.
type ServerConfig struct {
	Jobs    int           // handled at a time, Busy beyond it: 256. Above the worker's own queue
	Streams int           // large bodies being sent at a time, Busy beyond it: 64
	Credit  time.Duration // longest wait for a reader of a large body: 1 min
}

func (cfg ServerConfig) bounds() bounds {
	return bounds{
		jobs: orDefault(cfg.Jobs, defaultJobs), streams: orDefault(cfg.Streams, defaultStreams),
		opening: openingWait, stall: orDefault(cfg.Credit, defaultCredit),
	}
}

// Server answers jobs for one worker.
type Server struct{ responder *responder }

// ServeWorker answers jobs by r and l, in a queue group with all other workers.
// name is the worker's, for results that do not say.
func ServeWorker(c *Conn, name string, r tile.Renderer, l tile.Library, cfg ServerConfig) (*Server, error) {
	resp, err := respond(c, jobs, map[string]handler{
		kindRender:   renderHandler(name, r),
		kindInfo:     infoHandler(r),
		kindManifest: manifestHandler(l),
		kindList:     listHandler(l),

		kindCapabilities: capabilitiesHandler(name, r),
	}, cfg.bounds())
	if err != nil {
		return nil, err
	}
	return &Server{responder: resp}, nil
}

// Drain takes no new jobs, finishes those under way to the last byte, and returns.
// Jobs still running when ctx ends are cancelled, and the error says so. Call it once.
func (s *Server) Drain(ctx context.Context) error { return s.responder.drain(ctx) }

func renderHandler(name string, r tile.Renderer) handler {
	return func(ctx context.Context, data []byte) (answer, error) {
		job, err := decode[tile.Job](data)
		if err != nil {
			return answer{}, err
		}
		res, err := r.Render(ctx, job)
		if err != nil {
			return answer{}, err
		}
		if res.Worker == "" {
			res.Worker = name
		}
		h := head{kind: res.Type, size: res.Size, cache: res.Cache, worker: res.Worker, timing: res.Timing, damaged: res.Damaged}
		return answer{head: h, body: res.Body}, nil
	}
}

func infoHandler(r tile.Renderer) handler {
	return func(ctx context.Context, data []byte) (answer, error) {
		q, err := decode[named](data)
		if err != nil {
			return answer{}, err
		}
		img, err := r.Info(ctx, q.Name)
		if err != nil {
			return answer{}, err
		}
		return jsonAnswer(img)
	}
}

func manifestHandler(l tile.Library) handler {
	return func(ctx context.Context, data []byte) (answer, error) {
		q, err := decode[named](data)
		if err != nil {
			return answer{}, err
		}
		doc, err := l.Manifest(ctx, q.Name)
		if err != nil {
			return answer{}, err
		}
		return bytesAnswer(head{kind: "application/json", version: doc.Version}, doc.Body), nil
	}
}

func listHandler(l tile.Library) handler {
	return func(ctx context.Context, data []byte) (answer, error) {
		q, err := decode[tile.Query](data)
		if err != nil {
			return answer{}, err
		}
		list, err := l.List(ctx, q)
		if err != nil {
			return answer{}, err
		}
		return jsonAnswer(list)
	}
}

func decode[T any](data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, tile.Fail(tile.Invalid, "", errors.New("malformed job"))
	}
	return v, nil
}
