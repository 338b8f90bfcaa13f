package bus

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// logBridge hands the server's log to slog, its notices only as debug. A fatal line
// is kept: the server writes one and returns instead of giving an error.
type logBridge struct {
	log   *slog.Logger
	mu    sync.Mutex
	first error
}

func (b *logBridge) Noticef(format string, v ...any) { b.write(slog.LevelDebug, format, v) }
func (b *logBridge) Warnf(format string, v ...any)   { b.write(slog.LevelWarn, format, v) }
func (b *logBridge) Errorf(format string, v ...any)  { b.write(slog.LevelError, format, v) }
func (b *logBridge) Debugf(string, ...any)           {}
func (b *logBridge) Tracef(string, ...any)           {}

func (b *logBridge) Fatalf(format string, v ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.first == nil {
		b.first = fmt.Errorf(format, v...)
	}
}

func (b *logBridge) fatal() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.first
}

func (b *logBridge) write(level slog.Level, format string, v []any) {
	b.log.Log(context.Background(), level, "nats server", "text", fmt.Sprintf(format, v...))
}
