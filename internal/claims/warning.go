package claims

import (
	"fmt"
	"slices"
)

const maxWarnings = 20

// Warning says what of somebody's claims was not used, and what to do. It is about the
// provider's set-up, which only an administrator can change; it quotes names of groups
// at most, and never more than a few dozen bytes of them.
type Warning struct {
	Claim  string // its path as settings write it
	Detail string // continues the sentence that begins with the claim
}

// String is the whole sentence.
func (w Warning) String() string { return fmt.Sprintf("The claim %q %s.", w.Claim, w.Detail) }

func (r *reading) warn(claim, format string, args ...any) {
	w := Warning{claim, fmt.Sprintf(format, args...)}
	if len(r.warnings) < maxWarnings && !slices.Contains(r.warnings, w) {
		r.warnings = append(r.warnings, w)
	}
}
