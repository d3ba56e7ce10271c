// SPDX-License-Identifier: Apache-2.0

// Package need finds the real servers and clients that a test works with. A test that
// needs one which is not there skips and says what to install; where everything is
// required (CI=true or SESAME_REQUIRE_ALL=1) it fails instead, so that a run which
// passes there has used all of them. What was used is written down with its version
// for the list at the end of `make test`. For tests only.
package need

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// UsedFileVariable names the environment variable that holds the path of the file to
// which each program used is appended, one line each. Without it nothing is written.
const UsedFileVariable = "SESAME_TEST_USED"

// Strict reports whether a missing program is a failure and not a reason to skip.
func Strict() bool {
	return os.Getenv("CI") == "true" || os.Getenv("SESAME_REQUIRE_ALL") == "1"
}

// Program returns the path of the tool's program and records its version. Without the
// program, or without root where the tool needs it, the test is skipped or fails: see
// Strict.
func Program(t testing.TB, tool Tool) string {
	t.Helper()
	path := tool.find()
	if path == "" {
		missing(t, tool.Name+" is not installed ("+tool.From+")")
	}
	if tool.Root && os.Getuid() != 0 {
		missing(t, tool.Name+" can be started by root only")
	}
	Used(t, tool.Name, version(t, path, tool.Version))
	return path
}

// Module checks that the Python module of Debian's Python is there and records its
// version. It returns the path of the Python that has it.
func Module(t testing.TB, m PythonModule) string {
	t.Helper()
	python := Program(t, Python)
	out, err := exec.Command(python, "-c", m.Version).CombinedOutput()
	if err != nil {
		missing(t, m.Name+" is not installed ("+m.From+")")
	}
	Used(t, m.Name, strings.TrimSpace(string(out)))
	return python
}

// NPM checks that npm's packages are in the folder node_modules, which `npm ci` in
// test/clients fills, and records their versions. It returns the path of Node.js.
func NPM(t testing.TB, folder string, packages ...string) string {
	t.Helper()
	node := Program(t, Node)
	for _, name := range packages {
		file, err := os.ReadFile(filepath.Join(folder, name, "package.json"))
		if err != nil {
			missing(t, name+" is not installed (npm ci in test/clients, which make test does)")
		}
		var about struct{ Version string }
		if err := json.Unmarshal(file, &about); err != nil {
			t.Fatal(err)
		}
		Used(t, name+" (npm)", about.Version)
	}
	return node
}

// Library records the version of a Go module that nobody here wrote and that the test
// has as a client or a server, so that the list names it.
func Library(t testing.TB, name, module string) {
	t.Helper()
	// A test's own build information does not list its modules.
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
	if err != nil {
		t.Fatalf("find the version of %s: %v", module, err)
	}
	Used(t, name, strings.TrimSpace(string(out)))
}

// Used writes one line "name version" for the list of what the run used.
func Used(t testing.TB, name, version string) {
	t.Helper()
	path := os.Getenv(UsedFileVariable)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatalf("record the use of %s: %v", name, err)
	}
	defer f.Close()
	if _, err := f.WriteString(name + " " + version + "\n"); err != nil {
		t.Fatalf("record the use of %s: %v", name, err)
	}
}

func missing(t testing.TB, why string) {
	t.Helper()
	if Strict() {
		t.Fatalf("%s, and this run requires everything", why)
	}
	t.Skip(why)
}

// find returns the first of the tool's paths that exists; of the matches of a pattern
// the last, which is the newest version.
func (tool Tool) find() string {
	for _, pattern := range tool.Paths {
		if !strings.Contains(pattern, "/") {
			if path, err := exec.LookPath(pattern); err == nil {
				return path
			}
			continue
		}
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

// version runs what prints the version. The first thing that looks like one counts.
func version(t testing.TB, path string, args []string) string {
	t.Helper()
	if filepath.IsAbs(args[0]) {
		path, args = args[0], args[1:]
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", path, strings.Join(args, " "), err, out)
	}
	found := regexp.MustCompile(`\d+(\.\d+)*[~\w.+-]*`).FindString(string(out))
	if found == "" {
		t.Fatalf("%s %s printed no version:\n%s", path, strings.Join(args, " "), out)
	}
	return found
}
