// Package look holds what every page shares: the style sheet and the mark.
package look

import (
	"crypto/sha256"
	_ "embed" // the files below
	"encoding/hex"
	"html/template"
	"net/http"
)

//go:embed tessera.css
var style []byte

//go:embed mark.svg
var mark string

// Version changes when the style sheet does; pages ask for it as ?v=.
var Version = func() string {
	sum := sha256.Sum256(style)
	return hex.EncodeToString(sum[:6])
}()

// Mark is the 3×3 mosaic with one tile set apart, for use within a page.
func Mark() template.HTML {
	return template.HTML(mark) //nolint:gosec // our own file
}

// ServeStyle answers with the style sheet, cacheable for a year under its version.
func ServeStyle(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(style)
}

// ServeMark answers with the mark as an icon.
func ServeMark(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write([]byte(mark))
}
