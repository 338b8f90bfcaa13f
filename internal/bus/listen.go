package bus

import (
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// What may wait for a slow listener.
const (
	listenMessages = 1024
	listenBytes    = 8 << 20
)

// Listen hands what is published on subject to handler, one message at a time. What
// a slow handler leaves no room for is dropped and counted, see Stats. stop returns
// when handler has ended; handler must not call it.
func Listen(c *Conn, subject string, handler func(data []byte)) (stop func(), err error) {
	return listen(c, subject, "", func(m *nats.Msg) { handler(m.Data) })
}

// ListenAmong is Listen where each message goes to one listener of the group.
func ListenAmong(c *Conn, subject, group string, handler func(data []byte)) (stop func(), err error) {
	return listen(c, subject, group, func(m *nats.Msg) { handler(m.Data) })
}

func listen(c *Conn, subject, group string, handler func(m *nats.Msg)) (stop func(), err error) {
	// Over the connection for streams: a burst must not hold up jobs.
	nc := c.bulk.nc
	var stopping, running sync.Mutex
	stopped := false
	heard := func(m *nats.Msg) {
		running.Lock()
		defer running.Unlock()
		if !stopped {
			handler(m)
		}
	}
	var sub *nats.Subscription
	if group == "" {
		sub, err = nc.Subscribe(subject, heard)
	} else {
		sub, err = nc.QueueSubscribe(subject, group, heard)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", subject, err)
	}
	c.listens(sub)
	stop = func() {
		stopping.Lock()
		defer stopping.Unlock()
		if stopped {
			return
		}
		c.listensNoMore(sub)
		_ = sub.Unsubscribe() // fails only where there is nothing left to end
		running.Lock()
		defer running.Unlock()
		stopped = true
	}
	if err = sub.SetPendingLimits(listenMessages, listenBytes); err == nil {
		err = c.confirm(c.bulk)
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("listen on %s: %w", subject, err)
	}
	return stop, nil
}

func (c *Conn) listens(sub *nats.Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listening[sub] = struct{}{}
}

func (c *Conn) listensNoMore(sub *nats.Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.listening, sub)
	dropped, _ := sub.Dropped() // of a subscription that has ended: unknown
	c.dropped += int64(dropped)
}

// Stats are what a connection has counted since it was made.
type Stats struct {
	Reconnects    int64 // after losing the server, or leaving one that was about to end
	SlowConsumers int64 // times this process was too slow and lost messages: a fault
	Dropped       int64 // messages a listener was too slow for
	In, Out       int64 // messages
	InBytes       int64
	OutBytes      int64
}

// Stats counts over all connections.
func (c *Conn) Stats() Stats {
	s := Stats{SlowConsumers: c.slow.Load()}
	for _, l := range c.links {
		n := l.nc.Stats()
		s.Reconnects += int64(n.Reconnects)
		s.In, s.InBytes = s.In+int64(n.InMsgs), s.InBytes+int64(n.InBytes)
		s.Out, s.OutBytes = s.Out+int64(n.OutMsgs), s.OutBytes+int64(n.OutBytes)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Dropped = c.dropped
	for sub := range c.listening {
		dropped, _ := sub.Dropped() // of a subscription that has ended: unknown
		s.Dropped += int64(dropped)
	}
	return s
}
