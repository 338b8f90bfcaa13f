package main

import "testing"

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		version, than string
		want          bool
	}{
		{"2.5.0", "2.5.4", false},
		{"2.5.4", "2.5.4", false},
		{"2.5.10", "2.5.4", true},
		{"2.6.0", "2.5.4", true},
		{"3", "2.5.4", true},
		{"8.14.1", "8.15.99", false},
		{"8.16.0", "8.15.99", true},
		{"", "2.5.4", false},
		{"unknown", "2.5.4", false},
	} {
		if got := newer(c.version, c.than); got != c.want {
			t.Errorf("newer(%q, %q) = %v", c.version, c.than, got)
		}
	}
}
