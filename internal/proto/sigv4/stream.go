// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// s3 is the service whose requests are signed in a way of their own: the path is escaped
// once, and the body need not be known when the head is signed.
const s3 = "s3"

// The forms of X-Amz-Content-Sha256 with which a body comes in chunks (S3: signature
// calculations for the authorization header, transferring payload in multiple chunks).
const (
	streamSigned          = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamSignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

const (
	maxChunkLine = 1024 // of the head of a chunk and of a line of the trailer
	maxTrailer   = 16   // lines
)

// CheckStream proves the claim of a request to S3 before its body is read, and returns the
// content of body, without the chunks that it may come in. What the signature says of the
// content is proven while it is read: a reader that has seen io.EOF has read what was
// signed, and all of it; else Read fails with an *Error. trailer has the lines behind the
// last chunk, by lower-case names, after io.EOF.
func (c *Claim) CheckStream(r *http.Request, body io.Reader, secret string, now time.Time) (content io.Reader, trailer map[string]string, err error) {
	if err := c.CheckHead(r, now); err != nil {
		return nil, nil, err
	}
	hash := c.bodyHash
	if c.Presigned && hash == "" {
		hash = unsignedPayload
	}
	if hash == "" || c.malformed {
		return nil, nil, mismatch()
	}
	if err := c.prove(r, hash, secret); err != nil {
		return nil, nil, err
	}
	trailer = map[string]string{}
	chunks := &chunkReader{r: bufio.NewReaderSize(body, 16<<10), trailer: trailer}
	switch hash {
	case unsignedPayload:
		return body, trailer, nil
	case streamUnsignedTrailer:
		return chunks, trailer, nil
	case streamSigned, streamSignedTrailer:
		chunks.signer = &chunkSigner{
			key:      c.verifier.keys.Key(secret, c.stamp[:dayLen], c.Region, c.Service),
			scope:    c.stamp + "\n" + c.stamp[:dayLen] + "/" + c.Region + "/" + c.Service + "/" + terminator + "\n",
			previous: hex.EncodeToString(c.signature[:]), trailer: hash == streamSignedTrailer,
		}
		return chunks, trailer, nil
	}
	want, err := hex.DecodeString(hash)
	if err != nil || len(want) != sha256.Size {
		return nil, nil, errorf(Mismatch, "X-Amz-Content-Sha256 '%s' is not supported by this service.", echo(hash))
	}
	return &hashReader{r: body, sum: sha256.New(), want: want}, trailer, nil
}

// hashReader fails at the end of what has not the hash that was signed.
type hashReader struct {
	r    io.Reader
	sum  hash.Hash
	want []byte
}

// Read reads on.
func (h *hashReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && !hmac.Equal(h.sum.Sum(nil), h.want) {
		err = errorf(Mismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return n, err
}

// chunkSigner has what the signatures of chunks are made of.
type chunkSigner struct {
	key      [sha256.Size]byte
	scope    string // date and scope, a line each
	previous string // signature, in hex
	trailer  bool
}

// check compares a signature with that of a chunk, or of the trailer.
func (s *chunkSigner) check(algorithm, middle string, sum []byte, signature string) error {
	m := hmac.New(sha256.New, s.key[:])
	_, _ = io.WriteString(m, algorithm+"\n"+s.scope+s.previous+"\n"+middle+hex.EncodeToString(sum))
	s.previous = hex.EncodeToString(m.Sum(nil))
	if !hmac.Equal([]byte(s.previous), []byte(signature)) {
		return mismatch()
	}
	return nil
}

// chunkReader reads the content of chunks.
type chunkReader struct {
	r       *bufio.Reader
	signer  *chunkSigner // nil: the chunks are not signed
	trailer map[string]string

	left      int64 // of the chunk
	signature string
	sum       hash.Hash
	begun     bool
	err       error
}

// Read reads on.
func (c *chunkReader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for c.err == nil && c.left == 0 {
		c.err = c.nextChunk()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err = c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.sum.Write(p[:n])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	c.err = err
	return n, err
}

// nextChunk ends a chunk and begins the next; io.EOF is behind the last.
func (c *chunkReader) nextChunk() error {
	if c.begun {
		if line, err := c.line(); err != nil || line != "" {
			return errors.Join(broken(), err)
		}
		if err := c.endChunk(); err != nil {
			return err
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	size, extension, _ := strings.Cut(line, ";")
	left, err := strconv.ParseInt(size, 16, 62)
	if err != nil || left < 0 || size[0] == '+' {
		return broken()
	}
	c.left, c.begun, c.sum = left, true, sha256.New()
	c.signature = strings.TrimPrefix(extension, "chunk-signature=")
	if left > 0 {
		return nil
	}
	if err := c.endChunk(); err != nil {
		return err
	}
	if err := c.readTrailer(); err != nil {
		return err
	}
	return io.EOF
}

func (c *chunkReader) endChunk() error {
	if c.signer == nil {
		return nil
	}
	empty := sha256.Sum256(nil)
	return c.signer.check("AWS4-HMAC-SHA256-PAYLOAD", hex.EncodeToString(empty[:])+"\n", c.sum.Sum(nil), c.signature)
}

func broken() error {
	return errorf(Incomplete, "The chunks of the body are malformed.")
}

// line reads a line of the framing.
func (c *chunkReader) line() (string, error) {
	line, err := c.r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF):
		return "", io.ErrUnexpectedEOF
	case err != nil || len(line) > maxChunkLine:
		return "", errors.Join(broken(), err)
	}
	return string(bytes.TrimRight(line, "\r\n")), nil
}

// readTrailer reads the lines behind the last chunk, and the end of the body.
func (c *chunkReader) readTrailer() error {
	var signed strings.Builder
	signature := ""
	for n := 0; ; n++ {
		line, err := c.line()
		if errors.Is(err, io.ErrUnexpectedEOF) || err == nil && line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if err != nil || !ok || n == maxTrailer {
			return errors.Join(broken(), err)
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if name == "x-amz-trailer-signature" {
			signature = value
			continue
		}
		signed.WriteString(name + ":" + value + "\n")
		c.trailer[name] = value
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(c.r, maxChunkLine)); err != nil {
		return err
	}
	if c.signer == nil || !c.signer.trailer {
		return nil
	}
	sum := sha256.Sum256([]byte(signed.String()))
	return c.signer.check("AWS4-HMAC-SHA256-TRAILER", "", sum[:], signature)
}
