// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sesame/internal/base/scope"
)

// An upload in parts is a folder: what it is for, and a file for each part. It needs no
// row, since it is nothing to anybody before it is complete, and all nodes see the folder.

// MaxPart is the highest number of a part (S3: multipart upload limits).
const MaxPart = 10_000

const uploadHead = "upload.json"

// upload is what an upload is for.
type upload struct {
	Scope  scope.Scope
	Bucket string
	Key    string
	Meta   map[string]string
}

var uploadID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Begin begins the upload of an object in parts.
func (s *Store) Begin(ctx context.Context, sc scope.Scope, bucket, key string, meta map[string]string) (id string, err error) {
	if !validKey(key) {
		return "", ErrKey
	}
	if err := s.Exists(ctx, sc, bucket); err != nil {
		return "", err
	}
	if id, err = s.newName(); err != nil {
		return "", err
	}
	head, err := json.Marshal(upload{sc, bucket, key, meta})
	if err == nil && len(head) > MaxMeta+8*MaxKey {
		err = ErrTooLarge
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(s.folder(parts), id), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(s.folder(parts), id, uploadHead), head, 0o600)
	}
	return id, err
}

// begun finds an upload of a key.
func (s *Store) begun(sc scope.Scope, bucket, key, id string) (u upload, dir string, err error) {
	if !uploadID.MatchString(id) {
		return u, "", ErrNoUpload
	}
	dir = filepath.Join(s.folder(parts), id)
	head, err := os.ReadFile(filepath.Join(dir, uploadHead))
	if err != nil || json.Unmarshal(head, &u) != nil || u.Scope != sc || u.Bucket != bucket || u.Key != key {
		return u, "", ErrNoUpload
	}
	return u, dir, nil
}

// Upload names an upload that was begun.
type Upload struct {
	Scope           scope.Scope
	Bucket, Key, ID string
}

// PutPart writes a part, in place of what has its number, and returns its ETag.
func (s *Store) PutPart(to Upload, part Part, content io.Reader) (etag string, err error) {
	_, dir, err := s.begun(to.Scope, to.Bucket, to.Key, to.ID)
	if err != nil {
		return "", err
	}
	if part.N < 1 || part.N > MaxPart {
		return "", ErrNoUpload
	}
	w, err := s.write(filepath.Join(dir, strconv.Itoa(part.N)), content, part.Size)
	return w.etag(), err
}

// Part is a part of an upload.
type Part struct {
	N    int
	Size int64  // to be written: what the content must have, or -1
	ETag string // written: without quotes
}

// Complete makes an object of parts, which have to be in order.
func (s *Store) Complete(ctx context.Context, of Upload, list []Part) (Object, error) {
	u, dir, err := s.begun(of.Scope, of.Bucket, of.Key, of.ID)
	if err != nil {
		return Object{}, err
	}
	if len(list) == 0 || !slices.IsSortedFunc(list, func(a, b Part) int { return a.N - b.N }) {
		return Object{}, ErrNoUpload
	}
	all := &joined{dir: dir, parts: list}
	sums := md5.New()
	for i, p := range list {
		sum, err := hex.DecodeString(strings.Trim(p.ETag, `"`))
		if err != nil || i > 0 && list[i-1].N == p.N {
			return Object{}, ErrNoUpload
		}
		sums.Write(sum)
	}
	defer all.close()
	etag := fmt.Sprintf("%x-%d", sums.Sum(nil), len(list))
	o, err := s.Put(ctx, of.Scope, of.Bucket, Object{Key: of.Key, Meta: u.Meta, Size: -1, ETag: etag}, all)
	if err == nil {
		_ = os.RemoveAll(dir) // else it is Sweep's
	}
	return o, err
}

// Abort forgets an upload.
func (s *Store) Abort(sc scope.Scope, bucket, key, id string) error {
	_, dir, err := s.begun(sc, bucket, key, id)
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// joined reads the parts of an upload one after the other, and compares what it reads with
// their ETags.
type joined struct {
	dir   string
	parts []Part
	f     *os.File
	sum   interface {
		io.Writer
		Sum([]byte) []byte
	}
}

// Read reads on.
func (j *joined) Read(b []byte) (int, error) {
	for {
		if j.f == nil {
			if len(j.parts) == 0 {
				return 0, io.EOF
			}
			f, err := os.Open(filepath.Join(j.dir, strconv.Itoa(j.parts[0].N)))
			if errors.Is(err, os.ErrNotExist) {
				return 0, ErrNoUpload
			}
			if err != nil {
				return 0, err
			}
			j.f, j.sum = f, md5.New()
		}
		n, err := j.f.Read(b)
		_, _ = j.sum.Write(b[:n]) // a hash takes everything
		if n > 0 || err != io.EOF {
			return n, err
		}
		if hex.EncodeToString(j.sum.Sum(nil)) != strings.Trim(j.parts[0].ETag, `"`) {
			return 0, ErrNoUpload
		}
		j.close()
		j.parts = j.parts[1:]
	}
}

func (j *joined) close() {
	if j.f != nil {
		_ = j.f.Close() // it was only read
		j.f = nil
	}
}
