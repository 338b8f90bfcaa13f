package edge

// Forget drops renderings and what is known of images, where meant says so of their
// identifiers as they were asked for, and every document: one may speak of any image.
func (e *Edge) Forget(meant func(id string) bool) {
	for key := range e.results.Keys() {
		if meant(key.ID) {
			e.results.Invalidate(key)
		}
	}
	e.images.forget(meant)
	e.documents.forget(func(documentKey) bool { return true })
}

// forget drops answers. One that is just being asked for stays: it is new.
func (r *recent[K, V]) forget(meant func(K) bool) {
	for key := range r.answers.Keys() {
		if meant(key) {
			r.answers.Invalidate(key)
		}
	}
}
