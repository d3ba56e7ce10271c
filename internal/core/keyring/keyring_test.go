// SPDX-License-Identifier: Apache-2.0

package keyring_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/core/keyring"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func create(t testing.TB) (*keyring.Ring, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keyring.json")
	r, err := keyring.LoadOrCreate(file, start)
	if err != nil {
		t.Fatal(err)
	}
	return r, file
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	r := keyring.Ephemeral()
	for _, plain := range [][]byte{nil, {0}, []byte("a secret access key"), bytes.Repeat([]byte("k"), 1<<16)} {
		for _, aad := range [][]byte{nil, []byte("access_key/AKID/secret")} {
			sealed := r.Seal(plain, aad)
			if len(sealed) != len(plain)+keyring.Overhead {
				t.Errorf("sealed has %d bytes for %d", len(sealed), len(plain))
			}
			got, err := r.Open(sealed, aad)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("opened to %q, %v", got, err)
			}
			if len(plain) > 8 && bytes.Contains(sealed, plain[:8]) {
				t.Error("the secret shows")
			}
			if bytes.Equal(sealed, r.Seal(plain, aad)) {
				t.Error("two seals are the same")
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	r := keyring.Ephemeral()
	aad := []byte("row 1")
	sealed := r.Seal([]byte("secret"), aad)
	for i := range sealed {
		bad := slices.Clone(sealed)
		bad[i] ^= 0x10
		if _, err := r.Open(bad, aad); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
	}
	for n := range sealed {
		if _, err := r.Open(sealed[:n], aad); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for name, other := range map[string][]byte{"another row": []byte("row 2"), "no row": nil, "a longer row": []byte("row 11")} {
		if _, err := r.Open(sealed, other); !errors.Is(err, keyring.ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keyring.Ephemeral().Open(sealed, aad); !errors.Is(err, keyring.ErrTampered) {
		t.Errorf("another ring with the same key id: %v", err)
	}
}

func TestFileKeepsTheRing(t *testing.T) {
	t.Parallel()
	r, file := create(t)
	sealed := r.Seal([]byte("secret"), nil)
	again, err := keyring.LoadOrCreate(file, start)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, nil); err != nil || string(got) != "secret" {
		t.Errorf("opened to %q, %v", got, err)
	}
	fi, err := os.Stat(file)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("file is %v, %v", fi.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v, %v", entries, err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	old, file := create(t)
	before := old.Seal([]byte("before"), nil)
	link := old.MAC("link", []byte("data"))

	rotated, err := keyring.Rotate(file, start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if ids := rotated.KeyIDs(); !slices.Equal(ids, []uint32{1, 2}) {
		t.Errorf("keys are %v", ids)
	}
	if got, err := rotated.Open(before, nil); err != nil || string(got) != "before" {
		t.Errorf("what the old key sealed: %q, %v", got, err)
	}
	if !rotated.CheckMAC("link", []byte("data"), link) {
		t.Error("a link of the old key is refused")
	}
	if bytes.Equal(rotated.MAC("link", []byte("data")), link) {
		t.Error("the new key does not make the MACs")
	}
	after := rotated.Seal([]byte("after"), nil)
	if ids := old.KeyIDs(); !slices.Equal(ids, []uint32{1}) {
		t.Errorf("the running ring has keys %v", ids)
	}
	if got, err := old.Open(after, nil); err != nil || string(got) != "after" {
		t.Errorf("a running ring meets the new key: %q, %v", got, err)
	}
	if ids := old.KeyIDs(); !slices.Equal(ids, []uint32{1, 2}) {
		t.Errorf("the running ring has keys %v after that", ids)
	}
	if _, err := os.Stat(file + ".lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is still there: %v", err)
	}
}

func TestRotationRefuses(t *testing.T) {
	t.Parallel()
	_, file := create(t)
	if err := os.WriteFile(file+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Rotate(file, start); !errors.Is(err, fs.ErrExist) {
		t.Errorf("while another rotates: %v", err)
	}
	if _, err := os.Stat(file + ".lock"); err != nil {
		t.Errorf("the other's lock: %v", err)
	}
	if _, err := keyring.Rotate(filepath.Join(t.TempDir(), "none"), start); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestUnknownKey(t *testing.T) {
	t.Parallel()
	a, file := create(t)
	if _, err := keyring.Rotate(file, start); err != nil {
		t.Fatal(err)
	}
	two, err := keyring.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	sealed := two.Seal([]byte("x"), nil)
	if _, err := keyring.Ephemeral().Open(sealed, nil); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("a ring without a file: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Open(sealed, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a ring whose file is gone: %v", err)
	}
	if _, err := a.Open(a.Seal(nil, nil), nil); err != nil {
		t.Errorf("its own key: %v", err)
	}
}

func TestMAC(t *testing.T) {
	t.Parallel()
	r := keyring.Ephemeral()
	mac := r.MAC("verp", []byte("data"))
	for _, tc := range []struct {
		name    string
		purpose string
		data    string
		mac     []byte
		ok      bool
	}{
		{"the same", "verp", "data", mac, true},
		{"truncated", "verp", "data", mac[:10], true},
		{"truncated to the least", "verp", "data", mac[:keyring.MinMAC], true},
		{"truncated too far", "verp", "data", mac[:keyring.MinMAC-1], false},
		{"empty", "verp", "data", nil, false},
		{"too long", "verp", "data", append(slices.Clone(mac), 0), false},
		{"another purpose", "link", "data", mac, false},
		{"other data", "verp", "Data", mac, false},
		{"another tail", "verp", "data", append(slices.Clone(mac[:31]), mac[31]^1), false},
	} {
		if r.CheckMAC(tc.purpose, []byte(tc.data), tc.mac) != tc.ok {
			t.Errorf("%s: want %v", tc.name, tc.ok)
		}
	}
	for i := range 200 { // more purposes than are kept
		p := fmt.Sprint("purpose ", i)
		if !r.CheckMAC(p, nil, r.MAC(p, nil)) {
			t.Errorf("%s: its own MAC is refused", p)
		}
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	good := `{"version":1,"keys":[{"id":1,"created":"2026-01-01T00:00:00Z","secret":"` + strings.Repeat("A", 43) + `="}]}`
	for name, tc := range map[string]struct {
		content string
		mode    fs.FileMode
		text    string
	}{
		"a good file":            {good, 0o600, ""},
		"a good file of a group": {good, 0o640, ""},
		"others may read":        {good, 0o604, "set mode 0600"},
		"a group may write":      {good, 0o620, "set mode 0600"},
		"an empty file":          {"", 0o600, "not a keyring file"},
		"a cut file":             {good[:len(good)-2], 0o600, "not a keyring file"},
		"two rings":              {good + good, 0o600, "not a keyring file"},
		"an unknown member":      {strings.Replace(good, "{", `{"x":1,`, 1), 0o600, "not a keyring file"},
		"another version":        {strings.Replace(good, `"version":1`, `"version":2`, 1), 0o600, "version 2"},
		"no keys":                {`{"version":1,"keys":[]}`, 0o600, "0 keys"},
		"a short key":            {strings.Replace(good, "AAAA", "", 1), 0o600, "29 bytes"},
		"a key twice":            {strings.Replace(good, `[{`, `[{"id":1,"secret":"`+strings.Repeat("A", 43)+`="},{`, 1), 0o600, "out of order"},
		"a file far too big":     {good + strings.Repeat(" ", 1<<20), 0o600, "no keyring"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "keyring.json")
			if err := os.WriteFile(file, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, tc.mode); err != nil {
				t.Fatal(err)
			}
			_, err := keyring.LoadOrCreate(file, start)
			if (err == nil) != (tc.text == "") || err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %q", err, tc.text)
			}
			if err != nil && strings.Contains(err.Error(), "AAAA") {
				t.Error("the error shows the key")
			}
			if data, err := os.ReadFile(file); err != nil || string(data) != tc.content {
				t.Error("the file was changed")
			}
		})
	}
	if _, err := keyring.LoadOrCreate(filepath.Join(t.TempDir(), "no", "folder"), start); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

const helperEnv = "KEYRING_TEST_FILE"

// TestHelperProcess is not a test: TestManyProcesses runs it in processes of its own.
func TestHelperProcess(t *testing.T) {
	file := os.Getenv(helperEnv)
	if file == "" {
		return
	}
	r, err := keyring.LoadOrCreate(file, start)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("mac=%s\n", hex.EncodeToString(r.MAC("test", nil)))
}

func TestManyProcessesMakeOneRing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keyring.json")
	var mu sync.Mutex
	macs := map[string]int{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$", "-test.v")
			cmd.Env = append(os.Environ(), helperEnv+"="+file)
			out, err := cmd.CombinedOutput()
			_, mac, found := strings.Cut(string(out), "mac=")
			if err != nil || !found {
				t.Errorf("%v: %s", err, out)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			macs[mac[:64]]++
		})
	}
	for range 8 {
		wg.Go(func() {
			r, err := keyring.LoadOrCreate(file, start)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			macs[hex.EncodeToString(r.MAC("test", nil))]++
		})
	}
	wg.Wait()
	if len(macs) != 1 {
		t.Errorf("%d rings were made: %v", len(macs), macs)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v, %v", entries, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	r, file := create(t)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				aad := []byte{byte(g), byte(i)}
				if _, err := r.Open(r.Seal(aad, aad), aad); err != nil {
					t.Error(err)
				}
				if !r.CheckMAC("p", aad, r.MAC("p", aad)) {
					t.Error("a MAC is refused")
				}
			}
		})
	}
	wg.Go(func() {
		n, err := keyring.Rotate(file, start)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := r.Open(n.Seal(nil, nil), nil); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
}

func FuzzOpen(f *testing.F) {
	r := keyring.Ephemeral()
	f.Add(r.Seal([]byte("x"), nil), []byte(nil))
	f.Add([]byte{1, 0, 0, 0, 1}, []byte("aad"))
	f.Fuzz(func(t *testing.T, sealed, aad []byte) {
		if _, err := keyring.Ephemeral().Open(sealed, aad); err == nil {
			t.Error("a forged secret opens")
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"version":1,"keys":[{"id":1,"created":"2026-01-01T00:00:00Z","secret":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]}`))
	f.Add([]byte(`{"version":1,"keys":[{"id":-1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := keyring.Load(file); err == nil && len(r.KeyIDs()) == 0 {
			t.Error("a ring without keys")
		}
	})
}

func BenchmarkRing(b *testing.B) {
	r := keyring.Ephemeral()
	plain, aad := make([]byte, 40), []byte("access_key/AKIDEXAMPLE")
	sealed := r.Seal(plain, aad)
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Open(sealed, aad); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("wrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Wrap("tracked link", plain)
		}
	})
	b.Run("mac", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.MAC("verp", aad)
		}
	})
}
