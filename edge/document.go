package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/klauspost/compress/gzip"
)

// answerDocument is a JSON document ready to be sent to one client.
type answerDocument struct {
	body      []byte
	mediaType string
	encoding  string   // Content-Encoding; empty: none
	vary      string   // request headers that chose this form, "Accept"
	control   []string // Cache-Control; nil: only the reader's own cache may keep it, and asks each time
}

// etag differs between forms of the same document.
func (d answerDocument) etag() string {
	sum := sha256.New()
	sum.Write(d.body)
	sum.Write([]byte(d.mediaType))
	return `"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:18]) + `"`
}

// sendDocument answers 200 or 304. Only callers who have checked rights may call it.
func (x *exchange) sendDocument(d answerDocument) {
	h := x.header()
	h["Cache-Control"], h["Vary"] = privateNoCache, []string{d.vary + ", " + variesByReader}
	switch {
	case d.control == nil:
	case isPublic(d.control):
		// The description of an open image still changes for a client that sends a token
		// the moment the image is restricted; a page's cookies never make a difference.
		h["Cache-Control"], h["Vary"] = d.control, []string{d.vary + ", Authorization"}
	default:
		h["Cache-Control"] = d.control
	}
	if d.encoding != "" {
		h["Content-Encoding"] = []string{d.encoding}
	}
	etag := d.etag()
	h["Etag"] = []string{etag}
	if matches(x.r.Header["If-None-Match"], etag) {
		x.notModified()
		return
	}
	x.send(http.StatusOK, []string{d.mediaType}, d.body)
}

// minGzip is the size below which compressing costs more than it saves.
const minGzip = 1 << 10

// compress gives the gzip form of a document, or nil where it does not pay.
func compress(body []byte) []byte {
	if len(body) < minGzip {
		return nil
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(body)
	if err != nil || w.Close() != nil {
		return nil // a buffer takes everything
	}
	return out.Bytes()
}

func acceptsGzip(h http.Header) bool {
	a := parseAccept(h.Get("Accept-Encoding"))
	if q, named := a["gzip"]; named {
		return q > 0
	}
	return a["*"] > 0
}
