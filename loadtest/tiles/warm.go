package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"time"
)

// warm asks a server for what record recorded there, over and over: as many
// requests as -requests says, after a tenth of them unmeasured.
func warm(ctx context.Context, args []string) error {
	flags, read := targetFlags("warm")
	kind := flags.String("kind", "warm", "part of the report")
	server := flags.String("server", "", "name in the report")
	round := flags.Int("round", 1, "number in the report")
	file := flags.String("answers", "", "file of the recording")
	requests := flags.Int("requests", 20_000, "requests to measure")
	t, err := read(args)
	if err != nil {
		return err
	}
	var rec recording
	if err := readJSON(*file, &rec); err != nil {
		return err
	}
	clients := t.clients(rec.Cookie)
	defer closeAll(clients)
	if _, err := rec.replay(ctx, clients, *requests/10); err != nil {
		return err
	}
	m := measurement{Kind: *kind, Server: *server, Round: *round}
	before, err := cpuSeconds(t.pids)
	if err != nil {
		return err
	}
	if m.load, err = rec.replay(ctx, clients, *requests); err != nil {
		return err
	}
	after, err := cpuSeconds(t.pids)
	if err != nil {
		return err
	}
	m.CPU = after - before
	return m.print()
}

func (rec recording) replay(ctx context.Context, clients []*client, requests int) (load, error) {
	return closedLoop(ctx, clients, requests, rec.path, rec.compare)
}

func (rec recording) at(i int) recorded { return rec.Answers[i%len(rec.Answers)] }

func (rec recording) path(i int) string { return rec.at(i).Path }

func (rec recording) compare(i int, a answer) error {
	if !bytes.Equal(a.Body, rec.at(i).Body) {
		return fmt.Errorf("%s: the answer is not the recorded one", rec.path(i))
	}
	return nil
}

// bare serves a recording with net/http and nothing else, until it is ended: what
// Go itself costs for these bytes and headers.
func bare(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	listen := flags.String("listen", "", "loopback address")
	file := flags.String("answers", "", "file of the recording")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var rec recording
	if err := readJSON(*file, &rec); err != nil {
		return err
	}
	srv := &http.Server{Addr: *listen, Handler: rec.handler(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.ListenAndServe() }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
		return errors.Join(srv.Close(), ignoreClosed(<-stopped))
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// handler writes recorded answers. net/http dates them itself.
func (rec recording) handler() http.Handler {
	answers := make(map[string]recorded, len(rec.Answers))
	for _, a := range rec.Answers {
		a.Header.Del("Date")
		answers[a.Path] = a
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, found := answers[r.RequestURI]
		if !found {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		for name, values := range a.Header {
			h[name] = values
		}
		_, _ = w.Write(a.Body) // the reader may have left
	})
}
