//go:build cgo

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decode"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// largeBody is from where on the Go heap is given back after a task: the next one is
// unlikely to need as much.
const largeBody = 16 << 20

// serve does tasks until the parent closes the socket.
func serve(faults bool) error {
	p := &parent{fd: parentFD}
	if err := p.send(protocol.Reply{}, nil); err != nil {
		return err
	}
	for {
		req, data, err := p.receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := answer(p, req, data, faults); err != nil {
			return err
		}
	}
}

// answer does one task. An error says that the parent cannot be talked to any more.
func answer(p *parent, req protocol.Request, data input, faults bool) error {
	defer data.free()
	reply, result := do(req, data.bytes, faults)
	if result == nil {
		return p.send(reply, nil)
	}
	err := p.send(reply, result.Body)
	large := len(result.Body) > largeBody
	result.Free()
	if large {
		result = nil
		debug.FreeOSMemory()
	}
	decode.GiveBack()
	return err
}

func do(req protocol.Request, data []byte, faults bool) (protocol.Reply, *decode.Result) {
	switch req.Op {
	case protocol.Inspect:
		facts, err := decode.Inspect(data, req.Format)
		if err != nil {
			return failed(err), nil
		}
		return protocol.Reply{Facts: &facts}, nil
	case protocol.Render:
		result, err := decode.Render(data, req)
		if err != nil {
			return failed(err), nil
		}
		return protocol.Reply{
			Type: result.Type, Size: int64(len(result.Body)), Sizes: result.Sizes, Decode: result.Decode, Encode: result.Encode, Blocks: result.Blocks,
		}, result
	}
	if faults {
		fault(req.Op)
	}
	return failed(tile.Fail(tile.Invalid, "", fmt.Errorf("operation %q", req.Op))), nil
}

// causeBytes bounds what libraries say of an error, so that it fits into a frame.
const causeBytes = 400

func failed(err error) protocol.Reply {
	r := protocol.Reply{Code: tile.CodeOf(err), Cause: err.Error()}
	var e *tile.Error
	if errors.As(err, &e) {
		r.Message = e.Message
		if r.Cause = ""; e.Cause != nil {
			r.Cause = e.Cause.Error()
		}
	}
	r.Cause = r.Cause[:min(len(r.Cause), causeBytes)]
	return r
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		fmt.Fprintln(os.Stderr, "getrusage:", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
