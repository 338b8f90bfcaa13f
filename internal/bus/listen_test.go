package bus

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
)

// events publishes as an object store would.
func events(t *testing.T, k keys, url string) *nats.Conn {
	t.Helper()
	key, err := nats.NkeyOptionFromSeed(k.file(t, RoleStorage))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(url, key, nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestListenDropsWhatASlowHandlerLeavesNoRoomFor(t *testing.T) {
	k := makeKeys(t)
	url, _ := listening(t, k, 0)
	conn, store := dial(t, k, url, RoleWorker), events(t, k, url)
	entered, release := make(chan struct{}), make(chan struct{})
	var got []string // the handler's own until stop returns
	stop, err := Listen(conn, DefaultEvents, func(data []byte) {
		if got = append(got, string(data)); len(got) == 1 {
			close(entered)
			<-release
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	publish := func(name string) {
		if err := store.Publish(DefaultEvents, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	publish("first")
	within(t, "the handler begins", entered)
	const more = 3 * listenMessages
	for i := range more {
		publish(fmt.Sprint(i))
	}
	if err := store.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the rest is dropped", func() bool { return conn.Stats().Dropped >= more-listenMessages })
	if conn.Stats().SlowConsumers == 0 {
		t.Error("a slow listener is not counted as one")
	}
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	select {
	case <-stopped:
		t.Error("stop did not wait for the handler")
	default:
	}
	close(release)
	within(t, "stop", stopped)
	n := len(got)
	if n == 0 || got[0] != "first" {
		t.Errorf("heard %q", got)
	}
	publish("late")
	if err := store.Flush(); err != nil {
		t.Fatal(err)
	}
	stop() // harmless
	if dropped := conn.Stats().Dropped; len(got) != n || dropped < more-listenMessages {
		t.Errorf("heard %d more, %d dropped after the end", len(got)-n, dropped)
	}
}

func TestListenEndsWithTheConnection(t *testing.T) {
	k := makeKeys(t)
	url, _ := listening(t, k, 0)
	conn := dial(t, k, url, RoleWorker)
	stop, err := Listen(conn, DefaultEvents, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	stop()
	if _, err := Listen(conn, DefaultEvents, func([]byte) {}); err == nil {
		t.Error("listens on a closed connection")
	}
	if _, err := Listen(dial(t, k, url, RoleEdge), DefaultEvents, func([]byte) {}); err == nil {
		t.Error("an edge listens to an object store")
	}
}
