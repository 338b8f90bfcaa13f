//go:build cgo

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// parent is the worker at the other end of the socket. Calls block: there is nothing
// else to do.
type parent struct {
	fd  int
	buf [protocol.MaxHeader + 4]byte
}

// input are the bytes of a task.
type input struct {
	bytes  []byte
	mapped bool
}

func (i input) free() {
	if i.mapped {
		_ = unix.Munmap(i.bytes) // fails for no mapping that Mmap has returned
	}
}

// receive waits for the next task. io.EOF means that there will be none.
func (p *parent) receive() (protocol.Request, input, error) {
	header, rest, fd, err := p.frame()
	if fd >= 0 {
		defer func() { _ = unix.Close(fd) }() // only the mapping is used
	}
	if err != nil {
		return protocol.Request{}, input{}, err
	}
	req, err := protocol.ParseRequest(header)
	if err != nil {
		return req, input{}, err
	}
	if req.Stream > 0 {
		data, err := p.stream(rest, req.Stream)
		return req, input{bytes: data}, err
	}
	data, err := mapFile(fd)
	return req, data, err
}

// frame reads until a whole header is there. What came after it is returned as rest;
// fd is the descriptor that came along, or -1.
func (p *parent) frame() (header, rest []byte, fd int, err error) {
	fd = -1
	for have := 0; ; {
		oob := make([]byte, unix.CmsgSpace(4))
		n, oobn, _, _, err := recvmsg(p.fd, p.buf[have:], oob)
		if err != nil {
			return nil, nil, fd, fmt.Errorf("receive: %w", err)
		}
		if n == 0 {
			return nil, nil, fd, io.EOF
		}
		if oobn > 0 && fd < 0 {
			fd = descriptor(oob[:oobn])
		}
		have += n
		if have < 4 {
			continue
		}
		size := int(binary.BigEndian.Uint32(p.buf[:]))
		if size > protocol.MaxHeader {
			return nil, nil, fd, errors.New("a frame too large")
		}
		if have >= 4+size {
			return p.buf[4 : 4+size], p.buf[4+size : have], fd, nil
		}
	}
}

func recvmsg(fd int, p, oob []byte) (n, oobn, flags int, from unix.Sockaddr, err error) {
	for {
		n, oobn, flags, from, err = unix.Recvmsg(fd, p, oob, unix.MSG_CMSG_CLOEXEC)
		if !errors.Is(err, unix.EINTR) {
			return n, oobn, flags, from, err
		}
	}
}

// descriptor takes the first descriptor out of a control message; -1 if there is none.
func descriptor(oob []byte) int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 {
		return -1
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	return fds[0]
}

func (p *parent) stream(rest []byte, size int64) ([]byte, error) {
	data := make([]byte, size)
	for have := copy(data, rest); have < len(data); {
		n, err := unix.Read(p.fd, data[have:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return nil, fmt.Errorf("receive a codestream: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		have += n
	}
	return data, nil
}

// mapFile maps a whole file for reading. An empty one, and a missing descriptor, are
// mapped to no bytes: what can be decoded is for the decoder to say.
func mapFile(fd int) (input, error) {
	var stat unix.Stat_t
	if fd < 0 {
		return input{}, nil
	}
	if err := unix.Fstat(fd, &stat); err != nil {
		return input{}, fmt.Errorf("stat: %w", err)
	}
	if stat.Size == 0 {
		return input{}, nil
	}
	data, err := unix.Mmap(fd, 0, int(stat.Size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return input{}, fmt.Errorf("map: %w", err)
	}
	return input{bytes: data, mapped: true}, nil
}

// send answers, with a body of the size that the reply tells.
func (p *parent) send(r protocol.Reply, body []byte) error {
	r.CPU = cpuTime()
	frame, err := protocol.AppendFrame(nil, r)
	if err != nil {
		return err
	}
	// One call for both: the parent wakes once for a tile.
	n, err := unix.Writev(p.fd, [][]byte{frame, body})
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("answer: %w", err)
	}
	n = max(n, 0)
	if n < len(frame) {
		if err := p.write(frame[n:]); err != nil {
			return err
		}
		n = len(frame)
	}
	return p.write(body[n-len(frame):])
}

func (p *parent) write(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(p.fd, b)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		b = b[n:]
	}
	return nil
}
