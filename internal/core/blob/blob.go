// SPDX-License-Identifier: Apache-2.0

// Package blob keeps content that is too large for a database row: one file a blob
// in a folder tree, written and synced, with its folder, before the row that names
// it is committed.
package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sesame/internal/base/msgid"
)

// Dir is a blob store in a folder. It is safe for concurrent use.
type Dir struct{ root string }

// Open returns the blob store in the folder root, which it makes with all its folders
// if need be.
func Open(root string) (*Dir, error) {
	for n := range 256 {
		if err := os.MkdirAll(filepath.Join(root, fmt.Sprintf("%02x", n)), 0o700); err != nil {
			return nil, fmt.Errorf("blob: %w", err)
		}
	}
	for _, dir := range []string{root, filepath.Dir(root)} {
		if err := syncDir(dir); err != nil {
			return nil, fmt.Errorf("blob: %w", err)
		}
	}
	return &Dir{root: root}, nil
}

// ErrKey says that a key is not fit to be a file name.
var ErrKey = errors.New("blob: bad key")

// path spreads the blobs over 256 folders named after the end of the key, since keys
// begin alike. Keys are message ids.
func (d *Dir) path(key string) (string, error) {
	if !msgid.Valid(key) {
		return "", ErrKey
	}
	return filepath.Join(d.root, key[len(key)-9:len(key)-7], key), nil
}

// Put writes data under key. When it returns nil the blob survives a power cut.
func (d *Dir) Put(key string, data []byte) (err error) {
	path, err := d.path(key)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	if err := writeSynced(tmp, data); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

func writeSynced(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get returns the blob of key. A missing one gives an error that is fs.ErrNotExist.
func (d *Dir) Get(key string) ([]byte, error) {
	path, err := d.path(key)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Delete removes the blob of key; a missing one is no error.
func (d *Dir) Delete(key string) error {
	path, err := d.path(key)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sweep removes what a crash left: unfinished files, and blobs written before cutoff
// whose key is unknown to keep.
func (d *Dir) Sweep(cutoff time.Time, keep func(key string) bool) error {
	return filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || info.ModTime().After(cutoff) {
			return err
		}
		if !strings.HasPrefix(e.Name(), "new-") && keep(e.Name()) {
			return nil
		}
		return os.Remove(path)
	})
}
