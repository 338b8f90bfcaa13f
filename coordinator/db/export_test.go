package db

import "testing"

// LimitSettings lowers the bound of different settings for a test.
func LimitSettings(t *testing.T, n int) {
	t.Helper()
	settingsLimit = n
	t.Cleanup(func() { settingsLimit = MaxSettings })
}
