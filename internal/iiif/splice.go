package iiif

import "slices"

// edit replaces the bytes of a span; an empty span makes it an insertion.
type edit struct {
	span
	text string
}

// splice applies edits to data. Edits within a span that another edit replaces go with
// it. With no edits the result is data itself.
func splice(data []byte, edits []edit) []byte {
	if len(edits) == 0 {
		return data
	}
	slices.SortStableFunc(edits, order)
	out := make([]byte, 0, len(data)+growth(edits))
	done := 0
	for _, e := range edits {
		if e.start < done {
			continue
		}
		out = append(out, data[done:e.start]...)
		out = append(out, e.text...)
		done = e.end
	}
	return append(out, data[done:]...)
}

// order is by start; at one start insertions come first, then the longest span, which
// contains the others.
func order(a, b edit) int {
	if a.start != b.start {
		return a.start - b.start
	}
	aInserts, bInserts := a.start == a.end, b.start == b.end
	switch {
	case aInserts && bInserts:
		return 0
	case aInserts:
		return -1
	case bInserts:
		return 1
	}
	return b.end - a.end
}

func growth(edits []edit) int {
	n := 0
	for _, e := range edits {
		n += len(e.text)
	}
	return n
}
