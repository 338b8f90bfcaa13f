package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/look"
)

const maxSiteName = 100 // characters

// validateSite reads what a site brings along, so that what is wrong with it is said
// before anything starts.
func (s *Settings) validateSite() error {
	_, bad := s.Look()
	_, unsaid := s.Catalogue()
	if strings.ContainsFunc(s.SiteName, unicode.IsControl) || len([]rune(s.SiteName)) > maxSiteName {
		unsaid = errors.Join(unsaid, fmt.Errorf("--site-name: write a name of at most %d characters on one line", maxSiteName))
	}
	return errors.Join(bad, unsaid)
}

// Look is how pages look.
func (s *Settings) Look() (*look.Look, error) {
	c := look.Config{Name: s.SiteName}
	var errs []error
	for _, a := range []struct {
		flag, text string
		on         look.Scheme
		into       *look.Accent
	}{
		{"site-accent", s.SiteAccent, look.Light, &c.Accent},
		{"site-accent-dark", s.SiteDark, look.Dark, &c.AccentDark},
	} {
		if a.text == "" {
			continue
		}
		var err error
		if *a.into, err = look.ParseAccent(a.text, a.on); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", a.flag, err))
		}
	}
	for _, l := range []struct {
		flag, path string
		into       **look.Logo
	}{{"site-logo", s.SiteLogo, &c.Logo}, {"site-logo-dark", s.SiteLogoDark, &c.LogoDark}} {
		if l.path == "" {
			continue
		}
		var err error
		if *l.into, err = look.ReadLogo(l.path); err != nil {
			errs = append(errs, fmt.Errorf("--%s: the file %s %w", l.flag, l.path, err))
		}
	}
	if s.SiteLogoDark != "" && s.SiteLogo == "" {
		errs = append(errs, errors.New("--site-logo-dark stands in for --site-logo on dark pages: give that as well"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return look.New(c), nil
}

// Catalogue is what pages say.
func (s *Settings) Catalogue() (*catalogue.Book, error) {
	own, err := readTexts(s.SiteTexts)
	if err != nil {
		return nil, fmt.Errorf("--site-texts: %w", err)
	}
	book, err := catalogue.New(catalogue.Config{Language: s.SiteLanguage, Own: own})
	var unfit *catalogue.LanguageError
	switch {
	case errors.As(err, &unfit):
		return nil, fmt.Errorf("--site-language: %w", err)
	case err != nil:
		return nil, fmt.Errorf("--site-texts: %s: %w", s.SiteTexts, err)
	}
	return book, nil
}

// readTexts reads one byte more than is allowed, for the catalogue to refuse.
func readTexts(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	body, err := io.ReadAll(io.LimitReader(f, catalogue.MaxOwn+1))
	return append([]byte{}, body...), err
}
