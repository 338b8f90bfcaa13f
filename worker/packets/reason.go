package packets

import "slices"

// Reason says in a word why a region was decoded from the whole file.
type Reason string

// The reasons. Every one is a label of a metric.
const (
	Pending Reason = "pending" // the index was not ready in time
	Busy    Reason = "busy"    // too many indices are waiting to be built
	Failed  Reason = "failed"  // the index could not be built this time
	Refused Reason = "refused" // the file cannot be indexed
	Region  Reason = "region"  // the region cannot be cut out of the file
	Large   Reason = "large"   // the codestream would be larger than allowed
	Most    Reason = "most"    // most of the file is needed: nothing to be gained
	Decoder Reason = "decoder" // the decoder did not take the codestream
)

var reasons = [...]Reason{Pending, Busy, Failed, Refused, Region, Large, Most, Decoder}

// Reasons are all there are.
func Reasons() []Reason { return slices.Clone(reasons[:]) }

// Fallback counts a region decoded from the whole file.
func (e *Engine) Fallback(why Reason) {
	if i := slices.Index(reasons[:], why); i >= 0 {
		e.fallbacks[i].Add(1)
	}
}
