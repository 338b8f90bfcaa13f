package relay

import (
	"net/netip"
	"sync"
)

// The bounds of what clients send, while it is here.
const (
	maxBodies      = 256       // being read at a time
	maxClientOnes  = 8         // of these, from one client
	maxBodyBytes   = 128 << 20 // that are here until they are answered
	maxClientBytes = 32 << 20  // of these, from one client
)

// ledger counts what of clients is here.
type ledger struct {
	mu     sync.Mutex
	all    load
	client map[string]load
}

// load is a number of bodies being read, and the bytes of those that are here.
type load struct {
	ones  int
	bytes int64
}

func (l load) plus(m load) load { return load{l.ones + m.ones, l.bytes + m.bytes} }

func (l load) within(ones int, bytes int64) bool { return l.ones <= ones && l.bytes <= bytes }

// take books more for a client, where there is room for it.
func (l *ledger) take(client string, more load) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, own := l.all.plus(more), l.client[client].plus(more)
	if !all.within(maxBodies, maxBodyBytes) || !own.within(maxClientOnes, maxClientBytes) {
		return false
	}
	if l.client == nil {
		l.client = make(map[string]load)
	}
	l.all, l.client[client] = all, own
	return true
}

// give takes it off again.
func (l *ledger) give(client string, less load) {
	l.mu.Lock()
	defer l.mu.Unlock()
	less = load{-less.ones, -less.bytes}
	own := l.client[client].plus(less)
	l.all = l.all.plus(less)
	if own == (load{}) {
		delete(l.client, client)
		return
	}
	l.client[client] = own
}

// sender is what one client can hardly have more of: an IPv4 address, or the 64 bits of an
// IPv6 network.
func sender(client string) string {
	addr, err := netip.ParseAddr(client)
	if err != nil || addr.Unmap().Is4() {
		return client
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().String()
}
