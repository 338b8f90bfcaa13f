package authz

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// index finds the first rule with a matching pattern without trying them all.
//
// A pattern can match only where its literal pieces occur. Each pattern is filed
// under one of them, the one fewest others have, and a single pass over the
// identifier (the algorithm of Aho and Corasick) finds the pieces that occur.
// What is filed under those is then matched in earnest.
type index struct {
	pieces trie
	filed  [][]entry // by number of the piece; each ascending by rule
	always []entry   // patterns of stars alone, ascending by rule
}

// entry is a pattern, the number of its rule, and when that counts; nil: always.
type entry struct {
	rule    int
	pattern pattern
	text    string // the pattern as it was written
	time    *window
}

// newIndex takes entries ascending by rule. Patterns do not repeat.
func newIndex(entries []entry) index {
	use := map[string]int{}
	for _, e := range entries {
		for _, t := range e.pattern {
			if t.kind == literal {
				use[t.text]++
			}
		}
	}
	var x index
	filed := map[string][]entry{}
	for _, e := range entries {
		if key, ok := rarest(e.pattern, use); ok {
			filed[key] = append(filed[key], e)
		} else {
			x.always = append(x.always, e)
		}
	}
	pieces := make([]string, 0, len(filed))
	for piece := range filed {
		pieces = append(pieces, piece)
	}
	slices.Sort(pieces)
	x.pieces = newTrie(pieces)
	for _, piece := range pieces {
		x.filed = append(x.filed, filed[piece])
	}
	return x
}

// rarest picks the literal with the least use, the longest among equals.
func rarest(p pattern, use map[string]int) (text string, ok bool) {
	for _, t := range p {
		if t.kind != literal {
			continue
		}
		if !ok || use[t.text] < use[text] || (use[t.text] == use[text] && len(t.text) > len(text)) {
			text, ok = t.text, true
		}
	}
	return text, ok
}

// first is the lowest number of a rule that matches s and counts now, -1 if there is
// none. changes is an instant up to which that stays so; zero: for good.
func (x *index) first(s string, now time.Time) (rule int, changes time.Time) {
	q := query{s: s, now: now, best: math.MaxInt}
	x.answer(&q)
	if q.best == math.MaxInt {
		return -1, q.changes
	}
	return q.best, q.changes
}

func (x *index) answer(q *query) {
	q.try(x.always)
	if len(x.filed) == 0 {
		return
	}
	var done tried
	var node int32
	for i := range len(q.s) {
		node = x.pieces.step(node, q.s[i])
		for n := x.pieces.nearby[node]; n != 0; n = x.pieces.nearby[x.pieces.fail[n]] {
			if done.add(n) {
				q.try(x.filed[x.pieces.piece[n]])
			}
		}
	}
}

// query looks for the first rule that matches s.
type query struct {
	s       string
	now     time.Time
	best    int // number of the first rule found so far
	changes time.Time

	symbolic bool // s is the symbolic form of a pattern
	timeless bool // rules that do not count at all times are passed over
	after    int  // rules up to here are passed over, by number from 1
}

// try looks for a match in a rule before best.
func (q *query) try(entries []entry) {
	for i := range entries {
		e := &entries[i]
		if e.rule >= q.best {
			return
		}
		if e.rule < q.after || e.time != nil && q.timeless {
			continue
		}
		if q.counts(e) {
			q.best = e.rule
			return
		}
	}
}

// counts tells whether an entry matches now, and notes until when that holds.
func (q *query) counts(e *entry) bool {
	if e.time == nil {
		return e.pattern.match(q.s, q.symbolic)
	}
	counts, changes := e.time.at(q.now)
	if !counts && changes.IsZero() || !e.pattern.match(q.s, q.symbolic) {
		return false
	}
	q.changes = sooner(q.changes, changes)
	return counts
}

// tried remembers pieces already looked at, so that an identifier that repeats
// one costs no more. It is small enough for the stack; forgetting is harmless.
type tried struct {
	nodes [32]int32
	n     int
}

func (t *tried) add(node int32) bool {
	if slices.Contains(t.nodes[:min(t.n, len(t.nodes))], node) {
		return false
	}
	t.nodes[t.n%len(t.nodes)] = node
	t.n++
	return true
}

// trie holds strings for a search of all of them at once. Nodes are numbered
// breadth first, 0 being the root, so the children of n are the run from
// child[n] up to child[n+1].
type trie struct {
	label  []byte  // the byte that leads to n
	child  []int32 // one longer than the others
	fail   []int32 // the longest proper suffix of n that is in the trie
	piece  []int32 // the number of the string that ends at n, or -1
	nearby []int32 // n or the first on its chain of fail where a string ends, 0 for none
}

// newTrie takes distinct, non-empty strings in ascending order; their places
// there become their numbers.
func newTrie(sorted []string) trie {
	t := trie{label: []byte{0}}
	type span struct{ from, to, depth int } // the strings below a node
	queue := []span{{0, len(sorted), 0}}
	for n := 0; n < len(queue); n++ {
		q := queue[n]
		t.child = append(t.child, int32(len(queue)))
		t.piece = append(t.piece, -1)
		if q.from < q.to && len(sorted[q.from]) == q.depth {
			t.piece[n] = int32(q.from)
			q.from++
		}
		for from := q.from; from < q.to; {
			b := sorted[from][q.depth]
			to := from + 1
			for to < q.to && sorted[to][q.depth] == b {
				to++
			}
			queue = append(queue, span{from, to, q.depth + 1})
			t.label = append(t.label, b)
			from = to
		}
	}
	t.child = append(t.child, int32(len(queue)))
	t.link()
	return t
}

// link fills fail and nearby, parents before children.
func (t *trie) link() {
	t.fail = make([]int32, len(t.label))
	t.nearby = make([]int32, len(t.label))
	for n := range int32(len(t.label)) {
		for c := t.child[n]; c < t.child[n+1]; c++ {
			if n != 0 {
				t.fail[c] = t.step(t.fail[n], t.label[c])
			}
			t.nearby[c] = t.nearby[t.fail[c]]
			if t.piece[c] >= 0 {
				t.nearby[c] = c
			}
		}
	}
}

// step follows b from node n, falling back to shorter suffixes where it must.
func (t *trie) step(n int32, b byte) int32 {
	for {
		if i := bytes.IndexByte(t.label[t.child[n]:t.child[n+1]], b); i >= 0 {
			return t.child[n] + int32(i)
		}
		if n == 0 {
			return 0
		}
		n = t.fail[n]
	}
}
