package main

import (
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/look"
)

// site is what the pages of this site look like and say.
func (s *server) site() (*look.Look, *catalogue.Book, error) {
	l, err := s.settings.Look()
	if err != nil {
		return nil, nil, err
	}
	book, err := s.settings.Catalogue()
	return l, book, err
}
