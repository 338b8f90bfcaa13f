package password

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

func apart(t *testing.T) *Hasher {
	t.Helper()
	h := NewHasher(Config{MemoryKiB: 64, Iterations: 1, Concurrency: 1, Command: []string{os.Args[0], "hash-passwords"}})
	t.Cleanup(h.Close)
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	return h
}

// process is the one that hashes.
func (h *Hasher) process() *os.Process {
	one := <-h.helpers.idle
	h.helpers.idle <- one
	return one.cmd.Process
}

// R60: what hashes gets out of the way of what serves images, this process does not.
func TestR60LowPriority(t *testing.T) {
	own, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	h := apart(t)
	theirs, err := syscall.Getpriority(syscall.PRIO_PROCESS, h.process().Pid)
	if err != nil {
		t.Fatal(err)
	}
	if want := max(20-lowest, own-lower); theirs != want { // 20 less the priority
		t.Errorf("20-nice is %d, want %d; ours is %d", theirs, want, own)
	}
	for range 10 { // whatever thread this is on by now
		if now, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err != nil || now != own {
			t.Errorf("ours became %d, %v", now, err)
		}
	}
}

// A process that was ended from without is replaced, and nobody notices.
func TestHelperIsReplaced(t *testing.T) {
	h := apart(t)
	first := h.process()
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if second := h.process(); second.Pid == first.Pid {
		t.Error("the process that was killed answers")
	}
}

func TestCloseEndsHelpers(t *testing.T) {
	h := apart(t)
	process := h.process()
	h.Close()
	if err := process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the process is there: %v", err)
	}
}

func TestHelperThatCannotBeStarted(t *testing.T) {
	for name, command := range map[string][]string{"no program": {"/nowhere/tessera"}, "another program": {"/bin/true"}} {
		h := NewHasher(Config{Command: command})
		if match, _, err := h.Verify(t.Context(), "x", ""); match || err == nil {
			t.Errorf("%s: %v, %v", name, match, err)
		}
		h.Close()
	}
}
