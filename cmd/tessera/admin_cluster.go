package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/internal/cluster"
)

// clusterState is the cluster as the API has it, as far as a table shows it.
type clusterState struct {
	Revision int64 `json:"revision"`
	Items    []struct {
		Role    string         `json:"role"`
		Name    string         `json:"name"`
		Version string         `json:"version"`
		Seen    time.Time      `json:"seen"`
		Silent  bool           `json:"silent"`
		Up      float64        `json:"upSeconds"`
		Rate    float64        `json:"perSecond"`
		Edge    *edgeState     `json:"edge,omitempty"`
		Worker  map[string]any `json:"worker,omitempty"`
	} `json:"items"`
}

type edgeState struct {
	Revision int64  `json:"revision"`
	Fresh    bool   `json:"fresh"`
	Requests uint64 `json:"requests"`
	Images   uint64 `json:"images"`
	Hits     uint64 `json:"hits"`
}

func clusterList(ctx context.Context, c *client) error {
	if _, err := arrange(ctx, c.flags("admin cluster list"), c); err != nil {
		return err
	}
	var state clusterState
	if _, err := c.call(ctx, http.MethodGet, "/cluster", "", nil, &state); err != nil {
		return err
	}
	return c.print(state, func(w io.Writer) {
		fmt.Fprintf(w, "rights are at revision %d\n", state.Revision)
		table(w, func(w io.Writer) {
			fmt.Fprintln(w, "ROLE\tNAME\tVERSION\tUP\tA SECOND\tSTATE")
			for _, p := range state.Items {
				up := time.Duration(p.Up * float64(time.Second)).Round(time.Second)
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f\t%s\n", p.Role, p.Name, p.Version, up, p.Rate, stateOf(p.Silent, p.Edge, state.Revision))
			}
		})
	})
}

func stateOf(silent bool, e *edgeState, revision int64) string {
	switch {
	case silent:
		return "silent"
	case e != nil && !e.Fresh:
		return "cut off: what is restricted is closed"
	case e != nil && e.Revision != revision:
		return fmt.Sprintf("at revision %d", e.Revision)
	}
	return "at work"
}

func cachePurge(ctx context.Context, c *client) error {
	flags := c.flags("admin cache purge")
	var p cluster.Purge
	flags.StringVar(&p.Image, "image", "", "one image")
	flags.StringVar(&p.Prefix, "prefix", "", "images whose identifiers begin with this")
	flags.BoolVar(&p.All, "all", false, "all images")
	if _, err := parse(flags, c.env.args); err != nil {
		return err
	}
	if !p.Valid() {
		return usageError{errors.New("say what is to be forgotten with one of --image, --prefix and --all")}
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodPost, "/purge", "", p, nil); err != nil {
		return err
	}
	return c.print(p, func(w io.Writer) {
		fmt.Fprintf(w, "edges and workers were told to forget %s\n", cmp.Or(p.Image, p.Prefix, "all images"))
	})
}
