package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxTiles and maxConnections bound a run.
const (
	maxTiles       = 100_000
	maxConnections = 256
)

// target is one image at one server and how it is asked for.
type target struct {
	base        *url.URL // of the image: http://host:port/prefix/identifier
	connections int
	tiles       int
	seed        uint64
	pids        []int // the server's processes; their descendants count too
}

// targetFlags registers the flags that say what to ask; read parses and checks them.
func targetFlags(name string) (flags *flag.FlagSet, read func(args []string) (target, error)) {
	flags = flag.NewFlagSet(name, flag.ContinueOnError)
	base := flags.String("url", "", "base URI of the image")
	connections := flags.Int("c", 2, "connections")
	tiles := flags.Int("n", 200, "tiles to draw")
	seed := flags.Uint64("seed", 1, "what tiles are drawn depends on this alone")
	pids := flags.String("pids", "", "processes of the server, comma-separated")
	return flags, func(args []string) (target, error) {
		if err := flags.Parse(args); err != nil {
			return target{}, err
		}
		t := target{connections: *connections, tiles: *tiles, seed: *seed}
		var err error
		if t.base, err = url.Parse(*base); err != nil || t.base.Host == "" {
			return target{}, fmt.Errorf("-url %q is no address of an image", *base)
		}
		if t.tiles < 1 || t.tiles > maxTiles || t.connections < 1 || t.connections > maxConnections {
			return target{}, fmt.Errorf("-n is 1 to %d, -c 1 to %d", maxTiles, maxConnections)
		}
		t.pids, err = parsePIDs(*pids)
		return t, err
	}
}

func parsePIDs(list string) ([]int, error) {
	var pids []int
	for text := range strings.SplitSeq(list, ",") {
		pid, err := strconv.Atoi(text)
		if err != nil || pid < 1 {
			return nil, fmt.Errorf("-pids wants process ids, not %q", list)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

func (t target) clients(cookie string) []*client {
	all := make([]*client, t.connections)
	for i := range all {
		all[i] = newClient(t.base, cookie)
	}
	return all
}

func closeAll(clients []*client) {
	for _, c := range clients {
		c.close()
	}
}

// draw reads the size of the image from the server and draws tiles of it.
func (t target) draw(ctx context.Context, cookie string) ([]tile, error) {
	c := newClient(t.base, cookie)
	defer c.close()
	size, err := t.describe(ctx, c)
	if err != nil {
		return nil, err
	}
	return draw(t.seed, size.Width, size.Height, t.tiles)
}

// description is what is read of info.json.
type description struct {
	Width, Height int
	Tiles         []struct{ Width int }
}

func (t target) describe(ctx context.Context, c *client) (d description, err error) {
	path := t.base.EscapedPath() + "/info.json"
	a, err := c.get(ctx, path)
	if err == nil {
		err = accept(a, path)
	}
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(a.Body, &d); err != nil {
		return d, fmt.Errorf("couldn't read info.json: %w", err)
	}
	if d.Width < 1 || d.Height < 1 {
		return d, fmt.Errorf("info.json gives a size of %d x %d", d.Width, d.Height)
	}
	return d, nil
}

func (t target) path(drawn tile) string { return t.base.EscapedPath() + drawn.path() }
