// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is one line of `go test -json`: see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64
}

// summary is what the events add up to.
type summary struct {
	passed, failed int
	skipped        []string // test and reason

	output  map[string][]string // what a test of a running package has printed
	failing map[string]bool     // packages with a failed test
}

// read takes the events as they come and prints what deserves it at once: a line for
// each package, and everything that a failed test printed.
func read(events io.Reader, out io.Writer) (*summary, error) {
	s := &summary{output: map[string][]string{}, failing: map[string]bool{}}
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(out, "%s", line) // go test says something itself
			} else {
				s.take(e, out)
			}
		}
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (s *summary) take(e event, out io.Writer) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "pass", "skip", "fail":
		if e.Test == "" {
			s.takePackage(e, out)
		} else {
			s.takeTest(e, out)
		}
		delete(s.output, key)
	}
}

func (s *summary) takeTest(e event, out io.Writer) {
	text := s.output[e.Package+" "+e.Test]
	switch e.Action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped = append(s.skipped, e.Package+" "+e.Test+": "+reason(text))
	case "fail":
		s.failed++
		s.failing[e.Package] = true
		fmt.Fprintf(out, "\nFAIL %s %s\n%s\n", e.Package, e.Test, strings.Join(text, ""))
	}
}

func (s *summary) takePackage(e event, out io.Writer) {
	text := strings.Join(s.output[e.Package+" "], "")
	switch {
	case e.Action == "fail":
		if !s.failing[e.Package] {
			s.failed++ // it did not build, panicked or ran out of time
		}
		fmt.Fprintf(out, "FAIL %s %.1fs\n%s", e.Package, e.Elapsed, text)
		for key, lines := range s.output { // tests that were cut off
			if strings.HasPrefix(key, e.Package+" ") && key != e.Package+" " {
				fmt.Fprint(out, strings.Join(lines, ""))
			}
		}
	case e.Action == "pass":
		fmt.Fprintf(out, "ok   %s %.1fs\n", e.Package, e.Elapsed)
	}
}

// reason finds why a test was skipped in what it printed.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			if _, text, found := strings.Cut(line, ".go:"); found {
				_, text, _ = strings.Cut(text, ": ")
				return text
			}
			return line
		}
	}
	return "no reason given"
}

// close prints the end of the run. The last line is the counts.
func (s *summary) close(out io.Writer, programs []string, strict bool) {
	if len(s.skipped) > 0 {
		fmt.Fprintln(out, "\nSkipped:")
		for _, line := range s.skipped {
			fmt.Fprintln(out, "  "+line)
		}
		if strict {
			fmt.Fprintln(out, "A skip is a failure in this run (CI=true or SESAME_REQUIRE_ALL=1).")
		}
	}
	fmt.Fprintln(out, "\nReal servers and clients used:")
	for _, program := range programs {
		fmt.Fprintln(out, "  "+program)
	}
	if len(programs) == 0 {
		fmt.Fprintln(out, "  none")
	}
	fmt.Fprintf(out, "\n%d passed, %d failed", s.passed, s.failed)
	if len(s.skipped) > 0 {
		fmt.Fprintf(out, ", %d skipped", len(s.skipped))
	}
	fmt.Fprintln(out)
}
