package decoder

import (
	"runtime"
	"sync"
)

// spawner starts children from one operating system thread that lives as long as they:
// the kernel kills a child with Pdeathsig when the thread that started it ends.
type spawner struct {
	orders chan func()
	ended  chan struct{}
	close  func() // once
}

func newSpawner() *spawner {
	s := &spawner{orders: make(chan func()), ended: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.orders) })
	go func() {
		defer close(s.ended)
		runtime.LockOSThread()
		for order := range s.orders {
			order()
		}
	}()
	return s
}

// stop ends the thread; all children must be gone.
func (s *spawner) stop() {
	s.close()
	<-s.ended
}

// run has the thread do one thing, and waits for it.
func (s *spawner) run(order func() error) error {
	done := make(chan error, 1)
	s.orders <- func() { done <- order() }
	return <-done
}
