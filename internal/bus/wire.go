// Package bus carries jobs from edges to workers, questions about people to the
// coordinator, and word of changed rights back, over NATS. It is the only package
// that knows NATS.
//
// # Subjects
//
//	tessera.job.<kind>                 jobs: render, info, manifest, list, capabilities; queue group of the workers
//	tessera.authority.<kind>           questions: lookup, identity, rights; queue group of the coordinators
//	tessera.cancel.<service>           job ids whose caller has left; every member hears them
//	tessera.flow.<user>.<responder>.<stream>  credit for one stream, and its end, from the receiver
//	tessera.revision                   newest revision of rights, decimal, every second
//	tessera.state.<role>.<user>        how a part of the cluster is, in JSON, every two seconds
//	tessera.turn.<user>                what a worker wants to do for all, or does, for the other workers; see Turns
//	tessera.purge                      what edges and workers are to forget, in JSON
//	tessera.inbox.coordinator.<user>.job.<random>.>  lists for one coordinator, by workers
//	tessera.inbox.edge.<user>.<service>.<random>.>  replies and chunks for one connection, by those of the service alone
//
// <user> is who a connection authenticates as: the public key of its nkey. Each user
// may hear the subjects with its own name alone; permissions.go has the table.
//
// Identifiers never stand in a subject: ".", "*" and ">" would change its meaning.
//
// # Requests
//
// The payload is JSON. Headers:
//
//	Tessera-Job         random id, for cancelling
//	Tessera-Budget      time left for the answer, as time.Duration prints it; a duration, because clocks differ
//	Tessera-Request-Id  the HTTP request it is done for, for logs
//
// # Replies
//
// A reply has these headers, see head. The payload is the body, unless
// Tessera-Stream is there.
//
//	Tessera-Code      a tile.Code; absent when all went well
//	Tessera-Message   with a code: a sentence fit for strangers
//	Tessera-Type      media type of the body
//	Tessera-Size      bytes of the body, always there without a code
//	Tessera-Checksum  XXH64 of an inline body, 16 hex digits
//	Tessera-Stream    subject that opens the stream of a body too large to be inline
//	Tessera-Version   version of a document
//	Tessera-Cache, Tessera-Worker, Tessera-Timing, Tessera-Damaged   as in tile.Result; timing in JSON
//
// # Streams
//
// The receiver opens a stream with a grant published to the subject in
// Tessera-Stream, naming its own subject as the reply. Grants count all chunks
// allowed since the beginning, so a lost or repeated one does no harm. The sender
// never has more than window chunks on the way and gives up when no grant comes in
// time. Every message is a frame (see frame.go) with a sequence number and CRC-32C;
// an end frame carries size and XXH64 of the whole. A body read to its end
// without error is therefore the body that was sent.
package bus

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	inboxRoot       = "tessera.inbox."
	answerRoot      = inboxRoot + "edge." // only edges ask, but for
	listRoot        = inboxRoot + "coordinator."
	listAnswers     = listRoot + "*.job.>" // lists, for coordinators
	revisionSubject = "tessera.revision"

	headerJob      = "Tessera-Job"
	headerBudget   = "Tessera-Budget"
	headerRequest  = "Tessera-Request-Id"
	headerCode     = "Tessera-Code"
	headerMessage  = "Tessera-Message"
	headerType     = "Tessera-Type"
	headerSize     = "Tessera-Size"
	headerChecksum = "Tessera-Checksum"
	headerStream   = "Tessera-Stream"
	headerVersion  = "Tessera-Version"
	headerCache    = "Tessera-Cache"
	headerWorker   = "Tessera-Worker"
	headerTiming   = "Tessera-Timing"
	headerDamaged  = "Tessera-Damaged"

	// The server's own answer to a message with a reply subject that nobody hears.
	headerStatus       = "Status"
	statusNoResponders = "503"
)

const (
	maxBudget  = 10 * time.Minute
	maxMessage = 1 << 10 // bytes of a sentence for strangers
	maxID      = 128     // bytes of a job or request id
	maxSize    = 1 << 40 // bytes of a body
)

// service is a set of questions answered by one queue group.
type service string

const (
	jobs      service = "job"
	authority service = "authority"
)

func (s service) subject(kind string) string { return "tessera." + string(s) + "." + kind }
func (s service) cancelSubject() string      { return "tessera.cancel." + string(s) }

func flowSubject(user, responder, stream string) string {
	return "tessera.flow." + user + "." + responder + "." + stream
}

// newToken gives a random, unguessable word that may stand in a subject.
func newToken() string { return rand.Text() }

func lastToken(subject string) string {
	return subject[strings.LastIndexByte(subject, '.')+1:]
}

// isWord tells whether s may stand in a subject as one token.
func isWord(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
	}) < 0
}

// answers are the subjects that those who serve s answer to, as a pattern.
func (s service) answers() string { return answerRoot + "*." + string(s) + ".>" }

