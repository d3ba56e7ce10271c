// SPDX-License-Identifier: Apache-2.0

// Command runtests runs `go test` and closes with what a reader wants to know: which
// tests were skipped and why, which real servers and clients took part with their
// versions, and the counts. Output of tests that pass is left out.
//
// Usage: runtests [arguments of go test]
//
// Its exit code is 1 if a test failed, and also if one was skipped while CI=true or
// SESAME_REQUIRE_ALL=1 says that nothing may be.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sesame/internal/testkit/need"
)

func main() {
	ok, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "runtests:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(args []string) (bool, error) {
	dir, err := os.MkdirTemp("", "sesame-used-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	used := filepath.Join(dir, "used")

	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Env = append(os.Environ(), need.UsedFileVariable+"="+used)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	s, err := read(events, os.Stdout)
	if err != nil {
		return false, err
	}
	failure := cmd.Wait()
	if failure != nil && s.failed == 0 {
		s.failed = 1 // such as a flag that go test does not know
	}
	list, err := os.ReadFile(used)
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	s.close(os.Stdout, programs(string(list)), need.Strict())
	return failure == nil && s.failed == 0 && (len(s.skipped) == 0 || !need.Strict()), nil
}

// programs makes the list of what was used: each line once, in order.
func programs(list string) []string {
	lines := strings.FieldsFunc(list, func(r rune) bool { return r == '\n' })
	slices.SortFunc(lines, func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
	return slices.Compact(lines)
}
