package edge

import (
	"sync"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// rulings numbers the policies that documents are made ready under, so that what
// remembers a document need not hold on to its policy, which may be large.
type rulings struct {
	mu     sync.Mutex
	policy *authz.Policy // the last that was seen
	number int64
}

// ruling is the number of the policy in force. Documents of any before it are of no use
// any more, and are dropped when it is first seen.
func (e *Edge) ruling() int64 {
	r := &e.rulings
	r.mu.Lock()
	defer r.mu.Unlock()
	// Read under the lock: policies are seen in order, and none twice.
	if policy := e.cfg.Keeper.Policy(); policy != r.policy {
		r.policy = policy
		r.number++
		e.documents.forget(func(key documentKey) bool { return key.ruling != r.number })
	}
	return r.number
}
