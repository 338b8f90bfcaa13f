package edge

// DocumentsKept is how many documents are remembered, missing ones among them.
func (e *Edge) DocumentsKept() (n int) {
	for range e.documents.answers.Keys() {
		n++
	}
	return n
}
