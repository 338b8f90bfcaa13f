package audit

import (
	"encoding/json"
	"fmt"
)

// Broken says where a chain stops being one.
type Broken struct {
	Seq int64 // the entry at fault, or the first that is missing
	Why string
}

func (b *Broken) Error() string { return fmt.Sprintf("audit entry %d %s", b.Seq, b.Why) }

// Verifier checks a chain in ascending order. The zero value is ready.
type Verifier struct {
	last    Head
	entries int64
	cut     *cut // where the chain begins, if not at its first entry
}

// cut is what stood before the first entry that is left.
type cut struct {
	last    Head
	vouched bool // a checkpoint within the chain says the same
}

// Removed is the Details of a Checkpoint: entries up to and with Through were removed.
type Removed struct {
	Through int64 `json:"through"`
	Hash    Hash  `json:"hash"` // of entry Through
	Entries int64 `json:"entries"`
}

// Add checks the next entry. Errors are *Broken.
func (v *Verifier) Add(e Entry) error {
	if v.entries == 0 && e.Seq > 1 {
		v.last = Head{e.Seq - 1, e.Prev}
		v.cut = &cut{last: v.last}
	}
	switch sum, err := e.sum(); {
	case e.Seq > v.last.Seq+1:
		return &Broken{v.last.Seq + 1, "is missing"}
	case e.Seq <= v.last.Seq:
		return &Broken{e.Seq, "is there twice, or out of order"}
	case err != nil || sum != e.Hash:
		return &Broken{e.Seq, "was altered: its hash is not that of what it says"}
	case e.Prev != v.last.Hash:
		return &Broken{e.Seq, fmt.Sprintf("does not follow entry %d: that one was replaced after this was written", e.Seq-1)}
	}
	v.vouch(e)
	v.last = e.Head()
	v.entries++
	return nil
}

// vouch looks for the word of retention about the beginning.
func (v *Verifier) vouch(e Entry) {
	if v.cut == nil || v.cut.vouched || e.Name != Checkpoint {
		return
	}
	var r Removed
	if json.Unmarshal(e.Details, &r) == nil && (Head{r.Through, r.Hash}) == v.cut.last {
		v.cut.vouched = true
	}
}

// End checks that nothing is missing at either end; head is what the record says its
// last entry is. Errors are *Broken.
func (v *Verifier) End(head Head) error {
	switch {
	case v.cut != nil && !v.cut.vouched:
		return &Broken{v.cut.last.Seq, "is missing, and no checkpoint says that retention removed it"}
	case head.Seq > v.last.Seq:
		return &Broken{v.last.Seq + 1, fmt.Sprintf("is missing: there were entries up to %d", head.Seq)}
	case head != v.last:
		return &Broken{v.last.Seq, "is not the one that was recorded last"}
	}
	return nil
}

// Last is the head of what was checked so far, and Entries how many that were.
func (v *Verifier) Last() Head { return v.last }

// Entries counts what was checked.
func (v *Verifier) Entries() int64 { return v.entries }
