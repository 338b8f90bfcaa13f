package protocol

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

const prefix = 4

// AppendFrame appends the frame of a request or reply, without the raw bytes after it.
func AppendFrame(to []byte, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	if len(body) > MaxHeader {
		return nil, fmt.Errorf("frame of %d bytes, at most %d", len(body), MaxHeader)
	}
	to = binary.BigEndian.AppendUint32(to, uint32(len(body)))
	return append(to, body...), nil
}

// ReadHeader reads the JSON of the next frame. io.EOF means that there is none.
func ReadHeader(r io.Reader) ([]byte, error) {
	var head [prefix]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxHeader {
		return nil, fmt.Errorf("frame of %d bytes, at most %d", n, MaxHeader)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("frame cut short: %w", err)
	}
	return body, nil
}

// ReadReply reads the next reply; Size raw bytes follow it.
func ReadReply(r io.Reader) (Reply, error) {
	body, err := ReadHeader(r)
	if err != nil {
		return Reply{}, err
	}
	var reply Reply
	if err := json.Unmarshal(body, &reply); err != nil {
		return Reply{}, fmt.Errorf("malformed reply: %w", err)
	}
	if reply.Size < 0 {
		return Reply{}, fmt.Errorf("reply of %d bytes", reply.Size)
	}
	return reply, nil
}
