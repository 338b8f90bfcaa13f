package bus

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

func BenchmarkRender(b *testing.B) {
	for name, size := range map[string]int{"30KB": 30_000, "8MB": 8 << 20} {
		b.Run(name, func(b *testing.B) {
			e := startServer(b)
			client := NewClient(join(b, e, RoleEdge, "edge"), ClientConfig{})
			serve(b, join(b, e, RoleWorker, "worker"), rendering(noise(size)), ServerConfig{})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				res, err := client.Render(b.Context(), tile.Job{ID: "x"})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					b.Fatal(err)
				}
				_ = res.Body.Close()
			}
		})
	}
}

// crowd is the truth about as many sessions as anybody asks for, each of a reader of her
// own who is in three groups.
type crowd struct{}

func (crowd) Lookup(_ context.Context, kind session.Kind, hash session.Hash) (session.Credential, error) {
	id := hash.String()[:20]
	return session.Credential{
		Kind: kind, Session: id, Expires: time.Now().Add(time.Hour), Principal: authz.Principal{
			ID: id, Name: "Reader " + id[:8],
			Groups: []string{"readers", "staff of the library", "faculty of " + id[:1]},
		},
	}, nil
}

func (crowd) Identity(context.Context, string, string) (session.Credential, error) {
	return session.Credential{}, session.ErrUnknown
}

func (crowd) Rights(context.Context, int64) (session.Rights, error) {
	return session.Rights{Revision: 1, Complete: true}, nil
}

// BenchmarkSessions looks sessions up over the bus as an edge does, until it knows 100,000
// of them: what it holds then, in its heap and as resident memory, for each.
func BenchmarkSessions(b *testing.B) {
	const sessions = 100_000
	e := startServer(b)
	server, err := ServeAuthority(join(b, e, RoleCoordinator, "coordinator"), crowd{})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	authority := NewAuthority(join(b, e, RoleEdge, "edge"))
	for b.Loop() {
		heap, resident := memory(b)
		k := session.NewKeeper(session.Config{Authority: authority, Lease: time.Minute, Fallback: authz.Login, Now: time.Now, Log: quiet})
		for i := range sessions {
			if _, err := k.Find(b.Context(), session.KindSession, fmt.Sprint("secret ", i)); err != nil {
				b.Fatal(err)
			}
		}
		heapThen, residentThen := memory(b)
		b.ReportMetric(float64(heapThen-heap)/sessions, "heap-bytes/session")
		b.ReportMetric(float64(residentThen-resident)/sessions, "resident-bytes/session")
		runtime.KeepAlive(k)
	}
}

// memory is what the heap holds and what is resident, once all garbage is given back.
func memory(b *testing.B) (heap, resident int64) {
	b.Helper()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return int64(m.HeapAlloc), pages * int64(os.Getpagesize()) //nolint:gosec // far from 2⁶³
}
