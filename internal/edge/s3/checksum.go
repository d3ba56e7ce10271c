// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"strings"
)

// nvme is the polynomial of CRC-64/NVME, reversed.
const nvme = 0x9a6c9329ac4bc9b5

// checksumPrefix begins the names of headers with checksums.
const checksumPrefix = "X-Amz-Checksum-"

// hashOf is the function that a header with a digest means; nil if it means none. The weak
// ones are choices of the client, against accidents.
func hashOf(name string) hash.Hash {
	switch name {
	case "Content-Md5":
		return md5.New()
	case checksumPrefix + "Crc32":
		return crc32.NewIEEE()
	case checksumPrefix + "Crc32c":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case checksumPrefix + "Crc64nvme":
		return crc64.New(crc64.MakeTable(nvme))
	case checksumPrefix + "Sha1":
		return sha1.New()
	case checksumPrefix + "Sha256":
		return sha256.New()
	}
	return nil
}

// sum is a digest of a body, which the client has sent ahead of it or behind.
type sum struct {
	name string // of the header
	hash hash.Hash
	want func() string // in base64; known at the end of the body
}

// ahead reads the digests in a head.
func ahead(h http.Header) (sums []*sum, err error) {
	for name, values := range h {
		if name != "Content-Md5" && !strings.HasPrefix(name, checksumPrefix) {
			continue
		}
		switch name {
		case checksumPrefix + "Mode", checksumPrefix + "Type", checksumPrefix + "Algorithm":
			continue
		}
		s := &sum{name: name, hash: hashOf(name), want: func() string { return values[0] }}
		if s.hash == nil {
			return nil, errNotImplemented
		}
		if digest, err := base64.StdEncoding.DecodeString(values[0]); err != nil || len(digest) != s.hash.Size() {
			return nil, errInvalidDigest
		}
		sums = append(sums, s)
	}
	return sums, nil
}

// behind reads the announcement of a digest in the trailer; nil if there is none.
func behind(h http.Header, trailer map[string]string) (*sum, error) {
	announced := strings.ToLower(strings.TrimSpace(h.Get("X-Amz-Trailer")))
	if announced == "" {
		return nil, nil
	}
	s := &sum{name: http.CanonicalHeaderKey(announced), want: func() string { return trailer[announced] }}
	if s.hash = hashOf(s.name); s.hash == nil || s.name == "Content-Md5" {
		return nil, errNotImplemented
	}
	return s, nil
}

// header is the digest as a header, at the end of the body.
func (s *sum) header() map[string]string { return map[string]string{s.name: s.want()} }

// reader returns r, which fails at its end if the digest is another.
func (s *sum) reader(r io.Reader) io.Reader { return &summed{s, r} }

type summed struct {
	*sum
	r io.Reader
}

// Read reads on.
func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && s.want() != base64.StdEncoding.EncodeToString(s.hash.Sum(nil)) {
		err = errBadDigest
	}
	return n, err
}
