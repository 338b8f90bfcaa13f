package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// measurement is one line of results.
type measurement struct {
	Kind   string `json:"kind"`   // cold, trace, warm, signed, crowd or memory
	Server string `json:"server"` // tessera, iipimage or bare; of signed and crowd, under what circumstances
	Round  int    `json:"round,omitempty"`
	load
	CPU      float64 `json:"cpu_seconds,omitempty"`          // until the server was idle again, as Seconds
	Prepared float64 `json:"prepared_cpu_seconds,omitempty"` // before the clock, to look into the file
	Peak     int64   `json:"peak_bytes,omitempty"`
	Picture  string  `json:"picture,omitempty"` // its structure
	Side     int     `json:"side,omitempty"`    // of a trace's tiles, in pixels
	Pixels   int64   `json:"pixels,omitempty"`  // delivered in a trace
	View     float64 `json:"view_ms,omitempty"` // median time in which a trace's view was complete

	SignIns    int     `json:"sign_ins,omitempty"`
	SignIn     float64 `json:"sign_in_ms,omitempty"`     // median time of one
	SignInRate float64 `json:"sign_in_second,omitempty"` // in a second
}

func (m measurement) print() error { return json.NewEncoder(os.Stdout).Encode(m) }

// cold asks a server that was just started for tiles, each once, checks every
// picture when the clock has stopped, and keeps them for compare.
func cold(ctx context.Context, args []string) error {
	flags, read := targetFlags("cold")
	server := flags.String("server", "", "name in the report")
	picture := flags.String("picture", "tiled-1024", "structure in the report")
	round := flags.Int("round", 1, "number in the report")
	keep := flags.String("keep", "", "file to keep the pictures in")
	t, err := read(args)
	if err != nil {
		return err
	}
	drawn, err := t.draw(ctx, "")
	if err != nil {
		return err
	}
	prepared, err := t.prepare(ctx)
	if err != nil {
		return err
	}
	m, pictures, err := t.measure(ctx, drawn)
	if err != nil {
		return err
	}
	for i, p := range pictures {
		if _, err := decode(drawn[i], p); err != nil {
			return fmt.Errorf("%s: %w", t.path(drawn[i]), err)
		}
	}
	if err := writeJSON(*keep, album{drawn, pictures}); err != nil {
		return err
	}
	m.Kind, m.Server, m.Round, m.Picture = "cold", *server, *round, *picture
	m.Prepared = prepared
	return m.print()
}

// measure asks for every tile once and returns the answers in the same order.
func (t target) measure(ctx context.Context, drawn []tile) (m measurement, bodies [][]byte, err error) {
	clients := t.clients("")
	defer closeAll(clients)
	bodies = make([][]byte, len(drawn))
	before, err := cpuSeconds(t.pids)
	if err != nil {
		return m, nil, err
	}
	m.load, err = closedLoop(ctx, clients, len(drawn), func(i int) string { return t.path(drawn[i]) }, func(i int, a answer) error {
		bodies[i] = bytes.Clone(a.Body)
		return nil
	})
	if err != nil {
		return m, nil, err
	}
	spent, late, err := settle(ctx, t.pids)
	m.CPU = spent - before
	m.Seconds += late.Seconds()
	return m, bodies, err
}

// album keeps the pictures of a round in the order in which they were drawn.
type album struct {
	Tiles    []tile
	Pictures [][]byte
}

func writeJSON(file string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

func readJSON(file string, v any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
