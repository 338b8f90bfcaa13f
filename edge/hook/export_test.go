package hook

import (
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Parse is parse for tests outside the package.
func Parse(body []byte) (authz.Outcome, time.Duration, error) {
	a, err := parse(body)
	return a.outcome, a.ttl, err
}
