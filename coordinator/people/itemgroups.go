package people

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// settingsOfItems gives the different settings that images have, by their documents.
func settingsOfItems(ctx context.Context, tx *db.Tx) (map[string]authz.Setting, error) {
	documents, err := tx.Settings(ctx)
	if err != nil {
		return nil, err
	}
	settings := make(map[string]authz.Setting, len(documents))
	for _, document := range documents {
		var s authz.Setting
		if err := json.Unmarshal([]byte(document), &s); err != nil {
			return nil, fmt.Errorf("stored setting: %w", err)
		}
		settings[document] = s
	}
	return settings, nil
}

// namedBy tells whether a group opens an image by that image's own setting.
func namedBy(settings map[string]authz.Setting, group string) bool {
	for _, s := range settings {
		if slices.Contains(s.Groups, group) {
			return true
		}
	}
	return false
}

// renameInItems has images open to a group by its new name.
func renameInItems(ctx context.Context, tx *db.Tx, settings map[string]authz.Setting, from, to string) error {
	for document, s := range settings {
		at := slices.Index(s.Groups, from)
		if at < 0 {
			continue
		}
		s.Groups = slices.Clone(s.Groups)
		s.Groups[at] = to
		renamed, err := s.Canonical()
		if err != nil {
			return err
		}
		if err := tx.ReplaceSetting(ctx, document, renamed); err != nil {
			return err
		}
	}
	return nil
}
