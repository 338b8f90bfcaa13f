package bus

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// step makes the messages of a stream, given the true frames: data frames, then end.
type step func(frames [][]byte) [][]byte

// sendBadly answers every render with a stream of body whose frames step has been at.
func sendBadly(t *testing.T, c *Conn, body []byte, change step) {
	t.Helper()
	flow := flowSubject(c.user, newToken(), newToken())
	var frames [][]byte
	for rest, seq := body, uint32(0); len(rest) > 0; seq++ {
		n := min(chunkSize, len(rest))
		frames = append(frames, encodeFrame(frameData, seq, rest[:n]))
		rest = rest[n:]
	}
	end := encodeFrame(frameEnd, uint32(len(frames)), endPayload(int64(len(body)), xxhash.Sum64(body)))
	frames = change(append(frames, end))
	var opened atomic.Bool
	subscribe(t, c, flow, func(m *nats.Msg) {
		if f, err := parseFrame(m.Data); err != nil || f.kind != frameGrant || !opened.CompareAndSwap(false, true) {
			return
		}
		for _, f := range frames {
			_ = c.bulk.nc.Publish(m.Reply, f)
		}
	})
	subscribe(t, c, jobs.subject(kindRender), func(m *nats.Msg) {
		reply := nats.NewMsg(m.Reply)
		reply.Header = head{kind: "image/png", size: int64(len(body)), stream: flow}.header()
		_ = c.bulk.nc.PublishMsg(reply)
	})
}

func subscribe(t *testing.T, c *Conn, subject string, f nats.MsgHandler) {
	t.Helper()
	if _, err := c.bulk.nc.QueueSubscribe(subject, queueGroup, f); err != nil {
		t.Fatal(err)
	}
	if err := c.bulk.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedStreamIsAnError is R19: whatever becomes of the chunks, the reader sees
// an error before it has Size bytes.
func TestDamagedStreamIsAnError(t *testing.T) {
	want := noise(5*chunkSize + 17)
	reseal := func(frame []byte, change func([]byte)) []byte {
		f, _ := parseFrame(frame)
		out := append(make([]byte, frameHeader), f.payload...)
		change(out[frameHeader:])
		return seal(out, f.kind, f.seq)
	}
	flip := func(b []byte) { b[len(b)/2] ^= 1 }
	cases := map[string]step{
		"chunk dropped":         func(f [][]byte) [][]byte { return append(f[:2:2], f[3:]...) },
		"last chunk dropped":    func(f [][]byte) [][]byte { return append(f[:5:5], f[6:]...) },
		"chunk doubled":         func(f [][]byte) [][]byte { return append(f[:3:3], f[2:]...) },
		"chunks swapped":        func(f [][]byte) [][]byte { f[1], f[2] = f[2], f[1]; return f },
		"bit flipped":           func(f [][]byte) [][]byte { f[3][chunkSize/2] ^= 1; return f },
		"sealed after the flip": func(f [][]byte) [][]byte { f[3] = reseal(f[3], flip); return f },
		"header flipped":        func(f [][]byte) [][]byte { f[3][2] ^= 1; return f },
		"ends early":            func(f [][]byte) [][]byte { return [][]byte{f[0], f[1], encodeFrame(frameEnd, 2, f[6][frameHeader:])} },
		"no end":                func(f [][]byte) [][]byte { return f[:6] },
		"nothing at all":        func([][]byte) [][]byte { return nil },
		"wrong checksum at end": func(f [][]byte) [][]byte { f[6] = reseal(f[6], func(b []byte) { b[15] ^= 1 }); return f },
		"wrong size at end":     func(f [][]byte) [][]byte { f[6] = reseal(f[6], func(b []byte) { b[7] ^= 1 }); return f },
		"end cut short":         func(f [][]byte) [][]byte { f[6] = encodeFrame(frameEnd, 6, []byte("end")); return f },
		"empty chunk":           func(f [][]byte) [][]byte { f[1] = encodeFrame(frameData, 1, nil); return f },
		"longer than announced": func(f [][]byte) [][]byte { f[5] = encodeFrame(frameData, 5, make([]byte, 99)); return f },
		"not a frame":           func(f [][]byte) [][]byte { f[1] = []byte("hello"); return f },
		"empty message":         func(f [][]byte) [][]byte { f[1] = nil; return f },
		"frame of the receiver": func(f [][]byte) [][]byte { f[1] = encodeFrame(frameGrant, 1, nil); return f },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			e := startServer(t)
			sendBadly(t, join(t, e, RoleWorker, "worker"), want, change)
			client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{Stall: 300 * time.Millisecond})
			res, err := client.Render(t.Context(), tile.Job{ID: "x"})
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close() //nolint:errcheck // nothing to lose
			got, err := io.ReadAll(res.Body)
			if err == nil || tile.CodeOf(err) == tile.Cancelled {
				t.Errorf("read %d of %d bytes and ended with %v", len(got), len(want), err)
			}
			if len(got) >= len(want) {
				t.Errorf("handed out all %d bytes", len(got))
			}
			// A chunk changed with its CRC is only found out at the end.
			if name != "sealed after the flip" && !bytes.Equal(got, want[:len(got)]) {
				t.Error("handed out other bytes than were sent")
			}
		})
	}
	t.Run("undamaged", func(t *testing.T) {
		e := startServer(t)
		sendBadly(t, join(t, e, RoleWorker, "worker"), want, func(f [][]byte) [][]byte { return f })
		res, err := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{}).Render(t.Context(), tile.Job{ID: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(readAll(t, res.Body), want) {
			t.Error("body differs")
		}
	})
}

