// Package ops is what every role needs to be run: logs, metrics, health, and an
// orderly start and stop.
package ops

import (
	"context"
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
// terminal). The level can be changed while the process runs. A line that is logged
// with a context carries the id of the request it is about, as requestID finds it.
func NewLogger(w io.Writer, format string, level *slog.LevelVar, requestID func(context.Context) string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if format == "text" || (format == "auto" && isTerminal(w)) {
		return slog.New(tagged{slog.NewTextHandler(w, options), requestID})
	}
	return slog.New(tagged{slog.NewJSONHandler(w, options), requestID})
}

// tagged adds the id of the request to every line about one.
type tagged struct {
	slog.Handler
	requestID func(context.Context) string
}

func (t tagged) Handle(ctx context.Context, r slog.Record) error {
	if id := t.requestID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request", id))
	}
	return t.Handler.Handle(ctx, r)
}

func (t tagged) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tagged{t.Handler.WithAttrs(attrs), t.requestID}
}

func (t tagged) WithGroup(name string) slog.Handler {
	return tagged{t.Handler.WithGroup(name), t.requestID}
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
