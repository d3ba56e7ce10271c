// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sesame/internal/core/store"
)

// unfinished begins the names of files on their way.
const unfinished = "new-"

// written is a file with the content of an object or of a part.
type written struct {
	path string
	size int64
	md5  [md5.Size]byte
}

func (w written) etag() string { return hex.EncodeToString(w.md5[:]) }

// write puts content into a new file at path, synced with its folder. size is what the
// content must have, or -1.
func (s *Store) write(path string, content io.Reader, size int64) (w written, err error) {
	if size > s.o.MaxObject {
		return w, ErrTooLarge
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, unfinished)
	if err != nil {
		return w, fmt.Errorf("bucket: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	sum := md5.New() // S3's ETag; nothing is proven by it
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(content, s.o.MaxObject+1))
	switch {
	case err != nil:
	case n > s.o.MaxObject:
		err = ErrTooLarge
	case size >= 0 && n != size:
		err = ErrIncomplete
	default:
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return w, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return w, fmt.Errorf("bucket: %w", err)
	}
	w = written{path: path, size: n}
	sum.Sum(w.md5[:0])
	return w, syncDir(dir)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (s *Store) file(name string) string { return filepath.Join(s.folder(objects), name) }

// remove removes the file of a row that is gone. What can't be removed now is left to
// Sweep.
func (s *Store) remove(name string) {
	if name != "" {
		_ = os.Remove(s.file(name))
	}
}

// keepUnnamed is how long files stay that no row names: longer than an upload takes.
const keepUnnamed = 7 * 24 * time.Hour

// Sweep removes files that no object has, and uploads that were begun and never ended,
// when they are a week old.
func (s *Store) Sweep(ctx context.Context) error {
	cutoff := s.now().Add(-keepUnnamed)
	for _, folder := range []string{objects, parts} {
		entries, err := os.ReadDir(s.folder(folder))
		if err != nil {
			return fmt.Errorf("bucket: %w", err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().After(cutoff) {
				continue
			}
			named := 0
			if err == nil && folder == objects {
				err = s.o.DB.QueryRow(ctx, `SELECT COUNT(*) FROM bucket_objects WHERE file = ?`, e.Name()).Scan(&named)
			}
			if err == nil && named == 0 {
				err = os.RemoveAll(filepath.Join(s.folder(folder), e.Name()))
			}
			if err != nil {
				return store.Wrap("bucket.Sweep", err)
			}
		}
	}
	return nil
}
