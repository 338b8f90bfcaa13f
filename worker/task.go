package worker

import (
	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// task completes the plan's task with what to decode: packets of the region alone where
// there is an index, else the whole file.
func (w *Worker) task(p plan, f store.Blob) (decoder.Task, error) {
	why := p.unindexed
	if p.index != nil {
		stream, reason, err := w.packets.Stream(f, p.index, p.object.Size, rectangle(p.task.Region), p.task.Reduce)
		if err != nil {
			return decoder.Task{}, err
		}
		if reason == "" {
			return synthetic(p.task, stream), nil
		}
		why = reason
	}
	w.packets.Fallback(why)
	t := p.task
	var err error
	t.File, err = f.Local()
	return t, err
}

// synthetic is the task on a codestream that holds the region at its reduced resolution.
func synthetic(t decoder.Task, s packets.Stream) decoder.Task {
	r := s.Region
	t.Stream, t.Reduce = s.Data, 0
	t.Region = iiifurl.Rect{X: int(r.X0), Y: int(r.Y0), W: int(r.X1 - r.X0), H: int(r.Y1 - r.Y0)}
	return t
}

func rectangle(r iiifurl.Rect) jp2.Rect {
	return jp2.Rect{X0: int64(r.X), Y0: int64(r.Y), X1: int64(r.X + r.W), Y1: int64(r.Y + r.H)}
}
