// SPDX-License-Identifier: Apache-2.0

// Bench compares Sesame with what a user would take instead, side by side on one
// machine and over loopback: as a durable, DKIM-signing relay with Postfix +
// OpenDKIM and with Haraka, and as an API server with aws-ses-v2-local. It runs all of them in
// turn, several times round, under the same loader and in front of the same sink,
// prints tables, and writes them into docs/benchmarks.md, which also says how to
// read them.
//
// It starts private instances with files in a temporary directory and ports on
// loopback, and leaves nothing running. It must be root, because Postfix must.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// Verbs of the worker processes.
const (
	verbSink = "sink"
	verbLoad = "load"
	verbCall = "call"
)

// Places under the root of the repository; build/ is never committed.
const (
	nodeCache = "build/bench-node"
	rawFile   = "build/bench-runs.json"
	page      = "docs/benchmarks.md"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 {
		switch args[0] {
		case verbSink:
			return runSink(os.Stdin, os.Stdout)
		case verbLoad:
			return runLoader(os.Stdin, os.Stdout)
		case verbCall:
			return runCaller(os.Stdin, os.Stdout)
		}
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return o.compare(ctx)
}

// options are the command line.
type options struct {
	root    string // of the repository
	rounds  int
	only    *regexp.Regexp
	quick   bool
	output  string // page to write into; empty: none
	work    string // where the systems keep their queues
	sesame  string // binary
	command string // as it was given, for the page
}

func parse(args []string) (options, error) {
	o := options{command: strings.TrimSpace("go run ./bench " + strings.Join(args, " "))}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.IntVar(&o.rounds, "rounds", 3, "how often every scenario runs")
	only := fs.String("only", "", "run the scenarios whose name matches this `pattern`, such as 'relay/Postfix.*/4KiB/20$'")
	fs.BoolVar(&o.quick, "quick", false, "few messages, one task of each kind: to try the harness, not to measure")
	fs.StringVar(&o.output, "o", "", "page to write the tables into (default "+page+", or none with -quick or -only)")
	fs.StringVar(&o.work, "work", "/var/tmp", "`directory` for queues; put it on the disk that is to be measured")
	fs.StringVar(&o.sesame, "sesame", "", "Sesame `binary` (default: build ./cmd/sesame)")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 || o.rounds < 1 {
		return o, errors.New("usage: bench [flags]; rounds is at least 1")
	}
	var err error
	if *only != "" {
		if o.only, err = regexp.Compile(*only); err != nil {
			return o, err
		}
	}
	if o.root, err = findRoot(); err != nil {
		return o, err
	}
	if o.output == "" && !o.quick && o.only == nil {
		o.output = o.path(page)
	}
	if o.sesame == "" {
		o.sesame = o.path("build/bench-sesame")
	}
	return o, nil
}

func (o options) path(name string) string { return filepath.Join(o.root, name) }

// findRoot returns the nearest directory above with a go.mod.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not inside the repository")
		}
		dir = filepath.Dir(dir)
	}
}

// compare sets up, runs everything round robin and reports.
func (o options) compare(ctx context.Context) error {
	scenarios := choose(plan(o), o.only)
	if len(scenarios) == 0 {
		return errors.New("no scenario matches")
	}
	if err := setUp(ctx, o, scenarios); err != nil {
		return err
	}
	if err := adoptOrphans(); err != nil {
		return err
	}
	b, err := newBench(o.work)
	if err != nil {
		return err
	}
	defer func() { b.close() }()
	m, err := describe(ctx, o)
	if err != nil {
		return err
	}
	var results []result
	for round := range o.rounds {
		if err := m.measureSync(o.work); err != nil {
			return err
		}
		for i, sc := range scenarios {
			r, err := b.run(ctx, sc, round+1)
			if err != nil {
				return err
			}
			results = append(results, r)
			progress(os.Stderr, r, round*len(scenarios)+i+1, o.rounds*len(scenarios))
		}
	}
	return o.report(os.Stdout, m, results)
}

// report prints the tables and writes them where they belong.
func (o options) report(w io.Writer, m machine, results []result) error {
	text := render(m, results)
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.path(rawFile), raw, 0o600); err != nil {
		return err
	}
	if o.output == "" {
		return nil
	}
	return writeBetweenMarkers(o.output, text)
}

// progress prints a line for one finished run.
func progress(w io.Writer, r result, i, of int) {
	what := fmt.Sprintf("%7.0f accepted/s %7.0f end-to-end/s %6.2f ms CPU/message %4.0f MB, others %2.0f %%, steal %2.0f %%",
		r.Accepted, r.EndToEnd, r.perMessage(r.Usage.System), float64(r.Usage.PeakPSS)/1e6, 100*r.Usage.Others, 100*r.Usage.Steal)
	if r.Error != "" {
		what = "FAILED: " + r.Error
	} else if r.Usage.disturbed() {
		what += " DISTURBED"
	}
	_, _ = fmt.Fprintf(w, "[%d/%d] %-36s %s\n", i, of, r.name(), what)
}

// build compiles Sesame the way that it is released: without a C compiler.
func build(ctx context.Context, o options) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", o.sesame, "./cmd/sesame")
	cmd.Dir, cmd.Env = o.root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build Sesame: %w: %s", err, tail(string(out), 1000))
	}
	return nil
}
