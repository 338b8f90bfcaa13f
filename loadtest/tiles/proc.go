package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// clockTick is the unit of times in /proc, which Linux fixes for programs at 1/100 s.
const clockTick = 0.01

// process is one line of /proc/PID/stat: who started it and the processor time
// that it and its children already gone have used.
type process struct {
	pid, parent int
	cpu         float64 // seconds
}

// parseStat reads a line of /proc/PID/stat. The name, second of the fields, is in
// parentheses and may hold anything, so fields count from the last of them.
func parseStat(line string) (process, error) {
	begin, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if begin < 0 || end < begin {
		return process{}, fmt.Errorf("no process name in %q", line)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 15 {
		return process{}, fmt.Errorf("%d fields in %q", len(fields), line)
	}
	var numbers []int
	for _, text := range append([]string{strings.TrimSpace(line[:begin]), fields[1]}, fields[11:15]...) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return process{}, err
		}
		numbers = append(numbers, n)
	}
	ticks := numbers[2] + numbers[3] + numbers[4] + numbers[5]
	return process{pid: numbers[0], parent: numbers[1], cpu: float64(ticks) * clockTick}, nil
}

// tree lists the processes of roots and all that descend from them. One that ends
// while it is looked at is left out.
func tree(roots []int) ([]process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := make(map[int]process)
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if p, err := parseStat(string(line)); err == nil {
			all[p.pid] = p
		}
	}
	for _, root := range roots {
		if _, alive := all[root]; !alive {
			return nil, fmt.Errorf("process %d is gone", root)
		}
	}
	return descendants(all, roots), nil
}

func descendants(all map[int]process, roots []int) []process {
	var found []process
	for queue := roots; len(queue) > 0; queue = queue[1:] {
		found = append(found, all[queue[0]])
		for _, p := range all {
			if p.parent == queue[0] {
				queue = append(queue, p.pid)
			}
		}
	}
	return found
}

// cpuSeconds is the processor time of whole process trees so far.
func cpuSeconds(roots []int) (float64, error) {
	processes, err := tree(roots)
	sum := 0.0
	for _, p := range processes {
		sum += p.cpu
	}
	return sum, err
}

// residentBytes is the memory of whole process trees, pages shared by several
// processes divided among them (PSS).
func residentBytes(roots []int) (int64, error) {
	processes, err := tree(roots)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, p := range processes {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.pid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it ended meanwhile
		}
		if err != nil {
			return 0, fmt.Errorf("the memory of process %d cannot be read; run the benchmark as root: %w", p.pid, err)
		}
		n, err := parsePSS(string(rollup))
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// parsePSS finds the line "Pss:  1234 kB".
func parsePSS(rollup string) (int64, error) {
	for line := range strings.Lines(rollup) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" && fields[2] == "kB" {
			kb, err := strconv.ParseInt(fields[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no line of PSS in %q", rollup)
}
