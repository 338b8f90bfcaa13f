package edge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// clock is moved by hand.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// authority is the truth about people, in memory.
type authority struct {
	mu    sync.Mutex
	rules []authz.Rule

	definitions authz.Definitions
	revision    int64
	ended       []session.Hash
	known       map[session.Hash]session.Credential
	silent      bool
}

func newAuthority(now func() time.Time) *authority {
	a := &authority{rules: rules, revision: 1, known: map[session.Hash]session.Credential{}}
	add := func(kind session.Kind, flow session.Flow, secret string, who authz.Principal) {
		a.known[session.HashOf(secret)] = session.Credential{
			Kind: kind, Flow: flow, Session: "s-" + who.ID, Principal: who, Service: "members", Expires: now().Add(24 * time.Hour),
		}
	}
	for _, who := range people {
		add(session.KindSession, 0, "cookie-"+who.ID, who)
		add(session.KindIIIF, session.Auth1, "iiif-"+who.ID, who)
		add(session.KindIIIF, session.Auth2, "iiif2-"+who.ID, who)
		add(session.KindPersonal, 0, "tpat_"+who.ID, who)
	}
	return a
}

var errSilent = errors.New("nobody answers")

func (a *authority) Lookup(_ context.Context, kind session.Kind, hash session.Hash) (session.Credential, error) {
	return a.find(kind, hash)
}

func (a *authority) find(kind session.Kind, hash session.Hash) (session.Credential, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.silent {
		return session.Credential{}, errSilent
	}
	c, ok := a.known[hash]
	if !ok || c.Kind != kind {
		return session.Credential{}, session.ErrUnknown
	}
	return c, nil
}

func (a *authority) Identity(_ context.Context, issuer, subject string) (session.Credential, error) {
	return a.find(session.KindIdentity, session.IdentityHash(issuer, subject))
}

func (a *authority) Rights(_ context.Context, since int64) (session.Rights, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.silent {
		return session.Rights{}, errSilent
	}
	return session.Rights{Revision: a.revision, Rules: a.rules, Definitions: a.definitions, Ended: a.ended, Complete: true}, nil
}

// visit is the cookie of somebody who has not signed in and has accepted terms.
func (a *authority) visit(name string, terms ...string) {
	a.change(func(a *authority) {
		a.known[session.HashOf("cookie-"+name)] = session.Credential{
			Kind: session.KindSession, Session: "v-" + name, Principal: authz.Principal{Terms: terms}, Expires: time.Now().AddDate(50, 0, 0),
		}
	})
}

func documentOf(body string) tile.Document { return tile.Document{Body: []byte(body)} }

func (a *authority) change(f func(*authority)) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision++
	f(a)
	return a.revision
}

// studio is a scripted renderer.
type studio struct {
	mu         sync.Mutex
	images     map[string]tile.Image
	failing    error // of Info
	everything bool  // there is an image of any name
	render     func(ctx context.Context, job tile.Job) (tile.Result, error)

	infos, renders atomic.Int64
}

func newStudio() *studio {
	s := &studio{images: map[string]tile.Image{}}
	for _, folder := range []string{"open", "members", "staff", "secret", "closed", "other"} {
		s.put(tile.Image{ID: folder + "/W", Version: "v1", Format: tile.JP2, Width: 6000, Height: 4000, Levels: 5})
	}
	for _, id := range []string{"W", "ark:/12025/654xz321", "http://example.com/?54#a", "a b", "x%41", "ü"} {
		s.put(tile.Image{ID: id, Version: "v1", Format: tile.JP2, Width: 6000, Height: 4000, Levels: 5})
	}
	s.put(tile.Image{ID: "SQ", Version: "v1", Format: tile.PNG, Width: 1000, Height: 1000})
	return s
}

func (s *studio) put(img tile.Image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[img.ID] = img
}

func (s *studio) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = err
}

func (s *studio) Info(_ context.Context, id string) (tile.Image, error) {
	s.infos.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing != nil {
		return tile.Image{}, s.failing
	}
	img, ok := s.images[id]
	if s.everything {
		img, ok = tile.Image{ID: id, Version: "v1", Width: 10, Height: 10}, true
	}
	if !ok {
		return tile.Image{}, tile.Fail(tile.NotFound, "no such image: "+id, nil)
	}
	return img, nil
}

func (s *studio) Render(ctx context.Context, job tile.Job) (tile.Result, error) {
	s.renders.Add(1)
	if s.render != nil {
		return s.render(ctx, job)
	}
	return painted(job), nil
}

// painted is a result whose bytes name the job.
func painted(job tile.Job) tile.Result {
	return resultOf(tile.MediaTypes[job.Render.Format], []byte(fmt.Sprint(job.Key())))
}

func resultOf(mediaType string, body []byte) tile.Result {
	return tile.Result{
		Type: mediaType, Size: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		Cache: tile.FromMiss, Worker: "worker-1", Timing: tile.Timing{Decode: 3 * time.Millisecond},
	}
}

// shelf is a library in memory.
type shelf struct {
	mu        sync.Mutex
	documents map[string]tile.Document
	entries   []tile.Entry
	asked     []string // paths of documents
}

func (s *shelf) Manifest(_ context.Context, path string) (tile.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, path)
	d, ok := s.documents[path]
	if !ok {
		return d, tile.Fail(tile.NotFound, "", nil)
	}
	return d, nil
}

func (s *shelf) reads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *shelf) List(_ context.Context, q tile.Query) (tile.Listing, error) {
	var l tile.Listing
	for _, e := range s.entries {
		if !strings.HasPrefix(e.ID, q.Prefix) || e.ID <= q.After {
			continue
		}
		if len(l.Items) == q.Limit {
			l.Next = l.Items[q.Limit-1].ID
			break
		}
		l.Items = append(l.Items, e)
	}
	return l, nil
}
