package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	pollEvery = 20 * time.Millisecond
	pollTime  = 2 * time.Second // for one answer
	lastLines = 4 << 10         // bytes of a log shown with an error
)

// Process is one process of a cluster. Its methods may be called by one goroutine at a
// time.
type Process struct {
	Name string
	URL  string // of an edge, for the public
	Ops  string // of a role, for operators
	Log  string // file

	cluster *Cluster
	program string
	args    []string
	env     []string
	ready   string // answers 200 when it is

	after *Process                    // is to be ready before this one starts; may be nil
	then  func(context.Context) error // what to do before others start; may be nil

	mu  sync.Mutex
	run *run // nil when it does not run
}

// run is one life of a process.
type run struct {
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
	err   error // why; set before ended is closed
}

// Start starts it and does not wait until it is ready.
func (p *Process) Start() error {
	log, err := os.OpenFile(p.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	program := p.program
	if !filepath.IsAbs(program) {
		program = filepath.Join(p.cluster.cfg.Bin, program)
	}
	cmd := exec.Command(program, p.args...) //nolint:noctx // it outlives whoever starts it
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(quietEnvironment(), p.env...)
	// A terminal's ^C goes to the group of whoever runs the cluster, which then stops
	// its processes in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cluster.spawner.run(cmd.Start); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", p.Name, err), log.Close())
	}
	r := &run{cmd: cmd, log: log, ended: make(chan struct{})}
	p.mu.Lock()
	p.run = r
	p.mu.Unlock()
	go func() {
		r.err = errors.Join(cmd.Wait(), log.Close())
		close(r.ended)
	}()
	return nil
}

// quietEnvironment is ours without settings that were meant for other processes.
func quietEnvironment() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TESSERA_") {
			env = append(env, pair)
		}
	}
	return env
}

func (p *Process) current() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run
}

// Await returns when the process is ready. The error has the end of its log.
func (p *Process) Await(ctx context.Context) error {
	return p.poll(ctx, func() bool { return p.Ready(ctx) }, "ready")
}

// AwaitNotReady returns when the process says that it is not ready, or has ended.
func (p *Process) AwaitNotReady(ctx context.Context) error {
	return p.poll(ctx, func() bool { return !p.Ready(ctx) }, "not ready")
}

func (p *Process) poll(ctx context.Context, holds func() bool, what string) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	r := p.current()
	if r == nil {
		return fmt.Errorf("%s was not started", p.Name)
	}
	for !holds() {
		select {
		case <-tick.C:
		case <-r.ended:
			return fmt.Errorf("%s ended: %w\n%s", p.Name, r.err, p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is never %s: %w\n%s", p.Name, what, ctx.Err(), p.Tail())
		}
	}
	return nil
}

// Ready asks once.
func (p *Process) Ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.ready, nil)
	if err != nil {
		return false
	}
	resp, err := poller.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	return resp.StatusCode == http.StatusOK
}

// poller keeps no connections: they would hold up processes that are to end.
var poller = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error {
	r := p.current()
	if r == nil {
		return fmt.Errorf("%s does not run", p.Name)
	}
	return r.cmd.Process.Signal(s)
}

// Stop asks the process to end (SIGTERM) and waits, but kills it after a time. It is
// nil for one that does not run.
func (p *Process) Stop(within time.Duration) error {
	r := p.current()
	if r == nil {
		return nil
	}
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-r.ended:
		return p.gone(r.err)
	case <-time.After(within):
		_ = r.cmd.Process.Kill()
		<-r.ended
		return errors.Join(p.gone(nil), fmt.Errorf("%s had to be killed\n%s", p.Name, p.Tail()))
	}
}

// Kill ends the process as a fault would (SIGKILL), and returns when it is gone.
func (p *Process) Kill() {
	r := p.current()
	if r == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	<-r.ended
	_ = p.gone(nil)
}

// Ended is closed when the process of the moment has ended.
func (p *Process) Ended() <-chan struct{} {
	if r := p.current(); r != nil {
		return r.ended
	}
	closed := make(chan struct{})
	close(closed)
	return closed
}

func (p *Process) gone(err error) error {
	p.mu.Lock()
	p.run = nil
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", p.Name, err, p.Tail())
	}
	return nil
}

// Tail is the end of the process's log.
func (p *Process) Tail() string {
	log, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-lastLines):])
}
