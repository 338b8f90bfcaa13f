package s3test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Faults is a way to the server that can be made a bad one.
type Faults struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// Faults opens one, which ends with the test.
func (s *Server) Faults(t testing.TB) *Faults {
	t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	f := &Faults{t: t, proxy: toxiproxy.NewProxy(api, t.Name(), "127.0.0.1:0", s.Address)}
	if err := f.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.proxy.Stop)
	return f
}

// Endpoint is the address of the way.
func (f *Faults) Endpoint() string { return "http://" + f.proxy.Listen }

// Add makes answers bad in one of toxiproxy's ways, such as "latency" with
// {"latency": 100}. It replaces what was there.
func (f *Faults) Add(kind, attributes string) {
	f.t.Helper()
	f.Heal()
	_, err := f.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"type": %q, "stream": "downstream", "attributes": %s}`, kind, attributes)))
	if err != nil {
		f.t.Fatal(err)
	}
}

// Heal makes the way a good one again, without what was on it.
func (f *Faults) Heal() {
	f.t.Helper()
	f.Down()
	f.proxy.Toxics.ResetToxics(context.Background())
	f.Up()
}

// Down has connections refused until Up.
func (f *Faults) Down() { f.proxy.Stop() }

// Up undoes Down.
func (f *Faults) Up() {
	f.t.Helper()
	if err := f.proxy.Start(); err != nil {
		f.t.Fatal(err)
	}
}
