package s3

import (
	"testing"

	"github.com/tessera-iiif/tessera/internal/store/storetest"
)

// With and without a memory of what was found: then events, here the hand that
// changes the bucket, tell what to forget.
func TestSourceIsASource(t *testing.T) {
	t.Run("asks every time", func(t *testing.T) {
		storetest.TestSource(t, func(t *testing.T) storetest.Stage {
			p := newPlace(t, func(c *Config) { c.Recheck = 0 })
			return storetest.Stage{Source: p.Source, Put: p.put, Delete: p.remove}
		})
	})
	t.Run("remembers", func(t *testing.T) {
		storetest.TestSource(t, func(t *testing.T) storetest.Stage {
			p := newPlace(t)
			return storetest.Stage{
				Source: p.Source,
				Put:    func(t testing.TB, key, body string) { p.put(t, key, body); p.Forget(key) },
				Delete: func(t testing.TB, key string) { p.remove(t, key); p.Forget(key) },
			}
		})
	})
}
