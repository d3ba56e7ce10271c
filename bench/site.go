// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// site is the place of one run: a directory that is new and empty, and the processes
// of the system under test. Closing it ends and removes all of it.
type site struct {
	dir     string
	workers []int // processes of the benchmark itself, which close spares
	roots   []int // what spawn started
	cmds    []*exec.Cmd
	exits   []chan struct{}
}

// newSite makes a site under work. Other users may read it, as Postfix and OpenDKIM
// give up root.
func newSite(work string, workers ...int) (*site, error) {
	dir, err := os.MkdirTemp(work, "sesame-bench-")
	if err != nil {
		return nil, err
	}
	return &site{dir: dir, workers: workers}, os.Chmod(dir, 0o755)
}

// path joins names to the site's directory.
func (s *site) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

// write makes a file, and its directories, from lines of text.
func (s *site) write(name, text string) error {
	path := s.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// spawn starts a long-running program, whose output goes to NAME.log.
func (s *site) spawn(name string, args ...string) error {
	log, err := os.Create(s.path(name + ".log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	exit := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exit) }()
	s.roots = append(s.roots, cmd.Process.Pid)
	s.cmds, s.exits = append(s.cmds, cmd), append(s.exits, exit)
	return nil
}

// do runs a program to its end and returns its standard output.
func (s *site) do(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = s.dir
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, tail(errs.String(), 400))
	}
	return out, nil
}

// await polls until ready returns nil, for at most 20 seconds, and stops early when a
// program has ended.
func (s *site) await(ctx context.Context, what string, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		for i, exit := range s.exits {
			select {
			case <-exit:
				return fmt.Errorf("%s ended early", filepath.Base(s.cmds[i].Path))
			default:
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", what, err)
		case <-every.C:
		}
	}
}

// logs returns the ends of all logs, for error messages.
func (s *site) logs() string {
	var b strings.Builder
	names, _ := filepath.Glob(s.path("*.log"))
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && len(text) > 0 {
			fmt.Fprintf(&b, "\n%s: %s", filepath.Base(name), tail(string(text), 800))
		}
	}
	return b.String()
}

// close kills everything and removes the directory. It kills by process id: every
// descendant of this process but the workers, as there is one site at a time. That
// includes those who lost their parent, see adoptOrphans.
func (s *site) close() error {
	for range 100 {
		ps, err := readProcs()
		if err != nil {
			return err
		}
		ours := ps.tree(os.Getpid())
		delete(ours, os.Getpid())
		for pid := range ps.tree(s.workers...) {
			delete(ours, pid)
		}
		alive := 0
		for pid, p := range ours {
			if !p.zombie && syscall.Kill(pid, syscall.SIGKILL) == nil {
				alive++
			} else if p.ppid == os.Getpid() && !slices.Contains(s.roots, pid) {
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			}
		}
		if alive == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, exit := range s.exits {
		<-exit
	}
	return os.RemoveAll(s.dir)
}

// adoptOrphans makes this process the parent of descendants whose own parent ends,
// so that they can be found and stopped (prctl(2) PR_SET_CHILD_SUBREAPER).
func adoptOrphans() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// greeted tells whether an SMTP server greets at addr within two seconds.
func greeted(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	c := &smtpConn{conn: conn, r: bufio.NewReader(conn)}
	defer c.close()
	return c.expect("greeting", '2', 2*time.Second)
}

// freePort returns a loopback address whose port was free a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// tail returns the last n octets of a text.
func tail(s string, n int) string {
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-n):]
}
