package edge

import (
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// exchange is one request and what has become of it.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	route  *route
	path   string // as sent, still escaped
	kind   string // for metrics
	json   bool   // errors as JSON
	id     string // request id
	site   site
	client netip.Addr

	started    time.Time
	authorised time.Duration // spent until rights were known
	writeLimit time.Duration
	budget     *budget
	gate       *gate   // where this request has a place, until release
	status     int     // 0: nothing sent yet
	cache      string  // X-Tessera-Cache
	verdict    verdict // of a probe, where it refuses
}

func (x *exchange) header() http.Header { return x.w.Header() }

// release gives the place at the gate back. More than once is harmless.
func (x *exchange) release() {
	if x.gate != nil {
		x.gate.leave()
		x.gate = nil
	}
}

// send writes a whole answer from memory. Who is slow to take it no longer keeps
// others from working.
func (x *exchange) send(status int, contentType []string, body []byte) {
	h := x.header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.release()
	x.begin(status)
	if x.r.Method != http.MethodHead {
		_, _ = paced{x}.Write(body) // a client that left is nobody's error
	}
}

// notModified answers 304; the headers are those of the full answer.
func (x *exchange) notModified() {
	x.begin(http.StatusNotModified)
}

func (x *exchange) begin(status int) {
	x.status = status
	x.extendWrite()
	x.w.WriteHeader(status)
}

// extendWrite gives the client a fresh while to take the next bytes. Recorders in
// tests know no deadlines, and real connections always do.
func (x *exchange) extendWrite() {
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.writeLimit))
}

// endWrite takes the deadline off.
func (x *exchange) endWrite() {
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{})
}

// chunk is what a client has to take within the write limit.
const chunk = 256 << 10

// paced writes in chunks, each with a deadline of its own, so that a slow client is
// cut off for its pace and never for the size of what it asked for.
type paced struct{ x *exchange }

func (p paced) Write(body []byte) (int, error) {
	written := 0
	for written < len(body) {
		if written > 0 {
			p.x.extendWrite()
		}
		n, err := p.x.w.Write(body[written:min(written+chunk, len(body))])
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// stream sends a large result through as it comes.
func (x *exchange) stream(result *tile.Result) error {
	x.budget.settle()
	x.header()["Content-Length"] = []string{strconv.FormatInt(result.Size, 10)}
	x.begin(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return nil
	}
	buf := make([]byte, chunk)
	for {
		n, readErr := result.Body.Read(buf)
		if n > 0 {
			x.extendWrite()
			if _, err := x.w.Write(buf[:n]); err != nil {
				return nil // the client left or was too slow; net/http ends the connection
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return readErr
		}
	}
}
