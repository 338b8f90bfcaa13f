package decoder

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// inject has a child misbehave.
func (p *Pool) inject(ctx context.Context, op protocol.Op) error {
	_, err := p.do(ctx, newJob(ctx, protocol.Request{Op: op}, nil, nil))
	return err
}

// recorder is a log to wait on.
type recorder struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func newRecorder() *recorder { return &recorder{lines: make(chan string, 1000)} }

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines <- string(b)
	return r.text.Write(b)
}

func (r *recorder) log() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

// await waits for a line with these words.
func (r *recorder) await(t *testing.T, words string) {
	t.Helper()
	timeout := time.After(5 * time.Second)
	for {
		select {
		case line := <-r.lines:
			if strings.Contains(line, words) {
				return
			}
		case <-timeout:
			t.Fatalf("no line with %q in\n%s", words, r.text.String())
		}
	}
}

// TestCrash: R1: the task alone fails, and the slot has a new child within a second.
func TestCrash(t *testing.T) {
	for op, want := range map[protocol.Op]string{
		protocol.Crash: "signal: segmentation fault",
		protocol.Alloc: "signal: segmentation fault",
	} {
		t.Run(string(op), func(t *testing.T) {
			p := faulty(t, Config{MemoryBytes: 512 << 20})
			f := openFile(t, tiledJP2(t))
			err := p.inject(t.Context(), op)
			if tile.CodeOf(err) != tile.Broken || !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
			began := time.Now()
			out, err := p.Render(t.Context(), aTile(f))
			if err != nil {
				t.Fatal(err)
			}
			body(t, out)
			t.Logf("R1: the slot was gone for %v", time.Since(began))
		})
	}
}

// TestCrashesAmongGoodTiles: R1: other tasks never notice.
func TestCrashesAmongGoodTiles(t *testing.T) {
	p := faulty(t, Config{Processes: 2})
	path := tiledJP2(t)
	var wait sync.WaitGroup
	for range 4 {
		f := openFile(t, path)
		wait.Go(func() {
			for range 10 {
				out, err := p.Render(t.Context(), aTile(f))
				if err != nil {
					t.Error(err)
					return
				}
				_ = out.Body.Close()
			}
		})
	}
	for range 5 {
		if err := p.inject(t.Context(), protocol.Crash); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
	}
	wait.Wait()
}

// TestKilledFromOutside: as the kernel does when memory runs out.
func TestKilledFromOutside(t *testing.T) {
	p := faulty(t, Config{})
	done := make(chan error, 1)
	go func() { done <- p.inject(t.Context(), protocol.Spin) }()
	_ = syscall.Kill(busyChild(t), syscall.SIGKILL)
	if err := <-done; tile.CodeOf(err) != tile.Broken || !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "signal: killed") {
		t.Error(err)
	}
}

// TestIdleDeath: a child that dies between tasks costs nobody anything.
func TestIdleDeath(t *testing.T) {
	log := newRecorder()
	p := faulty(t, Config{Log: log.log()})
	f := openFile(t, tiledJP2(t))
	out, err := p.Render(t.Context(), aTile(f))
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Body.Close()
	_ = syscall.Kill(childOf(t, os.Getpid()), syscall.SIGKILL)
	log.await(t, "idle decoder process died")
	if out, err = p.Render(t.Context(), aTile(f)); err != nil {
		t.Fatal(err)
	}
	_ = out.Body.Close()
}

// childOf finds the decoder process that a process has started; 0 if there is none.
func childOf(t *testing.T, parent int) int {
	t.Helper()
	tasks, err := filepath.Glob("/proc/" + itoa(parent) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		list, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for pid := range strings.FieldsSeq(string(list)) {
			if command, _ := os.ReadFile("/proc/" + pid + "/cmdline"); bytes.HasPrefix(command, []byte(program)) {
				return atoi(t, pid)
			}
		}
	}
	return 0
}

// busy tells whether a process has used a tenth of a second of processor time.
func busy(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return atoi(t, fields[11])+atoi(t, fields[12]) > 10 // ticks of 10 ms, utime and stime
}

// TestDeadline: R5: an overdue child is killed, and its slot works again.
func TestDeadline(t *testing.T) {
	const timeout = 300 * time.Millisecond
	p := faulty(t, Config{Timeout: timeout})
	f := openFile(t, tiledJP2(t))
	began := time.Now()
	err := p.inject(t.Context(), protocol.Spin)
	if tile.CodeOf(err) != tile.Timeout || !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	if took := time.Since(began); took < timeout {
		t.Errorf("killed after %v, before its time of %v", took, timeout)
	}
	out, err := p.Render(t.Context(), aTile(f))
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Body.Close()
	t.Logf("slot regained %v after the deadline", time.Since(began)-timeout)
}

