// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"cmp"
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Upload names the upload of an object in parts.
type Upload struct {
	Scope           scope.Scope
	Bucket, Key, ID string
}

// Part is a part of an upload.
type Part struct {
	N          int // 1 to MaxPart
	Size       int64
	ETag       string // without quotes
	ModifiedAt time.Time

	file string
}

// Begin begins the upload of an object in parts. Whoever does not end it within a week has
// not begun it.
func (s *Store) Begin(ctx context.Context, sc scope.Scope, bucket, key string, meta map[string]string) (id string, err error) {
	if !validKey(key) {
		return "", ErrKey
	}
	encoded, err := encodeMeta(meta)
	if err != nil {
		return "", err
	}
	if id, err = s.newName(); err != nil {
		return "", err
	}
	refusal, err := s.write(ctx, func(tx *store.Tx) (refusal, err error) {
		if refusal, err := touch(tx, sc, bucket); refusal != nil || err != nil {
			return refusal, err
		}
		_, err = tx.Exec(`INSERT INTO bucket_uploads (account, region, bucket, name, id, meta, started_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			sc.Account, sc.Region, bucket, []byte(key), id, encoded, store.Millis(s.now()))
		return nil, err
	})
	return id, cmp.Or(err, refusal)
}

const ofUpload = ` WHERE account = ? AND region = ? AND bucket = ? AND name = ? AND id = ?`

func (u Upload) args() []any {
	return []any{u.Scope.Account, u.Scope.Region, u.Bucket, []byte(u.Key), u.ID}
}

// touch keeps an upload from being ended until the transaction ends; it refuses what is not
// there.
func (u Upload) touch(tx *store.Tx) (refusal, err error) {
	if !isName(u.ID) {
		return ErrNoUpload, nil
	}
	n, err := tx.Exec(`UPDATE bucket_uploads SET started_at = started_at`+ofUpload, u.args()...)
	if err == nil && n == 0 {
		refusal = ErrNoUpload
	}
	return refusal, err
}

// begun returns the headers that an upload was begun with.
func (s *Store) begun(ctx context.Context, u Upload) (meta map[string]string, err error) {
	if !isName(u.ID) {
		return nil, cmp.Or(s.Exists(ctx, u.Scope, u.Bucket), ErrNoUpload)
	}
	var encoded []byte
	err = s.o.DB.QueryRow(ctx, `SELECT meta FROM bucket_uploads`+ofUpload, u.args()...).Scan(&encoded)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, cmp.Or(s.Exists(ctx, u.Scope, u.Bucket), ErrNoUpload)
	}
	if err != nil {
		return nil, store.Wrap("bucket.begun", err)
	}
	return meta, json.Unmarshal(encoded, &meta)
}

// PutPart writes a part, in place of what has its number. p.Size is what the content must
// have, or -1. When it returns nil, the part survives a power cut.
func (s *Store) PutPart(ctx context.Context, to Upload, p Part, content io.Reader) (Part, error) {
	if p.N < 1 || p.N > MaxPart {
		return Part{}, ErrPart
	}
	if _, err := s.begun(ctx, to); err != nil {
		return Part{}, err
	}
	w, err := s.writeFile(content, p.Size)
	if err != nil {
		return Part{}, err
	}
	p.Size, p.ETag, p.file, p.ModifiedAt = w.size, w.etag, w.file, s.now()
	old := ""
	refusal, err := s.write(ctx, func(tx *store.Tx) (refusal, err error) {
		old = ""
		if refusal, err := to.touch(tx); refusal != nil || err != nil {
			return refusal, err
		}
		err = tx.Get([]any{&old}, `SELECT file FROM bucket_parts WHERE account = ? AND region = ? AND upload = ? AND n = ?`,
			to.Scope.Account, to.Scope.Region, to.ID, p.N)
		if err == nil || errors.Is(err, sql.ErrNoRows) {
			_, err = tx.Exec(`INSERT INTO bucket_parts (account, region, upload, n, size, etag, file, modified_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (account, region, upload, n) DO UPDATE SET size = excluded.size, etag = excluded.etag, file = excluded.file,
				modified_at = excluded.modified_at`,
				to.Scope.Account, to.Scope.Region, to.ID, p.N, p.Size, p.ETag, p.file, store.Millis(p.ModifiedAt))
		}
		return nil, err
	})
	switch {
	case err != nil: // the commit may have happened: the file is Sweep's
		return Part{}, err
	case refusal != nil:
		s.removeFiles(p.file)
		return Part{}, refusal
	case old != "":
		s.removeFiles(old)
	}
	return p, nil
}

// Completion says how an upload becomes an object.
type Completion struct {
	Parts   []Part                    // numbers and ETags, in the order of the numbers
	Through func(io.Reader) io.Reader // what the content is read through; nil for nothing
	Admit   func(old *Object) error   // see Draft
}

// Complete makes an object of the parts of an upload, and ends it. Who does it once more,
// because the first answer was lost, gets the same answer.
func (s *Store) Complete(ctx context.Context, of Upload, c Completion) (Object, error) {
	meta, err := s.begun(ctx, of)
	if errors.Is(err, ErrNoUpload) {
		return s.completed(ctx, of, c.Parts)
	}
	if err != nil {
		return Object{}, err
	}
	parts, err := s.chosen(ctx, of, c.Parts)
	if err != nil {
		return Object{}, err
	}
	all := &joined{store: s, parts: parts}
	defer all.close()
	content := io.Reader(all)
	if c.Through != nil {
		content = c.Through(content)
	}
	w, err := s.writeFile(content, -1)
	if err != nil {
		return Object{}, err
	}
	o := Object{Key: of.Key, Size: w.size, ETag: etagOf(parts), Meta: meta, file: w.file}
	var ended []string
	o, err = s.name(ctx, of.Scope, of.Bucket, o, func(tx *store.Tx, old *Object) (refusal, err error) {
		if refusal, err := of.touch(tx); refusal != nil || err != nil {
			return refusal, err
		}
		if c.Admit != nil {
			if refusal := c.Admit(old); refusal != nil {
				return refusal, nil
			}
		}
		ended, err = of.end(tx)
		return nil, err
	})
	if err == nil {
		s.removeFiles(ended...)
	}
	return o, err
}

// completed returns the object that an upload of these parts has become.
func (s *Store) completed(ctx context.Context, of Upload, parts []Part) (Object, error) {
	o, err := s.Head(ctx, of.Scope, of.Bucket, of.Key)
	if errors.Is(err, ErrNoObject) || err == nil && o.ETag != etagOf(parts) {
		return Object{}, ErrNoUpload
	}
	return o, err
}

// etagOf is the ETag of an object made of parts.
func etagOf(parts []Part) string {
	sums := md5.New()
	for _, p := range parts {
		sum, err := hex.DecodeString(p.ETag)
		if err != nil {
			return ""
		}
		sums.Write(sum)
	}
	return fmt.Sprintf("%x-%d", sums.Sum(nil), len(parts))
}

// chosen finds the parts that an object is to be made of.
func (s *Store) chosen(ctx context.Context, of Upload, list []Part) ([]Part, error) {
	if len(list) == 0 {
		return nil, ErrPart
	}
	for i := range list[1:] {
		if list[i].N >= list[i+1].N {
			return nil, ErrPartOrder
		}
	}
	there, _, err := s.Parts(ctx, of, 0, MaxPart)
	if err != nil {
		return nil, err
	}
	var chosen []Part
	var size int64
	for _, p := range there {
		if len(chosen) == len(list) || p.N != list[len(chosen)].N {
			continue
		}
		if p.ETag != list[len(chosen)].ETag {
			return nil, ErrPart
		}
		if chosen, size = append(chosen, p), size+p.Size; size > s.o.MaxObject {
			return nil, ErrTooLarge
		}
	}
	if len(chosen) < len(list) {
		return nil, ErrPart
	}
	for _, p := range chosen[:len(chosen)-1] {
		if p.Size < MinPart {
			return nil, ErrSmallPart
		}
	}
	return chosen, nil
}

// end removes the rows of an upload, and returns the files that its parts had.
func (u Upload) end(tx *store.Tx) (files []string, err error) {
	rows, err := tx.Query(`SELECT file FROM bucket_parts WHERE account = ? AND region = ? AND upload = ?`, u.Scope.Account, u.Scope.Region, u.ID)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var file string
		if err := rows.Scan(&file); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		files = append(files, file)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	_, err = tx.Exec(`DELETE FROM bucket_parts WHERE account = ? AND region = ? AND upload = ?`, u.Scope.Account, u.Scope.Region, u.ID)
	if err == nil {
		_, err = tx.Exec(`DELETE FROM bucket_uploads`+ofUpload, u.args()...)
	}
	return files, err
}

// Abort forgets an upload.
func (s *Store) Abort(ctx context.Context, u Upload) error {
	var files []string
	refusal, err := s.write(ctx, func(tx *store.Tx) (refusal, err error) {
		if refusal, err := u.touch(tx); refusal != nil || err != nil {
			return refusal, err
		}
		files, err = u.end(tx)
		return nil, err
	})
	if err == nil && refusal == nil {
		s.removeFiles(files...)
	}
	return cmp.Or(err, refusal)
}

// abortOld aborts uploads that were begun before cutoff.
func (s *Store) abortOld(ctx context.Context, cutoff time.Time) error {
	for {
		old, err := s.uploads(ctx, `SELECT account, region, bucket, name, id, started_at FROM bucket_uploads WHERE started_at < ? LIMIT ?`,
			store.Millis(cutoff), sweepBatch)
		if err != nil || len(old) == 0 {
			return err
		}
		for _, u := range old {
			if err := s.Abort(ctx, u.Upload); err != nil && !errors.Is(err, ErrNoUpload) {
				return err
			}
		}
	}
}

// joined reads the files of parts one after the other.
type joined struct {
	store *Store
	parts []Part
	f     *os.File
}

// Read reads on.
func (j *joined) Read(b []byte) (int, error) {
	for {
		if j.f == nil {
			if len(j.parts) == 0 {
				return 0, io.EOF
			}
			f, err := os.Open(j.store.path(j.parts[0].file))
			if errors.Is(err, fs.ErrNotExist) {
				return 0, ErrPart // another has taken its number
			}
			if err != nil {
				return 0, err
			}
			j.f, j.parts = f, j.parts[1:]
		}
		n, err := j.f.Read(b)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		j.close()
	}
}

func (j *joined) close() {
	if j.f != nil {
		_ = j.f.Close() // it was only read
		j.f = nil
	}
}
