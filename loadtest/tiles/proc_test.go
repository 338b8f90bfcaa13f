package main

import (
	"os"
	"os/exec"
	"slices"
	"testing"
)

func TestParseStat(t *testing.T) {
	p, err := parseStat("4711 (a (b) c) S 42 4711 4711 0 -1 4194560 1 2 3 4 150 50 7 3 20 0 1 0 100 0 0")
	if err != nil {
		t.Fatal(err)
	}
	if p.pid != 4711 || p.parent != 42 || p.cpu != 2.1 {
		t.Errorf("%+v", p)
	}
	for _, line := range []string{"", "12 (x)", "12 (x) S 1", ") 1 ("} {
		if _, err := parseStat(line); err == nil {
			t.Errorf("%q is read", line)
		}
	}
}

func TestParsePSS(t *testing.T) {
	n, err := parsePSS("55-7f ---p 00 00:00 0 [rollup]\nRss:   900 kB\nPss:   300 kB\nPss_Anon: 7 kB\n")
	if err != nil || n != 300<<10 {
		t.Errorf("%d %v", n, err)
	}
	if _, err := parsePSS("Rss: 900 kB\n"); err == nil {
		t.Error("a file without PSS is read")
	}
}

func TestDescendants(t *testing.T) {
	all := map[int]process{1: {pid: 1}, 10: {pid: 10, parent: 1}, 11: {pid: 11, parent: 10}, 12: {pid: 12, parent: 11}, 20: {pid: 20, parent: 1}, 30: {pid: 30, parent: 1}}
	var pids []int
	for _, p := range descendants(all, []int{10, 30}) {
		pids = append(pids, p.pid)
	}
	slices.Sort(pids)
	if !slices.Equal(pids, []int{10, 11, 12, 30}) {
		t.Errorf("%v", pids)
	}
}

func TestTreeHoldsChildren(t *testing.T) {
	child := exec.CommandContext(t.Context(), "cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	processes, err := tree([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(processes, func(p process) bool { return p.pid == child.Process.Pid }) {
		t.Error("the child is not in the tree")
	}
	if n, err := residentBytes([]int{os.Getpid()}); err != nil || n < 1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = in.Close()
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := tree([]int{child.Process.Pid}); err == nil {
		t.Error("a process that is gone has a tree")
	}
}

func TestWatchKeepsTheHighest(t *testing.T) {
	peak := watch([]int{os.Getpid()})
	if n, err := peak(); err != nil || n < 1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}
