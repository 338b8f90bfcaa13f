package bus

import (
	"context"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// The kinds of job.
const (
	kindRender   = "render"
	kindInfo     = "info"
	kindManifest = "manifest"
	kindList     = "list"
)

const (
	defaultBudget = 30 * time.Second
	defaultStall  = 10 * time.Second
)

// ClientConfig bounds a client's waiting; a zero field stands for its default.
type ClientConfig struct {
	Budget time.Duration // for an answer to a caller whose ctx has no deadline: 30 s
	Stall  time.Duration // silence after which a body being received fails: 10 s
}

// Client asks the workers of the cluster. It is safe for concurrent use.
type Client struct{ jobs requester }

var (
	_ tile.Renderer = (*Client)(nil)
	_ tile.Library  = (*Client)(nil)
)

// NewClient makes a client that lives as long as c.
func NewClient(c *Conn, cfg ClientConfig) *Client {
	return &Client{jobs: newRequester(c, jobs, cfg)}
}

func newRequester(c *Conn, s service, cfg ClientConfig) requester {
	l := c.tiles
	switch {
	case s == authority:
		l = c.people
	case c.role == RoleCoordinator:
		l = c.lists
	}
	return requester{conn: c, link: l, service: s, budget: orDefault(cfg.Budget, defaultBudget), stall: orDefault(cfg.Stall, defaultStall)}
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// named asks for one thing by its name.
type named struct {
	Name string `json:"name"`
}

// Info implements tile.Renderer.
func (c *Client) Info(ctx context.Context, id string) (tile.Image, error) {
	var img tile.Image
	err := c.jobs.askJSON(ctx, kindInfo, named{id}, &img)
	return img, err
}

// Render implements tile.Renderer. The body of a large answer is received as it is
// read; ctx governs it until it is closed.
func (c *Client) Render(ctx context.Context, job tile.Job) (tile.Result, error) {
	h, body, err := c.jobs.ask(ctx, kindRender, job)
	if err != nil {
		return tile.Result{}, err
	}
	return tile.Result{Type: h.kind, Size: h.size, Body: body, Cache: h.cache, Worker: h.worker, Timing: h.timing, Damaged: h.damaged}, nil
}

// Manifest implements tile.Library.
func (c *Client) Manifest(ctx context.Context, path string) (tile.Document, error) {
	h, body, err := c.jobs.askBytes(ctx, kindManifest, named{path})
	if err != nil {
		return tile.Document{}, err
	}
	return tile.Document{Body: body, Version: h.version}, nil
}

// List implements tile.Library.
func (c *Client) List(ctx context.Context, q tile.Query) (tile.Listing, error) {
	var l tile.Listing
	err := c.jobs.askJSON(ctx, kindList, q, &l)
	return l, err
}
