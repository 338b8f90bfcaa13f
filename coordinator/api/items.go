package api

import (
	"errors"
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// item is an image with the access that was set for it alone.
type item struct {
	Image string `json:"image"`
	authz.Setting
}

func itemOf(i people.Item) item { return item{i.Image, *i.Setting} }

func (s *server) listItems(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	p, err := pageOf(r, "items")
	if err != nil {
		return err
	}
	rows, err := s.People.ListItems(r.Context(), r.URL.Query().Get("prefix"), p.after, p.limit+1)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, paged(rows, p, itemOf, func(i people.Item) string { return i.Image }))
}

// itemChanges are many at a time; with Remove an image has no other field.
type itemChanges struct {
	Items []struct {
		item
		Remove bool `json:"remove"`
	} `json:"items"`
}

func (s *server) changeItems(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	var body itemChanges
	if err := read(w, r, maxBody, &body); err != nil {
		return err
	}
	if body.Items == nil {
		return badJSON(errors.New("“items” is missing"))
	}
	changes := make([]people.Item, len(body.Items))
	for n, c := range body.Items {
		changes[n] = people.Item{Image: c.Image, Setting: &c.Setting}
		if c.Remove {
			changes[n].Setting = nil
		}
	}
	changed, err := s.People.SetItems(r.Context(), actor, changes)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, struct {
		Changed int64 `json:"changed"`
	}{changed})
}

func (s *server) getItem(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	i, err := s.People.Item(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, itemOf(i))
}

func (s *server) putItem(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	var setting authz.Setting
	if err := read(w, r, maxBody, &setting); err != nil {
		return err
	}
	image := r.PathValue("id")
	if _, err := s.People.SetItems(r.Context(), actor, []people.Item{{Image: image, Setting: &setting}}); err != nil {
		return err
	}
	return s.getItem(w, r, actor)
}

func (s *server) deleteItem(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	_, err := s.People.SetItems(r.Context(), actor, []people.Item{{Image: r.PathValue("id")}})
	return noContent(w, err)
}
