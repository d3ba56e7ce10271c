// SPDX-License-Identifier: Apache-2.0

// Package harness runs the sesame binary from outside, beside the real servers that it
// talks to (a DNS server whose records the test writes, Postfix, OpenDKIM, PostgreSQL), and
// before the browser of those who look at its pages.
// Everything is private to one test: its own folder, free ports of loopback addresses,
// no file of the machine's own configuration. What a test starts ends with the test, or
// with the test process if that dies; the folder of a failed test stays, logs included.
package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/testkit/pgtest"
)

// patience bounds every wait for something that should happen soon. It is generous:
// on a busy machine a test is to be slow, not red.
const patience = 60 * time.Second

// Postgres returns the URL of a fresh database in a private PostgreSQL: see pgtest.URL.
func Postgres(t testing.TB) string {
	t.Helper()
	return pgtest.URL(t)
}

// Dir makes a folder for the test that other users may enter, since Postfix and
// PostgreSQL run as users of their own. It is removed when the test has passed.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sesame-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("kept for a look: %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return dir
}

// FreeAddr returns an address of the loopback address ip where nothing listens.
// Somebody else may take it before it is used; for a program that can listen on port 0
// and say where, prefer that.
func FreeAddr(t testing.TB, ip string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Eventually polls until done reports true, and fails the test with what it waited for
// when that takes too long.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
		<-tick.C
	}
}

// Binary returns the path of the program under test: SESAME_BIN, else what it builds
// from the source once for the test process.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("SESAME_BIN"); path != "" {
		return filepath.Abs(path)
	}
	root, err := root()
	if err != nil {
		return "", err
	}
	// Built beside its name and moved there: another test process may be running it.
	path := filepath.Join(root, "build", "test", "sesame")
	fresh := fmt.Sprintf("%s-%d", path, os.Getpid())
	build := exec.Command("go", "build", "-trimpath", "-o", fresh, "./cmd/sesame")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build sesame: %w\n%s", err, out)
	}
	return path, os.Rename(fresh, path)
})

// root returns the folder of go.mod.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod above the test's folder")
		}
		dir = parent
	}
}

// tail returns the end of a log file for the output of a failed test.
func tail(path string) string {
	const most = 100
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(lines) > most {
		lines = append([]string{"..."}, lines[len(lines)-most:]...)
	}
	return strings.Join(lines, "\n")
}
