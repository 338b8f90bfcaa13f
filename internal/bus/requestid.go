package bus

import (
	"context"
	"strings"
)

type requestIDKey struct{}

// WithRequestID marks ctx with the id of the HTTP request that everything under it
// is done for. The bus carries it to whoever does the work. An id that is empty,
// longer than 128 bytes or not printable ASCII is not set.
func WithRequestID(ctx context.Context, id string) context.Context {
	if !isRequestID(id) {
		return ctx
	}
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID gives the id of WithRequestID, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func isRequestID(s string) bool {
	return s != "" && len(s) <= maxID && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
