// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/core/blob"
)

const key = "010001890a1b2c3d-0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f-000000"

func open(t *testing.T) (*blob.Dir, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "blobs")
	d, err := blob.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return d, root
}

// files are the files below root.
func files(t *testing.T, root string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestABlobIsWhatWasPut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"some bytes", []byte("Subject: x\r\n\r\nhello\r\n")},
		{"nothing", nil},
		{"every byte", func() (b []byte) {
			for i := range 256 {
				b = append(b, byte(i))
			}
			return b
		}()},
		{"a large one", bytes.Repeat([]byte("0123456789abcdef"), 256<<10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, root := open(t)
			if err := d.Put(key, c.data); err != nil {
				t.Fatal(err)
			}
			got, err := d.Get(key)
			if err != nil || !bytes.Equal(got, c.data) {
				t.Errorf("%d bytes, %v; want %d", len(got), err, len(c.data))
			}
			if all := files(t, root); len(all) != 1 {
				t.Errorf("files: %v", all)
			}
		})
	}
}

func TestABlobStaysWhenTheStoreIsOpenedAgain(t *testing.T) {
	t.Parallel()
	d, root := open(t)
	if err := d.Put(key, []byte("x")); err != nil {
		t.Fatal(err)
	}
	again, err := blob.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Get(key); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestOthersCannotReadBlobs(t *testing.T) {
	t.Parallel()
	d, root := open(t)
	if err := d.Put(key, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, path := range append(files(t, root), root) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
}

func TestASecondPutReplacesTheFirst(t *testing.T) {
	t.Parallel()
	d, root := open(t)
	for _, data := range []string{"the first, which is longer", "the second"} {
		if err := d.Put(key, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.Get(key); err != nil || string(got) != "the second" {
		t.Errorf("%q, %v", got, err)
	}
	if all := files(t, root); len(all) != 1 {
		t.Errorf("files: %v", all)
	}
}

func TestAMissingBlob(t *testing.T) {
	t.Parallel()
	d, _ := open(t)
	if _, err := d.Get(key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get: %v", err)
	}
	if err := d.Delete(key); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if err := d.Put(key, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(key); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, err := d.Get(key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get after Delete: %v", err)
	}
}

func TestAKeyNeverLeadsOutOfTheFolder(t *testing.T) {
	t.Parallel()
	d, root := open(t)
	for _, bad := range []string{
		"", "short", "../../../../etc/passwd", "aaaaaaaaaaaa/bbbbbbbbbb", "aaaaaaaaaaaa\\bbbbbbbbbb", "AAAAAAAAAAAAAAAA",
		"aaaaaaaaaaaa.bbbbbbbbbb", "aaaaaaaaaaaa\x00bbbbbbbbbb", "aaaaaaaaaaaaaäbbbbbbbbbb", strings.Repeat("a", 129),
	} {
		if err := d.Put(bad, []byte("x")); !errors.Is(err, blob.ErrKey) {
			t.Errorf("Put %q: %v", bad, err)
		}
		if _, err := d.Get(bad); !errors.Is(err, blob.ErrKey) {
			t.Errorf("Get %q: %v", bad, err)
		}
		if err := d.Delete(bad); !errors.Is(err, blob.ErrKey) {
			t.Errorf("Delete %q: %v", bad, err)
		}
	}
	if all := files(t, root); len(all) != 0 {
		t.Errorf("files: %v", all)
	}
}

func TestAPutThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	d, root := open(t)
	if err := d.Put(key, []byte("x")); err != nil {
		t.Fatal(err)
	}
	path := files(t, root)[0]
	if err := d.Delete(key); err != nil {
		t.Fatal(err)
	}
	// A folder where the file should be: the rename fails after all was written.
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(key, []byte("y")); err == nil {
		t.Error("no error")
	}
	if all := files(t, root); len(all) != 0 {
		t.Errorf("files: %v", all)
	}
}

func TestSweepRemovesWhatACrashLeft(t *testing.T) {
	t.Parallel()
	d, root := open(t)
	now := time.Now()
	keyOf := func(i int) string { return fmt.Sprintf("%s%d", strings.TrimSuffix(key, "0"), i) }
	for i, age := range []time.Duration{time.Minute, 2 * time.Hour, 2 * time.Hour} {
		if err := d.Put(keyOf(i), []byte("x")); err != nil {
			t.Fatal(err)
		}
		for _, path := range files(t, root) {
			if filepath.Base(path) == keyOf(i) {
				if err := os.Chtimes(path, now, now.Add(-age)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	dir := filepath.Dir(files(t, root)[0])
	for name, age := range map[string]time.Duration{"new-1": 2 * time.Hour, "new-2": time.Minute} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	asked := map[string]bool{}
	err := d.Sweep(now.Add(-time.Hour), func(k string) bool {
		asked[k] = true
		return k == keyOf(1)
	})
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, path := range files(t, root) {
		left[filepath.Base(path)] = true
	}
	want := map[string]bool{keyOf(0): true, keyOf(1): true, "new-2": true}
	if fmt.Sprint(left) != fmt.Sprint(want) {
		t.Errorf("left %v, want the young one, the known one and the young unfinished one", left)
	}
	if asked[keyOf(0)] || asked["new-1"] {
		t.Errorf("asked about %v", asked)
	}
}

func TestOpenSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Open(filepath.Join(file, "blobs")); err == nil {
		t.Error("a folder below a file was opened")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	d, root := open(t)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			k := fmt.Sprintf("%s%02x", key[:len(key)-9], i) + key[len(key)-7:]
			if err := d.Put(k, []byte(k)); err != nil {
				t.Error(err)
			}
			if got, err := d.Get(k); err != nil || string(got) != k {
				t.Errorf("%s: %q, %v", k, got, err)
			}
		})
	}
	wg.Wait()
	if n := len(files(t, root)); n != 40 {
		t.Errorf("%d files", n)
	}
}