func TestSenderThatIgnoresCreditIsCutOff(t *testing.T) {
	e := startServer(t)
	sendBadly(t, join(t, e, RoleWorker, "worker"), noise(3*window*chunkSize), func(f [][]byte) [][]byte { return f })
	res, err := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{}).Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing to lose
	within(t, "the stream ends unread", res.Body.(*body).ctx.Done())
	if n, err := io.Copy(io.Discard, res.Body); tile.CodeOf(err) != tile.Internal {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func TestBodyFailingAtTheWorkerFailsAtTheReader(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	const size = 20 * chunkSize
	bodies := map[string]struct {
		body io.Reader
		code tile.Code
	}{
		"storage error": {io.MultiReader(bytes.NewReader(noise(3*chunkSize)), iotest.ErrReader(tile.Fail(tile.Changed, "", nil))), tile.Changed},
		"too short":     {bytes.NewReader(noise(size - 1)), tile.Internal},
		"too long":      {bytes.NewReader(noise(size + 1)), tile.Internal},
	}
	serve(t, join(t, e, RoleWorker, "worker"), worker{render: func(_ context.Context, j tile.Job) (tile.Result, error) {
		return tile.Result{Size: size, Body: io.NopCloser(bodies[j.ID].body)}, nil
	}}, ServerConfig{})
	for name, c := range bodies {
		t.Run(name, func(t *testing.T) {
			res, err := client.Render(t.Context(), tile.Job{ID: name})
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close() //nolint:errcheck // nothing to lose
			n, err := io.Copy(io.Discard, res.Body)
			wantCode(t, err, c.code)
			if n >= size {
				t.Errorf("%d bytes were handed out", n)
			}
		})
	}
}

// countingReader tells how far a sender has read.
type countingReader struct {
	io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// TestSlowReadersHoldOnlyTheirWindow is R20: as many streams as a connection takes,
// none of them read, and the connection goes on serving tiles.
func TestSlowReadersHoldOnlyTheirWindow(t *testing.T) {
	e := startServer(t)
	conn := join(t, e, RoleEdge, "edge")
	client := NewClient(conn, ClientConfig{})
	const size = 4 * window * chunkSize
	large := noise(size)
	var sent [maxStreams + 1]*countingReader
	serve(t, join(t, e, RoleWorker, "worker"), worker{render: func(_ context.Context, j tile.Job) (tile.Result, error) {
		if j.ID == "tile" {
			return tile.Result{Size: 256, Body: io.NopCloser(bytes.NewReader(large[:256]))}, nil
		}
		sent[j.JPEGQuality] = &countingReader{Reader: bytes.NewReader(large)}
		return tile.Result{Size: size, Body: io.NopCloser(sent[j.JPEGQuality])}, nil
	}}, ServerConfig{})

	var slow []tile.Result
	for i := range maxStreams {
		res, err := client.Render(t.Context(), tile.Job{JPEGQuality: i})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close() //nolint:errcheck // nothing to lose
		slow = append(slow, res)
	}
	_, err := client.Render(t.Context(), tile.Job{JPEGQuality: maxStreams})
	wantCode(t, err, tile.Busy)

	for range 200 {
		res, err := client.Render(t.Context(), tile.Job{ID: "tile"})
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, res.Body); !bytes.Equal(got, large[:256]) {
			t.Fatal("tile differs")
		}
	}
	for i := range slow {
		if n := sent[i].n.Load(); n > window*chunkSize {
			t.Fatalf("stream %d: %d bytes were taken from the worker, more than the window of %d", i, n, window*chunkSize)
		}
	}
	for i, res := range slow {
		if !bytes.Equal(readAll(t, res.Body), large) {
			t.Errorf("stream %d differs", i)
		}
	}
	if n := conn.Stats().SlowConsumers; n != 0 || conn.Check(t.Context()) != nil {
		t.Errorf("%d slow consumers, connection: %v", n, conn.Check(t.Context()))
	}
	if left := len(conn.streams[jobs].open); left != 0 {
		t.Errorf("%d streams left behind", left)
	}
}

func TestLeavingAStreamStopsTheSender(t *testing.T) {
	leave := map[string]func(body io.Closer, cancel func()){
		"closed early": func(body io.Closer, _ func()) { _ = body.Close() },
		"caller gone":  func(_ io.Closer, cancel func()) { cancel() },
	}
	for name, f := range leave {
		t.Run(name, func(t *testing.T) {
			e := startServer(t)
			client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
			const size = 100 * chunkSize
			body := newClosing(bytes.NewReader(noise(size)))
			handler := make(chan context.Context, 1)
			serve(t, join(t, e, RoleWorker, "worker"), worker{render: func(ctx context.Context, _ tile.Job) (tile.Result, error) {
				handler <- ctx
				return tile.Result{Size: size, Body: body}, nil
			}}, ServerConfig{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			res, err := client.Render(ctx, tile.Job{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(res.Body, make([]byte, chunkSize)); err != nil {
				t.Fatal(err)
			}
			if work := <-handler; work.Err() != nil {
				t.Errorf("the handler's context ended while its body was being sent: %v", work.Err())
			}
			f(res.Body, cancel)
			within(t, "the worker's body is closed", body.closed)
			if _, err := io.Copy(io.Discard, res.Body); err == nil {
				t.Error("a stream that was left reads to a clean end")
			}
			_ = res.Body.Close()
		})
	}
}

func TestReaderThatNeverReadsIsGivenUp(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	const size = 100 * chunkSize
	body := newClosing(bytes.NewReader(noise(size)))
	serve(t, join(t, e, RoleWorker, "worker"), worker{render: func(context.Context, tile.Job) (tile.Result, error) {
		return tile.Result{Size: size, Body: body}, nil
	}}, ServerConfig{Credit: 50 * time.Millisecond})
	res, err := client.Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing to lose
	within(t, "the worker gives up", body.closed)
	if n, err := io.Copy(io.Discard, res.Body); err == nil || n >= size {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func TestTooManyStreamsAtAWorkerIsBusy(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	large := noise(20 * chunkSize)
	serve(t, join(t, e, RoleWorker, "worker"), rendering(large), ServerConfig{Streams: 1})
	first, err := client.Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Render(t.Context(), tile.Job{})
	wantCode(t, err, tile.Busy)
	if !bytes.Equal(readAll(t, first.Body), large) {
		t.Error("body differs")
	}
}

func TestOpenStreamsTakeNoJobSlot(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	large := noise(20 * chunkSize)
	serve(t, join(t, e, RoleWorker, "worker"), rendering(large), ServerConfig{Jobs: 1})
	var open []tile.Result
	for i := range 3 {
		res, err := client.Render(t.Context(), tile.Job{})
		if err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		open = append(open, res)
	}
	for _, res := range open {
		if !bytes.Equal(readAll(t, res.Body), large) {
			t.Error("body differs")
		}
	}
}

func TestLostGrantIsRepeated(t *testing.T) {
	e := startServer(t)
	worker := join(t, e, RoleWorker, "worker")
	flow := flowSubject(worker.user, newToken(), newToken())
	s := &sender{service: jobs, nc: worker.bulk.nc, chunk: chunkSize, first: patience, stall: patience, wake: make(chan struct{}, 1)}
	large := noise(20 * chunkSize)
	heard := 0
	subscribe(t, worker, flow, func(m *nats.Msg) {
		if heard++; heard > 1 {
			s.control(m)
		}
	})
	subscribe(t, worker, jobs.subject(kindRender), func(m *nats.Msg) {
		reply := nats.NewMsg(m.Reply)
		reply.Header = head{size: int64(len(large)), stream: flow}.header()
		_ = worker.bulk.nc.PublishMsg(reply)
	})
	sent := make(chan error, 1)
	go func() { sent <- s.send(t.Context(), bytes.NewReader(large), int64(len(large))) }()
	res, err := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{}).Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readAll(t, res.Body), large) {
		t.Error("body differs")
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestGrantsAreBelievedUpToAWindow(t *testing.T) {
	s := &sender{service: jobs, wake: make(chan struct{}, 1), stop: func(error) {}}
	inbox := answerRoot + "e1.job.x"
	control := func(kind frameKind, seq uint32, reply string) {
		m := nats.NewMsg("tessera.flow.a.b.c")
		m.Reply, m.Data = reply, encodeFrame(kind, seq, nil)
		s.control(m)
	}
	for _, foreign := range []string{revisionSubject, "$KV.policy.x", inboxRoot + "coordinator.c1.x", answerRoot + "*.job.x", answerRoot + "e1.x", answerRoot + "e1.authority.x"} {
		// Would let an edge have us write anywhere.
		if control(frameGrant, 5, foreign); s.granted != 0 || s.to != "" {
			t.Errorf("granted %d to %q by a foreign subject", s.granted, s.to)
		}
	}
	control(frameGrant, 1<<31, inbox)
	if s.granted != window || s.to != inbox {
		t.Errorf("granted %d to %q, want %d to %q", s.granted, s.to, window, inbox)
	}
	control(frameGrant, 1, answerRoot+"e2.job.x")
	if s.granted != window || s.to != inbox {
		t.Errorf("a late grant changed the stream: %d to %q", s.granted, s.to)
	}
	s.sent = 3
	control(frameGrant, 1<<31, inbox)
	if s.granted != window+3 {
		t.Errorf("granted %d after 3 chunks, want %d", s.granted, window+3)
	}
	var stopped error
	s.stop = func(err error) { stopped = err }
	control(frameStop, 0, inbox)
	if !errors.Is(stopped, errStopped) {
		t.Errorf("stopped with %v", stopped)
	}
}

func TestSenderThatDiesIsNoticedAtTheNextGrant(t *testing.T) {
	e := startServer(t)
	conn := join(t, e, RoleWorker, "worker")
	s := serveUndrained(t, conn, rendering(noise(10*window*chunkSize)), ServerConfig{})
	res, err := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{Stall: time.Hour}).Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing to lose
	if _, err := io.ReadFull(res.Body, make([]byte, chunkSize)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	_, err = io.Copy(io.Discard, res.Body)
	wantCode(t, err, tile.Unavailable)
	if err := s.Drain(t.Context()); err == nil {
		t.Error("a drain without a connection went well")
	}
}
