package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"
)

// trace follows a reader through an image: what comes on the screen is asked for view by
// view, and nothing twice, as a browser does.
func trace(ctx context.Context, args []string) error {
	flags, read := targetFlags("trace")
	server := flags.String("server", "", "name in the report")
	picture := flags.String("picture", "tiled-1024", "structure in the report")
	round := flags.Int("round", 1, "number in the report")
	side := flags.Int("side", tileSide, "of the tiles in pixels")
	keep := flags.String("keep", "", "file to keep the pictures in")
	t, err := read(args)
	if err != nil {
		return err
	}
	c := newClient(t.base, "")
	d, err := t.describe(ctx, c)
	c.close()
	if err != nil {
		return err
	}
	prepared, err := t.prepare(ctx)
	if err != nil {
		return err
	}
	m, a, err := t.follow(ctx, views(t.seed, d, *side))
	if err != nil {
		return err
	}
	for i, p := range a.Pictures {
		if _, err := decode(a.Tiles[i], p); err != nil {
			return fmt.Errorf("%s: %w", t.path(a.Tiles[i]), err)
		}
		m.Pixels += int64(a.Tiles[i].Width) * int64(a.Tiles[i].Height)
	}
	if *keep != "" {
		if err := writeJSON(*keep, a); err != nil {
			return err
		}
	}
	m.Kind, m.Server, m.Round, m.Picture, m.Side = "trace", *server, *round, *picture, *side
	m.Prepared = prepared
	return m.print()
}

// advertised prints the side of the tiles that a server advertises.
func advertised(ctx context.Context, args []string) error {
	_, read := targetFlags("side")
	t, err := read(args)
	if err != nil {
		return err
	}
	c := newClient(t.base, "")
	defer c.close()
	d, err := t.describe(ctx, c)
	if err != nil {
		return err
	}
	if len(d.Tiles) == 0 || d.Tiles[0].Width < 1 {
		return fmt.Errorf("%s advertises no tiles", t.base)
	}
	fmt.Println(d.Tiles[0].Width)
	return nil
}

// views are the tiles that come on the screen, view by view, without those a reader has.
func views(seed uint64, d description, side int) [][]tile {
	var all [][]tile
	seen := make(map[tile]bool)
	for _, v := range itinerary(seed, d.Width, d.Height) {
		fresh := slices.DeleteFunc(v.tiles(d.Width, d.Height, side), func(t tile) bool { return seen[t] })
		for _, t := range fresh {
			seen[t] = true
		}
		if len(fresh) > 0 {
			all = append(all, fresh)
		}
	}
	return all
}

// follow asks for one view after the other; the next begins when the last is complete.
func (t target) follow(ctx context.Context, views [][]tile) (m measurement, a album, err error) {
	clients := t.clients("")
	defer closeAll(clients)
	before, err := cpuSeconds(t.pids)
	if err != nil {
		return m, a, err
	}
	var times []time.Duration
	for _, v := range views {
		bodies := make([][]byte, len(v))
		l, err := closedLoop(ctx, clients, len(v), func(i int) string { return t.path(v[i]) }, func(i int, got answer) error {
			bodies[i] = bytes.Clone(got.Body)
			return nil
		})
		if err != nil {
			return m, a, err
		}
		m.Requests, m.Bytes, m.Seconds = m.Requests+l.Requests, m.Bytes+l.Bytes, m.Seconds+l.Seconds
		times = append(times, time.Duration(l.Seconds*float64(time.Second)))
		a.Tiles, a.Pictures = append(a.Tiles, v...), append(a.Pictures, bodies...)
	}
	spent, late, err := settle(ctx, t.pids)
	m.CPU = spent - before
	m.Seconds += late.Seconds()
	slices.Sort(times)
	m.View = quantile(times, 0.50)
	return m, a, err
}
