package rig

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Gate is what lies between a process and a server: a TCP relay that a test can close.
type Gate struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	open  *sync.Cond // of mu
	state gateState
	pairs map[net.Conn]struct{}
	going sync.WaitGroup
}

type gateState int

const (
	passing gateState = iota
	stalled           // nothing comes through and nobody is told
	cut               // connections are reset and none is taken
	ended
)

// newGate relays what comes to listen until Close.
func newGate(ctx context.Context, listen, target string) (*Gate, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("gate before %s: %w", target, err)
	}
	g := &Gate{listener: l, target: target, pairs: map[net.Conn]struct{}{}}
	g.open = sync.NewCond(&g.mu)
	g.going.Go(g.accept)
	return g, nil
}

// Stall lets nothing through any more, as a network does that loses everything.
func (g *Gate) Stall() { g.turn(stalled) }

// Cut ends connections and takes no new ones, as a firewall does that resets.
func (g *Gate) Cut() { g.turn(cut) }

// Heal lets everything through again, also what was stalled.
func (g *Gate) Heal() { g.turn(passing) }

// Close ends the gate for good and waits for what it does.
func (g *Gate) Close() {
	_ = g.listener.Close()
	g.turn(ended)
	g.going.Wait()
}

func (g *Gate) turn(s gateState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = s
	if s == cut || s == ended {
		for c := range g.pairs {
			_ = c.Close()
		}
	}
	g.open.Broadcast()
}

// pass waits while the gate is stalled and tells whether to go on.
func (g *Gate) pass() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.state == stalled {
		g.open.Wait()
	}
	return g.state == passing
}

func (g *Gate) accept() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return // closed
		}
		g.going.Go(func() { g.relay(c) })
	}
}

func (g *Gate) relay(near net.Conn) {
	defer func() { _ = near.Close() }()
	if !g.pass() {
		return
	}
	far, err := net.Dial("tcp", g.target) //nolint:noctx // loopback: it is there or not
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	if !g.keep(near, far) {
		return
	}
	defer g.drop(near, far)
	var both sync.WaitGroup
	both.Go(func() { g.copy(far, near) })
	g.copy(near, far)
	both.Wait()
}

// copy ends both directions with either.
func (g *Gate) copy(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !g.pass() {
			return
		}
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return // io.EOF or a fault: the same to the other side
		}
	}
}

func (g *Gate) keep(pair ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == cut || g.state == ended {
		return false
	}
	for _, c := range pair {
		g.pairs[c] = struct{}{}
	}
	return true
}

func (g *Gate) drop(pair ...net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range pair {
		delete(g.pairs, c)
	}
}
