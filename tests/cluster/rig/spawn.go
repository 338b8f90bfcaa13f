package rig

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
)

// spawner starts processes from one operating system thread that lives as long as they:
// the kernel ends them when it does, so that nothing is left of a test that was killed.
type spawner struct {
	orders chan func()
	ended  chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{orders: make(chan func()), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		runtime.LockOSThread()
		for order := range s.orders {
			order()
		}
	}()
	return s
}

func (s *spawner) run(order func() error) error {
	done := make(chan error, 1)
	s.orders <- func() { done <- order() }
	return <-done
}

// stop ends the thread; all processes must be gone.
func (s *spawner) stop() {
	close(s.orders)
	<-s.ended
}

// freePorts finds neighbouring ports that nobody listens on, below those that systems
// give out by themselves: a process that is started again finds its own still free.
func freePorts(ctx context.Context, n int) ([]int, error) {
	const lowest, highest = 20000, 30000
	for range 200 {
		first := lowest + rand.IntN(highest-lowest-n) //nolint:gosec // a port is no secret
		ports := make([]int, n)
		for i := range ports {
			ports[i] = first + i
		}
		if allFree(ctx, ports) {
			return ports, nil
		}
	}
	return nil, errors.New("no neighbouring ports are free")
}

func allFree(ctx context.Context, ports []int) bool {
	for _, p := range ports {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
