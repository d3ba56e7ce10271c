// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// proc is one process as /proc/PID/stat shows it.
type proc struct {
	pid, ppid int
	name      string
	zombie    bool // has ended and waits for its parent to notice
	// cpu is user and system time of the process and of its ended children. Summed
	// over a tree it misses nobody, as a child's time moves to its parent at its end.
	cpu time.Duration
}

// procs is all processes of the machine at one moment, by id.
type procs map[int]proc

// readProcs takes the snapshot. Processes that vanish meanwhile are left out.
func readProcs() (procs, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("no processes in /proc"), err)
	}
	ps := make(procs, len(names))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		p, err := parseStat(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		ps[p.pid] = p
	}
	return ps, nil
}

// parseStat reads one line of proc(5) "stat". The command name may hold spaces and
// parentheses, so the fields are counted from its last one.
func parseStat(b []byte) (proc, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return proc{}, errors.New("no command name")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:open])))
	if err != nil {
		return proc{}, err
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 15 {
		return proc{}, errors.New("too few fields")
	}
	p := proc{pid: pid, name: string(b[open+1 : end]), zombie: f[0] == "Z"}
	if p.ppid, err = strconv.Atoi(f[1]); err != nil {
		return proc{}, err
	}
	for _, s := range f[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return proc{}, err
		}
		p.cpu += time.Duration(n) * tick
	}
	return p, nil
}

// tree returns the processes among roots and all their descendants.
func (ps procs) tree(roots ...int) procs {
	children := map[int][]int{}
	for pid, p := range ps {
		children[p.ppid] = append(children[p.ppid], pid)
	}
	found := procs{}
	for todo := roots; len(todo) > 0; {
		pid := todo[0]
		todo = todo[1:]
		p, ok := ps[pid]
		if _, again := found[pid]; again || !ok {
			continue
		}
		found[pid] = p
		todo = append(append([]int(nil), todo...), children[pid]...)
	}
	return found
}

// cpu is the time used by all processes in ps.
func (ps procs) cpu() time.Duration {
	var sum time.Duration
	for _, p := range ps {
		sum += p.cpu
	}
	return sum
}

// kernelThreads is the process that is the parent of all kernel threads.
const kernelThreads = 2

// strangers returns the user processes that are not in the tree of roots. Kernel
// threads are left out: what they do (writing back pages, network) is caused by the
// run itself.
func (ps procs) strangers(roots ...int) procs {
	ours, kernel := ps.tree(roots...), ps.tree(kernelThreads)
	rest := procs{}
	for pid, p := range ps {
		_, a := ours[pid]
		_, b := kernel[pid]
		if !a && !b {
			rest[pid] = p
		}
	}
	return rest
}

// pss is the proportional set size of all processes in ps, in bytes: memory that
// several of them share is counted once.
func (ps procs) pss() int64 {
	var sum int64
	for pid := range ps {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				if f := strings.Fields(rest); len(f) > 0 {
					kb, _ := strconv.ParseInt(f[0], 10, 64)
					sum += kb << 10
				}
				break
			}
		}
	}
	return sum
}

// stolen is the time that the host has kept from this machine's processors so far,
// summed over them (proc(5) "stat", column steal).
func stolen() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	f := strings.Fields(strings.SplitN(string(b), "\n", 2)[0])
	if len(f) < 9 || f[0] != "cpu" {
		return 0, errors.New("/proc/stat: unknown form")
	}
	n, err := strconv.ParseInt(f[8], 10, 64)
	return time.Duration(n) * tick, err
}
