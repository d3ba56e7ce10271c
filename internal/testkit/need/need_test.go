// SPDX-License-Identifier: Apache-2.0

package need_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"sesame/internal/testkit/need"
)

// recorder is a test that notes how it ended, so that skipping can be tested.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Skip(args ...any) {
	r.said = append(r.said, "skip: "+args[0].(string))
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, _ ...any) {
	r.said = append(r.said, "fatal: "+format)
	runtime.Goexit()
}

func run(f func(t testing.TB)) []string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.said
}

func TestLibrary(t *testing.T) {
	used := filepath.Join(t.TempDir(), "used")
	t.Setenv(need.UsedFileVariable, used)
	if said := run(func(t testing.TB) { need.Library(t, "Nothing", "example.com/no/such/module") }); len(said) != 1 || !strings.HasPrefix(said[0], "fatal: ") {
		t.Errorf("said %q", said)
	}
	need.Library(t, "DNS library", "github.com/miekg/dns")
	if got, _ := os.ReadFile(used); !regexp.MustCompile(`^DNS library v\d+\.\d+\.\d+\n$`).Match(got) {
		t.Errorf("recorded %q", got)
	}
}

func TestProgram(t *testing.T) {
	here := need.Tool{Name: "The Shell", Paths: []string{"/no/such", "/bin/s[h]"}, Version: []string{"-c", "echo 'shell v4.5.6~rc1 (c) 1999'"}}
	gone := need.Tool{Name: "Nothing", Paths: []string{"/no/such", "no-such-program-anywhere"}, From: "Debian package nothing"}

	t.Run("a program that is there is recorded with its version", func(t *testing.T) {
		used := filepath.Join(t.TempDir(), "used")
		t.Setenv(need.UsedFileVariable, used)
		if got := need.Program(t, here); got != "/bin/sh" {
			t.Errorf("path = %q, want /bin/sh", got)
		}
		if got, _ := os.ReadFile(used); string(got) != "The Shell 4.5.6~rc1\n" {
			t.Errorf("recorded %q", got)
		}
	})
	t.Run("a missing program skips and says where it comes from", func(t *testing.T) {
		t.Setenv("CI", "")
		t.Setenv("SESAME_REQUIRE_ALL", "")
		said := run(func(t testing.TB) { need.Program(t, gone) })
		if len(said) != 1 || !strings.HasPrefix(said[0], "skip: ") || !strings.Contains(said[0], "Debian package nothing") {
			t.Errorf("said %q", said)
		}
	})
	t.Run("a missing program fails where everything is required", func(t *testing.T) {
		t.Setenv("CI", "")
		t.Setenv("SESAME_REQUIRE_ALL", "1")
		said := run(func(t testing.TB) { need.Program(t, gone) })
		if len(said) != 1 || !strings.HasPrefix(said[0], "fatal: ") {
			t.Errorf("said %q", said)
		}
	})
	t.Run("CI requires everything", func(t *testing.T) {
		t.Setenv("CI", "true")
		if !need.Strict() {
			t.Error("not strict")
		}
	})
}

func TestNPM(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"version":"4.5.6"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(t.TempDir(), "used")
	t.Setenv(need.UsedFileVariable, used)
	t.Run("a package that is there is recorded with its version", func(t *testing.T) {
		need.NPM(t, filepath.Dir(folder), filepath.Base(folder))
		if got, _ := os.ReadFile(used); !strings.HasSuffix(string(got), filepath.Base(folder)+" (npm) 4.5.6\n") {
			t.Errorf("recorded %q", got)
		}
	})
	t.Run("a missing package fails where everything is required", func(t *testing.T) {
		t.Setenv("CI", "")
		t.Setenv("SESAME_REQUIRE_ALL", "1")
		said := run(func(t testing.TB) { need.NPM(t, folder, "none") })
		if len(said) != 1 || !strings.HasPrefix(said[0], "fatal: ") {
			t.Errorf("said %q", said)
		}
	})
}
