package bus

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// A frame is one message of a stream:
//
//	byte 0     kind
//	bytes 1-4  sequence number, big endian
//	bytes 5-8  CRC-32C of bytes 0-4 and of the payload, big endian
//	bytes 9-   payload
type frame struct {
	kind    frameKind
	seq     uint32
	payload []byte
}

type frameKind byte

const (
	frameData  frameKind = 'D' // payload: 1 to chunkSize bytes of the body; seq counts from 0
	frameEnd   frameKind = 'E' // payload: size and XXH64 of the body, 8 bytes each; seq: number of data frames
	frameError frameKind = 'X' // payload: JSON of failure; seq: number of data frames before it
	frameGrant frameKind = 'G' // receiver to sender; seq: number of data frames allowed in all
	frameStop  frameKind = 'S' // receiver to sender: nobody reads any more
)

const (
	frameHeader = 9
	chunkSize   = 128 << 10
	window      = 8  // data frames on the way, at most: 1 MiB
	maxStreams  = 48 // streams into one connection at a time
)

// A NATS server cuts off a connection for which 64 MiB wait to be delivered. All
// streams of a connection together stay below that even when it reads nothing.
const _ uint = 60<<20 - maxStreams*window*(chunkSize+1<<10)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal turns buf, whose first frameHeader bytes are free and whose rest is the
// payload, into a frame.
func seal(buf []byte, kind frameKind, seq uint32) []byte {
	buf[0] = byte(kind)
	binary.BigEndian.PutUint32(buf[1:5], seq)
	binary.BigEndian.PutUint32(buf[5:9], frameSum(buf))
	return buf
}

func encodeFrame(kind frameKind, seq uint32, payload []byte) []byte {
	buf := make([]byte, frameHeader, frameHeader+len(payload))
	return seal(append(buf, payload...), kind, seq)
}

func frameSum(buf []byte) uint32 {
	return crc32.Update(crc32.Checksum(buf[:5], castagnoli), castagnoli, buf[frameHeader:])
}

// parseFrame checks length, kind and CRC; payload shares memory with buf.
func parseFrame(buf []byte) (frame, error) {
	if len(buf) < frameHeader || len(buf) > frameHeader+chunkSize {
		return frame{}, fmt.Errorf("frame of %d bytes", len(buf))
	}
	if binary.BigEndian.Uint32(buf[5:9]) != frameSum(buf) {
		return frame{}, errors.New("frame with a wrong checksum")
	}
	f := frame{kind: frameKind(buf[0]), seq: binary.BigEndian.Uint32(buf[1:5]), payload: buf[frameHeader:]}
	switch f.kind {
	case frameData, frameEnd, frameError, frameGrant, frameStop:
		return f, nil
	}
	return frame{}, fmt.Errorf("frame of unknown kind %q", f.kind)
}

func endPayload(size int64, sum uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(size)), sum)
}

func parseEnd(payload []byte) (size int64, sum uint64, err error) {
	if len(payload) != 16 {
		return 0, 0, errors.New("malformed end of stream")
	}
	return int64(binary.BigEndian.Uint64(payload)), binary.BigEndian.Uint64(payload[8:]), nil
}

// failure is why a sender could not finish a stream.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

func errorPayload(err *tile.Error) []byte {
	payload, _ := json.Marshal(failure{Code: string(err.Code), Message: clip(err.Message)}) // two strings: cannot fail
	return payload
}

func parseError(payload []byte) *tile.Error {
	var f failure
	if err := json.Unmarshal(payload, &f); err != nil {
		return tile.Fail(tile.Internal, "", fmt.Errorf("malformed failure of a stream: %w", err))
	}
	return tile.Fail(knownCode(f.Code), clip(f.Message), nil)
}
