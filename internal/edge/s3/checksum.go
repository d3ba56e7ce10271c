// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/proto/sigv4"
)

// sum is the checksum that stands behind a body (S3: trailing checksums).
type sum struct {
	name    string // of the line in the trailer; "" if there is none
	hash    hash.Hash
	trailer map[string]string
}

// nvme is the polynomial of CRC-64/NVME, reversed.
const nvme = 0x9a6c9329ac4bc9b5

// checksum reads the header X-Amz-Trailer.
func checksum(header string, trailer map[string]string) (s sum, err error) {
	s = sum{name: strings.ToLower(strings.TrimSpace(header)), trailer: trailer}
	switch s.name {
	case "":
	case "x-amz-checksum-crc32":
		s.hash = crc32.NewIEEE()
	case "x-amz-checksum-crc32c":
		s.hash = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "x-amz-checksum-crc64nvme":
		s.hash = crc64.New(crc64.MakeTable(nvme))
	case "x-amz-checksum-sha1":
		s.hash = sha1.New() // a choice of the client, against accidents
	case "x-amz-checksum-sha256":
		s.hash = sha256.New()
	default:
		return s, fault.New(fault.NotImplemented, "The trailing header is not understood.")
	}
	return s, nil
}

// reader returns r, which fails at its end if the checksum is wrong.
func (s sum) reader(r io.Reader) io.Reader {
	if s.name == "" {
		return r
	}
	return &summed{s, r}
}

type summed struct {
	sum
	r io.Reader
}

// Read reads on.
func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && s.trailer[s.name] != base64.StdEncoding.EncodeToString(s.hash.Sum(nil)) {
		err = &sigv4.Error{Kind: sigv4.Incomplete, Text: "The checksum behind the body does not match."}
	}
	return n, err
}
