// Package ops is what every role needs to be run: logs, metrics, health, and an
// orderly start and stop.
package ops

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// secretKeys are attribute names whose values never reach a log, whoever logs them.
var secretKeys = []string{"cookie", "set-cookie", "authorization", "password", "token", "secret", "session_secret", "credential"}

// NewLogger writes to w in the given format (text, json, or auto: text on a
// terminal). The level can be changed while the process runs.
func NewLogger(w io.Writer, format string, level *slog.LevelVar) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if format == "text" || (format == "auto" && isTerminal(w)) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func redact(_ []string, a slog.Attr) slog.Attr {
	if slices.Contains(secretKeys, strings.ToLower(a.Key)) {
		return slog.String(a.Key, "[redacted]")
	}
	return a
}
