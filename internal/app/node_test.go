// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestANodeKeepsItsNameAndEachStartHasItsOwn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "data") // made if need be
	form := regexp.MustCompile(`^[0-9a-f]{16}/[0-9a-f]{16}$`)
	seen := map[string]bool{}
	id := ""
	for range 3 {
		n, err := claim(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !form.MatchString(n.name) || seen[n.name] {
			t.Errorf("name %q, after %v", n.name, seen)
		}
		seen[n.name] = true
		if this, _, _ := strings.Cut(n.name, "/"); id != "" && this != id {
			t.Errorf("the node was %s and is %s", id, this)
		} else {
			id = this
		}
		if err := n.release(); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"": 0o700, "lock": 0o600, "node": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%q has mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
}

func TestADataFolderHasOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(dir); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second one: %v", err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := claim(dir)
	if err != nil {
		t.Fatalf("after the first one's end: %v", err)
	}
	if err := again.release(); err != nil {
		t.Error(err)
	}
}

func TestFoldersOfTheirOwnAreNodesOfTheirOwn(t *testing.T) {
	t.Parallel()
	a, err := claim(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := claim(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Split(a.name, "/")[0] == strings.Split(b.name, "/")[0] {
		t.Errorf("%s and %s", a.name, b.name)
	}
	if err := errors.Join(a.release(), b.release()); err != nil {
		t.Error(err)
	}
}

func TestAnEmptyNodeFileGetsAName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "node"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(n.name, "/") {
		t.Errorf("name %q", n.name)
	}
	if err := n.release(); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatCannotBeClaimedIsGivenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "node"), 0o700); err != nil { // a folder where the file should be
		t.Fatal(err)
	}
	if _, err := claim(dir); err == nil {
		t.Fatal("no error")
	}
	if err := os.Remove(filepath.Join(dir, "node")); err != nil {
		t.Fatal(err)
	}
	n, err := claim(dir)
	if err != nil {
		t.Fatalf("the lock was not given back: %v", err)
	}
	if err := n.release(); err != nil {
		t.Error(err)
	}
}

func TestWriteFileReplacesAsAWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, c := range []struct {
		data string
		mode os.FileMode
	}{
		{"the first, which is longer", 0o644},
		{"the second", 0o600},
		{"", 0o600},
	} {
		if err := writeFile(path, []byte(c.data), c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(got) != c.data || info.Mode().Perm() != c.mode {
			t.Errorf("%q, %v; want %q, %v", got, info.Mode(), c.data, c.mode)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, "folder"), []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}
