package api

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

// Sizes of a page.
const (
	defaultPage = 100
	maxPage     = 1000
)

// paging is which page of a list is asked for.
type paging struct {
	list  string // whose cursors these are
	limit int
	after string // the last key of the page before, "" for the first page
}

// pageOf reads "limit" and "after". Callers ask for one row more than limit, to know
// whether there is a page behind.
func pageOf(r *http.Request, list string) (paging, error) {
	query := r.URL.Query()
	p := paging{list: list, limit: defaultPage}
	if text := query.Get("limit"); text != "" {
		var err error
		if p.limit, err = strconv.Atoi(text); err != nil {
			p.limit = 0
		}
	}
	if p.limit < 1 || p.limit > maxPage {
		return paging{}, &people.Error{Kind: people.Invalid, Code: "bad-page", Args: []any{maxPage}, Field: "limit"}
	}
	if cursor := query.Get("after"); cursor != "" {
		key, ok := p.open(cursor)
		if !ok {
			return paging{}, errCursor
		}
		p.after = key
	}
	return p, nil
}

var errCursor = &people.Error{Kind: people.Invalid, Code: "bad-cursor", Field: "after"}

// seal makes the cursor of a key. It is opaque, so that what lists are ordered by can
// change, and of one list, so that a mix-up is an error and no wrong page.
func (p paging) seal(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(p.list + "\x00" + key))
}

func (p paging) open(cursor string) (key string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return "", false
	}
	key, ok = strings.CutPrefix(string(raw), p.list+"\x00")
	return key, ok && key != ""
}

// list is a page of items; next is what "after" must be for the page behind it.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// paged makes a page of rows.
func paged[Row, Item any](rows []Row, p paging, item func(Row) Item, key func(Row) string) list[Item] {
	page := list[Item]{Items: []Item{}}
	if len(rows) > p.limit {
		rows = rows[:p.limit]
		page.Next = p.seal(key(rows[p.limit-1]))
	}
	for _, row := range rows {
		page.Items = append(page.Items, item(row))
	}
	return page
}