// isInbox tells whether an answer of s may be published to subject. Without the check
// whoever may ask could have answers written anywhere the responder may write. The
// server holds the same rule.
func (s service) isInbox(subject string) bool {
	rest, ok := strings.CutPrefix(subject, answerRoot)
	if !ok && s == jobs {
		rest, ok = strings.CutPrefix(subject, listRoot)
	}
	if !ok || strings.ContainsAny(rest, "*> \t\r\n") {
		return false
	}
	words := strings.Split(rest, ".")
	return len(words) > 2 && words[1] == string(s) && !slices.Contains(words, "")
}

// request is a question as a responder receives it.
type request struct {
	kind      string
	job       string
	budget    time.Duration // not positive: spent before it came
	requestID string
	data      []byte
	reply     string
}

func newRequest(subject, job, requestID string, budget time.Duration, data []byte) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = data
	m.Header.Set(headerJob, job)
	m.Header.Set(headerBudget, budget.String())
	if requestID != "" {
		m.Header.Set(headerRequest, requestID)
	}
	return m
}

// parseRequest needs only what an answer cannot do without. A request id that is
// not one is dropped: it is for logs alone.
func parseRequest(m *nats.Msg) (request, error) {
	r := request{kind: lastToken(m.Subject), job: m.Header.Get(headerJob), data: m.Data, reply: m.Reply}
	if !isWord(r.job) {
		return request{}, errors.New("malformed job id")
	}
	budget, err := time.ParseDuration(m.Header.Get(headerBudget))
	if err != nil {
		return request{}, errors.New("malformed budget")
	}
	r.budget = min(budget, maxBudget)
	if id := m.Header.Get(headerRequest); isRequestID(id) {
		r.requestID = id
	}
	return r, nil
}

// head is everything of a reply but its body.
type head struct {
	err      *tile.Error // nil: all went well
	kind     string      // media type
	size     int64
	checksum uint64 // of an inline body
	stream   string // where to open the stream; "" for an inline body
	version  string
	cache    string
	worker   string
	timing   tile.Timing
	damaged  bool
}

func (h head) header() nats.Header {
	out := nats.Header{}
	set := func(name, value string) {
		if value != "" {
			out.Set(name, value)
		}
	}
	if h.err != nil {
		set(headerCode, string(h.err.Code))
		set(headerMessage, clip(h.err.Message))
		return out
	}
	set(headerType, h.kind)
	set(headerSize, strconv.FormatInt(h.size, 10))
	if h.stream == "" {
		set(headerChecksum, fmt.Sprintf("%016x", h.checksum))
	}
	set(headerStream, h.stream)
	set(headerVersion, h.version)
	set(headerCache, h.cache)
	set(headerWorker, h.worker)
	if h.timing != (tile.Timing{}) {
		timing, _ := json.Marshal(h.timing) // four integers: cannot fail
		set(headerTiming, string(timing))
	}
	if h.damaged {
		set(headerDamaged, "1")
	}
	return out
}

func parseHead(in nats.Header) (head, error) {
	if code := in.Get(headerCode); code != "" {
		return head{err: tile.Fail(knownCode(code), clip(in.Get(headerMessage)), nil)}, nil
	}
	h := head{
		kind: in.Get(headerType), stream: in.Get(headerStream), version: in.Get(headerVersion),
		cache: in.Get(headerCache), worker: in.Get(headerWorker), damaged: in.Get(headerDamaged) != "",
	}
	var err error
	if h.size, err = strconv.ParseInt(in.Get(headerSize), 10, 64); err != nil || h.size < 0 || h.size > maxSize {
		return head{}, errors.New("reply without a usable size")
	}
	if h.stream != "" && !isFlow(h.stream) {
		return head{}, errors.New("reply with a malformed stream subject")
	}
	if h.stream == "" {
		if h.checksum, err = strconv.ParseUint(in.Get(headerChecksum), 16, 64); err != nil {
			return head{}, errors.New("reply without a usable checksum")
		}
	}
	if timing := in.Get(headerTiming); timing != "" {
		if err := json.Unmarshal([]byte(timing), &h.timing); err != nil {
			return head{}, fmt.Errorf("reply with malformed timing: %w", err)
		}
	}
	return h, nil
}

// isFlow tells whether s is a subject that flowSubject makes.
func isFlow(s string) bool {
	rest, ok := strings.CutPrefix(s, "tessera.flow.")
	words := strings.Split(rest, ".")
	return ok && len(words) == 3 && isWord(words[0]) && isWord(words[1]) && isWord(words[2])
}

// knownCode takes a code of a newer or broken peer as an internal error.
func knownCode(s string) tile.Code {
	switch c := tile.Code(s); c {
	case tile.NotFound, tile.Invalid, tile.Unsupported, tile.Broken, tile.Changed,
		tile.Busy, tile.Unavailable, tile.Timeout, tile.Cancelled:
		return c
	}
	return tile.Internal
}

// clip bounds a sentence without cutting a character in two.
func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "")
}