// TestDeadlineOfBoth: R5: who waits exactly as long as a task may take hears that it has
// cost a child, so that the image is known for it.
func TestDeadlineOfBoth(t *testing.T) {
	const timeout = 300 * time.Millisecond
	p := faulty(t, Config{Timeout: timeout})
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := p.inject(ctx, protocol.Spin); tile.CodeOf(err) != tile.Timeout || !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

// TestShortBudget: R10: a waiter with little time left is no proof against the image.
func TestShortBudget(t *testing.T) {
	p := faulty(t, Config{Timeout: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.inject(ctx, protocol.Spin); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrLost) {
		t.Error(err)
	}
	if err := p.inject(ctx, protocol.Spin); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("spent budget: %v", err)
	}
}

// TestCancel: the waiter is free at once, the slot soon: long work is killed.
func TestCancel(t *testing.T) {
	p := faulty(t, Config{Timeout: time.Minute})
	f := openFile(t, tiledJP2(t))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.inject(ctx, protocol.Spin) }()
	pid := busyChild(t)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Whoever leaves does not wait for the child to be killed.
	if childOf(t, os.Getpid()) == pid && !busy(t, pid) {
		t.Error("the child had ended its work")
	}
	out, err := p.Render(t.Context(), aTile(f))
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Body.Close()
	if childOf(t, os.Getpid()) == pid {
		t.Error("the child that spun was not killed")
	}
}

// busyChild waits until the child of the one slot works, and gives its process id.
func busyChild(t *testing.T) int {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if pid := childOf(t, os.Getpid()); pid != 0 && busy(t, pid) {
			return pid
		}
		select {
		case <-deadline:
			t.Fatal("no child is busy")
		case <-tick.C:
		}
	}
}

// TestCancelShortWork: a child that is about to finish lives on.
func TestCancelShortWork(t *testing.T) {
	p := startPool(t, Config{})
	f := openFile(t, tiledJP2(t))
	render := func(ctx context.Context) error {
		out, err := p.Render(ctx, aTile(f))
		if err == nil {
			_ = out.Body.Close()
		}
		return err
	}
	if err := render(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := childOf(t, os.Getpid())
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		stop := make(chan struct{})
		go func() { defer close(stop); _ = render(ctx) }()
		cancel()
		<-stop
	}
	if err := render(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := childOf(t, os.Getpid()); after != before {
		t.Errorf("child %d was replaced by %d", before, after)
	}
}

// TestRecycle: R8: a child is replaced after so many tasks.
func TestRecycle(t *testing.T) {
	p := startPool(t, Config{MaxTasks: 3})
	f := openFile(t, tiledJP2(t))
	seen := map[int]bool{}
	for range 9 {
		out, err := p.Render(t.Context(), aTile(f))
		if err != nil {
			t.Fatal(err)
		}
		_ = out.Body.Close()
		if pid := childOf(t, os.Getpid()); pid != 0 {
			seen[pid] = true
		}
	}
	if len(seen) < 2 {
		t.Errorf("children %v", seen)
	}
}

// TestFatChild: R8: a child that keeps more than its share is replaced.
func TestFatChild(t *testing.T) {
	p := startPool(t, Config{MaxResident: 1})
	f := openFile(t, tiledJP2(t))
	pids := map[int]bool{}
	for range 3 {
		pids[childOf(t, os.Getpid())] = true
		out, err := p.Render(t.Context(), aTile(f))
		if err != nil {
			t.Fatal(err)
		}
		_ = out.Body.Close()
	}
	if len(pids) < 2 {
		t.Errorf("children %v", pids)
	}
}

// TestChildTalk: what a child writes to its standard error is logged, but for floods.
func TestChildTalk(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	logLines(strings.NewReader("one\n\n"+strings.Repeat("x", 5000)+"\nthree"), log)
	if got := strings.Count(b.String(), "\n"); got != 3 || !strings.Contains(b.String(), "line=three") {
		t.Errorf("%d lines:\n%s", got, b.String())
	}
	b.Reset()
	logLines(strings.NewReader(strings.Repeat("again\n", 10*logLineCount)), log)
	if got := strings.Count(b.String(), "\n"); got != logLineCount+1 {
		t.Errorf("%d lines logged of a flood", got)
	}
}

// TestDamagedFile: R7: refused with words for people, and the child lives on.
func TestDamagedFile(t *testing.T) {
	p := startPool(t, Config{})
	whole := decodertest.Read(t, tiledJP2(t))
	cut := openFile(t, decodertest.WriteFile(t, "cut.jp2", whole[:len(whole)/2]))
	task := aTile(cut)
	task.Region.X, task.Region.Y, task.Region.W, task.Region.H = 300, 300, 200, 200
	_, err := p.Render(t.Context(), task)
	var e *tile.Error
	if !errors.As(err, &e) || e.Code != tile.Broken || e.Message == "" || e.Cause == nil || errors.Is(err, ErrLost) {
		t.Errorf("%#v", err)
	}
	if _, err := p.Inspect(t.Context(), cut, tile.PNG); tile.CodeOf(err) != tile.Broken {
		t.Errorf("a JPEG 2000 file as PNG: %v", err)
	}
	empty := openFile(t, decodertest.WriteFile(t, "empty.jp2", nil))
	if _, err := p.Render(t.Context(), aTile(empty)); tile.CodeOf(err) != tile.Broken {
		t.Errorf("empty file: %v", err)
	}
}
