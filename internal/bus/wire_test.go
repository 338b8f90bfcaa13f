package bus

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

func TestHeadRoundTrip(t *testing.T) {
	cases := map[string]head{
		"inline": {kind: "image/jpeg", size: 30_000, checksum: 0xfeed, cache: tile.FromMiss, worker: "w-1"},
		"stream": {kind: "image/png", size: maxSize, stream: flowSubject("u", "r", "s"), timing: tile.Timing{Encode: time.Second}, damaged: true},
		"empty":  {},
		"doc":    {kind: "application/json", version: `"1-2-3"`, size: 2, checksum: 1},
		"error":  {err: tile.Fail(tile.Broken, "the file ends early", nil)},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseHead(want.header())
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func TestHeadRefused(t *testing.T) {
	good := head{kind: "image/jpeg", size: 1, checksum: 1}.header()
	for name, change := range map[string]func(nats.Header){
		"no size":           func(h nats.Header) { h.Del(headerSize) },
		"negative size":     func(h nats.Header) { h.Set(headerSize, "-1") },
		"size not a number": func(h nats.Header) { h.Set(headerSize, "1e3") },
		"endless size":      func(h nats.Header) { h.Set(headerSize, "1099511627777") },
		"no checksum":       func(h nats.Header) { h.Del(headerChecksum) },
		"bad checksum":      func(h nats.Header) { h.Set(headerChecksum, "xyz") },
		"stream elsewhere":  func(h nats.Header) { h.Set(headerStream, "tessera.job.render") },
		"stream wildcard":   func(h nats.Header) { h.Set(headerStream, "tessera.flow.*.>") },
		"bad timing":        func(h nats.Header) { h.Set(headerTiming, "soon") },
	} {
		t.Run(name, func(t *testing.T) {
			h := nats.Header{}
			for k, v := range good {
				h[k] = v
			}
			change(h)
			if got, err := parseHead(h); err == nil {
				t.Errorf("accepted as %+v", got)
			}
		})
	}
	if _, err := parseHead(nil); err == nil {
		t.Error("a message without headers is not a reply")
	}
}

func TestUnknownCodeIsInternal(t *testing.T) {
	h, err := parseHead(nats.Header{headerCode: {"melted"}})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, h.err, tile.Internal)
}

// TestGarbageIsAnswered: what no client of ours sends gets an answer, and the
// server lives on.
func TestGarbageIsAnswered(t *testing.T) {
	e := startServer(t)
	conn := join(t, e, RoleEdge, "edge")
	answering := join(t, e, RoleWorker, "worker")
	serve(t, answering, worker{
		info:   func(_ context.Context, id string) (tile.Image, error) { return tile.Image{ID: id}, nil },
		render: rendering([]byte("x")).render,
	}, ServerConfig{})
	request := func(kind, data string) *nats.Msg {
		return newRequest(jobs.subject(kind), newToken(), "", time.Minute, []byte(data))
	}
	with := func(m *nats.Msg, header, value string) *nats.Msg {
		m.Header.Set(header, value)
		return m
	}
	for name, c := range map[string]struct {
		m    *nats.Msg
		want tile.Code
	}{
		"no headers":     {nats.NewMsg(jobs.subject(kindInfo)), tile.Invalid},
		"bad budget":     {with(request(kindInfo, "{}"), headerBudget, "soon"), tile.Invalid},
		"no budget":      {with(request(kindInfo, "{}"), headerBudget, ""), tile.Invalid},
		"zero budget":    {with(request(kindInfo, "{}"), headerBudget, "0"), tile.Timeout},
		"huge budget":    {with(request(kindInfo, "{}"), headerBudget, "2562047h"), ""},
		"overflow":       {with(request(kindInfo, "{}"), headerBudget, "99999999999h"), tile.Invalid},
		"job with dots":  {with(request(kindInfo, "{}"), headerJob, "a.b"), tile.Invalid},
		"bad request id": {with(request(kindInfo, "{}"), headerRequest, "a b\x01"), ""},
		"unknown kind":   {request("destroy", "{}"), tile.Unsupported},
		"not JSON":       {request(kindRender, "\x00\xff"), tile.Invalid},
		"other JSON":     {request(kindRender, "[1,2]"), tile.Invalid},
		"empty":          {request(kindList, ""), tile.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			reply, err := conn.tiles.nc.RequestMsg(c.m, patience)
			if err != nil {
				t.Fatal(err)
			}
			h, err := parseHead(reply.Header)
			if err != nil {
				t.Fatal(err)
			}
			if got := codeOf(h); got != c.want {
				t.Errorf("code %q, want %q", got, c.want)
			}
		})
	}
	for subject, from := range map[string]*Conn{
		jobs.cancelSubject(): conn, flowSubject(answering.user, "x", "y"): conn, conn.streams[jobs].base + ".x": answering,
	} {
		if err := from.tiles.nc.PublishRequest(subject, "tessera.revision", []byte("\x00garbage")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewClient(conn, ClientConfig{}).Info(t.Context(), "x"); err != nil {
		t.Errorf("after the garbage: %v", err)
	}
}

func codeOf(h head) tile.Code {
	if h.err == nil {
		return ""
	}
	return h.err.Code
}

// TestAnswersGoToInboxesOnly: an edge must not be able to have a worker write where
// the edge itself may not (R22).
func TestAnswersGoToInboxesOnly(t *testing.T) {
	e := startServer(t)
	conn := join(t, e, RoleEdge, "edge")
	serve(t, join(t, e, RoleWorker, "worker"), worker{info: func(context.Context, string) (tile.Image, error) {
		return tile.Image{}, nil
	}}, ServerConfig{})
	heard := make(chan *nats.Msg, 1)
	if _, err := conn.tiles.nc.ChanSubscribe(revisionSubject, heard); err != nil {
		t.Fatal(err)
	}
	m := newRequest(jobs.subject(kindInfo), newToken(), "", time.Minute, []byte(`{"name":"x"}`))
	m.Reply = revisionSubject
	if err := conn.tiles.nc.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
	// The worker takes requests in turn: when it has answered the next, it has passed over this one.
	if _, err := NewClient(conn, ClientConfig{}).Info(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 0 {
		t.Error("the worker answered to a subject of the asker's choice")
	}
}

func TestRequestID(t *testing.T) {
	for id, want := range map[string]string{
		"req-1": "req-1", "": "", "a b": "", "a\r\nTessera-Code: x": "", strings.Repeat("x", 129): "", "ä": "",
	} {
		if got := RequestID(WithRequestID(t.Context(), id)); got != want {
			t.Errorf("%q was kept as %q, want %q", id, got, want)
		}
	}
}

func TestFrameRoundTrip(t *testing.T) {
	f := func(seq uint32, payload []byte) bool {
		got, err := parseFrame(encodeFrame(frameData, seq, payload))
		return err == nil && got.kind == frameData && got.seq == seq && bytes.Equal(got.payload, payload)
	}
	if err := quick.Check(f, nil); err != nil {
		t.Error(err)
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add(encodeFrame(frameData, 7, []byte("payload")))
	f.Add(encodeFrame(frameEnd, 1, endPayload(7, 9)))
	f.Add(encodeFrame(frameError, 1, errorPayload(tile.Fail(tile.Broken, "x", errors.New("y")))))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseFrame(data)
		if err != nil {
			return
		}
		if again := encodeFrame(got.kind, got.seq, got.payload); !bytes.Equal(again, data) {
			t.Errorf("%x reads and writes as %x", data, again)
		}
		if _, _, err := parseEnd(got.payload); (err == nil) != (len(got.payload) == 16) {
			t.Errorf("end of %d bytes: %v", len(got.payload), err)
		}
		if e := parseError(got.payload); e.Code == "" || len(e.Message) > maxMessage {
			t.Errorf("failure %+v", e)
		}
	})
}

func FuzzParseHead(f *testing.F) {
	f.Add("", "", "30000", "00000000000000ff", "", `{"queue":1}`)
	f.Add("broken", "sentence", "", "", "tessera.flow.a.b.c", "")
	f.Fuzz(func(t *testing.T, code, message, size, sum, stream, timing string) {
		h, err := parseHead(nats.Header{
			headerCode: {code}, headerMessage: {message}, headerSize: {size},
			headerChecksum: {sum}, headerStream: {stream}, headerTiming: {timing},
		})
		if err != nil {
			return
		}
		if h.err != nil && (len(h.err.Message) > maxMessage || h.err.Code == "") {
			t.Errorf("error %+v", h.err)
		}
		if h.size < 0 || h.size > maxSize || (h.stream != "" && !isFlow(h.stream)) {
			t.Errorf("head %+v", h)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	f.Add("tessera.job.info", "JOB", "1.5s", "req", []byte(`{"name":"x"}`))
	f.Add("tessera.job.", "", "-1ns", "\n", []byte{0})
	f.Fuzz(func(t *testing.T, subject, job, budget, id string, data []byte) {
		m := nats.NewMsg(subject)
		m.Header.Set(headerJob, job)
		m.Header.Set(headerBudget, budget)
		m.Header.Set(headerRequest, id)
		m.Data = data
		r, err := parseRequest(m)
		if err != nil {
			return
		}
		if !isWord(r.job) || r.budget > maxBudget || (r.requestID != "" && !isRequestID(r.requestID)) {
			t.Errorf("request %+v", r)
		}
		if j, err := decode[tile.Job](data); err == nil && !utf8.ValidString(j.ID) {
			t.Errorf("identifier %q is not UTF-8", j.ID)
		}
	})
}
