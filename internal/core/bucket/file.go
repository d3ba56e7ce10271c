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
	"strings"
	"time"

	"sesame/internal/core/store"
)

// makeFolders makes the folders that the files are spread over.
func (s *Store) makeFolders() error {
	for n := range 256 {
		if err := os.MkdirAll(filepath.Join(s.o.Dir, fmt.Sprintf("%02x", n)), 0o700); err != nil {
			return fmt.Errorf("bucket: %w", err)
		}
	}
	return errors.Join(syncDir(s.o.Dir), syncDir(filepath.Dir(s.o.Dir)))
}

// newName is a name for a file or an upload that nobody can guess.
func (s *Store) newName() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.o.Random, b[:]); err != nil {
		return "", fmt.Errorf("bucket: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// isName reports whether newName may have made a name. What others than we have made need
// not be a text that every database takes.
func isName(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == 16 && hex.EncodeToString(b) == name
}

// path is where the file with a name of newName is.
func (s *Store) path(name string) string { return filepath.Join(s.o.Dir, name[:2], name) }

// written is a file with the content of an object or of a part.
type written struct {
	file string
	size int64
	etag string
}

// writeFile puts content into a new file, and syncs it with its folder. size is what the
// content must have, or -1.
func (s *Store) writeFile(content io.Reader, size int64) (w written, err error) {
	if size > s.o.MaxObject {
		return w, ErrTooLarge
	}
	if err := s.room(max(size, 0)); err != nil {
		return w, err
	}
	if w.file, err = s.newName(); err != nil {
		return w, err
	}
	path := s.path(w.file)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return w, fmt.Errorf("bucket: %w", err)
	}
	sum := md5.New() // S3's ETag; nothing is proven by it
	w.size, err = io.Copy(io.MultiWriter(&roomy{f, s, roomStep}, sum), io.LimitReader(content, s.o.MaxObject+1))
	switch {
	case err != nil:
	case w.size > s.o.MaxObject:
		err = ErrTooLarge
	case size >= 0 && w.size != size:
		err = ErrIncomplete
	default:
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return w, errors.Join(err, os.Remove(path))
	}
	w.etag = hex.EncodeToString(sum.Sum(nil))
	return w, nil
}

// room fails if the disk has no room for so many octets more.
func (s *Store) room(octets int64) error {
	if s.o.Free == nil {
		return nil
	}
	free, err := s.o.Free(s.o.Dir)
	if err != nil {
		return fmt.Errorf("bucket: %w", err)
	}
	if free-octets < s.o.KeepFree {
		return ErrFull
	}
	return nil
}

// roomStep is how many octets are written before it is asked again whether there is room:
// others write, too.
const roomStep = 8 << 20

// roomy is a file that is written as long as there is room.
type roomy struct {
	f     *os.File
	store *Store
	left  int64 // until it is asked
}

// Write writes on.
func (r *roomy) Write(b []byte) (int, error) {
	if r.left -= int64(len(b)); r.left < 0 {
		if r.left = roomStep; r.store.room(roomStep) != nil {
			return 0, ErrFull
		}
	}
	return r.f.Write(b)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// removeFiles removes files that no row names any more, or that none came to name. What can't
// be removed now is left to Sweep.
func (s *Store) removeFiles(files ...string) {
	for _, file := range files {
		_ = os.Remove(s.path(file))
	}
}

// keepUnnamed is how long uploads may take, and how long files stay that no row names:
// longer than anybody takes between the two.
const keepUnnamed = 7 * 24 * time.Hour

// sweepBatch is how many uploads or files Sweep looks at together.
const sweepBatch = 256

// Sweep aborts uploads that were begun a week ago, and removes files of that age which no
// row names: those that a crash left, and those of accounts that are gone. What does not
// have the name of such a file is not ours, and stays. In a folder that can't be the right
// one it does nothing, and says so.
func (s *Store) Sweep(ctx context.Context) error {
	if err := s.checkFolder(ctx); err != nil {
		return err
	}
	cutoff := s.now().Add(-keepUnnamed)
	if err := s.abortOld(ctx, cutoff); err != nil {
		return err
	}
	for n := range 256 {
		if err := s.sweepFolder(ctx, filepath.Join(s.o.Dir, fmt.Sprintf("%02x", n)), cutoff); err != nil {
			return store.Wrap("bucket.Sweep", err)
		}
	}
	return nil
}

// checkFolder fails if the folder has the content of none of some objects: it is not shared
// with the node that wrote them, or the disk is not there.
func (s *Store) checkFolder(ctx context.Context) error {
	for range 3 { // all of a few may be replaced between the two steps
		files, err := s.someFiles(ctx, 16)
		if err != nil || len(files) == 0 {
			return store.Wrap("bucket.Sweep", err)
		}
		for _, file := range files {
			if _, err := os.Stat(s.path(file)); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return fmt.Errorf("bucket: nothing of the content that the database names is in %s: nodes that share a database have to share this folder, and its disk has to be there", s.o.Dir)
}

// someFiles are the files of some objects.
func (s *Store) someFiles(ctx context.Context, most int) (files []string, err error) {
	rows, err := s.o.DB.Query(ctx, `SELECT file FROM bucket_objects ORDER BY file LIMIT ?`, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var file string
		if err := rows.Scan(&file); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, rows.Err()
}

func (s *Store) sweepFolder(ctx context.Context, dir string, cutoff time.Time) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(sweepBatch)
		if errors.Is(err, io.EOF) {
			return nil
		}
		var old []string
		for _, e := range entries {
			if !isName(e.Name()) || e.Name()[:2] != filepath.Base(dir) || !e.Type().IsRegular() {
				continue
			}
			info, err := e.Info()
			if err == nil && info.ModTime().Before(cutoff) {
				old = append(old, e.Name())
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err != nil {
			return err
		}
		named, err := s.named(ctx, old)
		if err != nil {
			return err
		}
		for _, name := range old {
			if !named[name] {
				if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
		}
	}
}

// named tells which of the files rows name.
func (s *Store) named(ctx context.Context, files []string) (map[string]bool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	args := make([]any, 0, 2*len(files))
	for range 2 {
		for _, f := range files {
			args = append(args, f)
		}
	}
	in := "(?" + strings.Repeat(", ?", len(files)-1) + ")"
	rows, err := s.o.DB.Query(ctx, `SELECT file FROM bucket_objects WHERE file IN `+in+` UNION ALL SELECT file FROM bucket_parts WHERE file IN `+in, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	named := map[string]bool{}
	for rows.Next() {
		var file string
		if err := rows.Scan(&file); err != nil {
			return nil, err
		}
		named[file] = true
	}
	return named, rows.Err()
}
