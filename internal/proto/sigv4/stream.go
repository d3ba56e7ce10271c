// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"bufio"
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

// Bounds of what is around the content.
const (
	maxChunkLine = 1024 // octets of the head of a chunk, or of a line of the trailer
	maxTrailer   = 16   // lines
	maxChunkSize = 15   // hex digits
)

// CheckStream proves the claim of a request to S3 before its body is read, and returns the
// content of body, without the chunks that it may come in. What the signature says of the
// content is proven while it is read: a reader that has seen io.EOF has read what was
// signed, and all of it; else Read fails with an *Error, or io.ErrUnexpectedEOF if the body
// breaks off. trailer has the lines behind the last chunk, by lower-case names, after
// io.EOF. The content may be of any length; what is around it is bounded.
func (c *Claim) CheckStream(r *http.Request, body io.Reader, secret string, now time.Time) (content io.Reader, trailer map[string]string, err error) {
	if err := c.CheckHead(r, now); err != nil {
		return nil, nil, err
	}
	hash, err := c.streamHash()
	if err != nil {
		return nil, nil, err
	}
	if c.malformed {
		return nil, nil, mismatch()
	}
	if err := c.prove(r, hash, secret); err != nil {
		return nil, nil, err
	}
	trailer = map[string]string{}
	switch hash {
	case unsignedPayload:
		return body, trailer, nil
	case streamUnsignedTrailer:
		return newChunkReader(body, nil, trailer), trailer, nil
	case streamSigned, streamSignedTrailer:
		return newChunkReader(body, &chunkSigner{
			key:      c.verifier.keys.Key(secret, c.stamp[:dayLen], c.Region, c.Service),
			scope:    c.stamp + "\n" + c.stamp[:dayLen] + "/" + c.Region + "/" + c.Service + "/" + terminator + "\n",
			previous: hex.EncodeToString(c.signature[:]), trailer: hash == streamSignedTrailer,
		}, trailer), trailer, nil
	}
	h := &hashReader{r: body, sum: sha256.New()}
	if n, err := hex.Decode(h.want[:], []byte(hash)); err != nil || n != len(h.want) {
		return nil, nil, errorf(Mismatch, "X-Amz-Content-Sha256 '%s' is not supported by this service.", echo(hash))
	}
	return h, trailer, nil
}

// streamHash is the last line of the canonical request.
func (c *Claim) streamHash() (string, error) {
	switch {
	case c.Presigned && c.Expires == 0:
		return "", errorf(Incomplete, "Query-string authentication requires the X-Amz-Expires parameter.")
	case c.bodyHash == "" && c.Presigned:
		return unsignedPayload, nil
	case c.bodyHash == "":
		return "", errorf(Incomplete, "Missing required header for this request: x-amz-content-sha256")
	case len(c.bodyHash) > 2*sha256.Size:
		return "", errorf(Mismatch, "X-Amz-Content-Sha256 '%s' is not supported by this service.", echo(c.bodyHash))
	}
	return c.bodyHash, nil
}

// hashReader fails at the end of what has not the hash that was signed.
type hashReader struct {
	r    io.Reader
	sum  hash.Hash
	want [sha256.Size]byte
}

// Read reads on.
func (h *hashReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && !hmac.Equal(h.sum.Sum(nil), h.want[:]) {
		err = errorf(BodyMismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return n, err
}

// chunkSigner has what the signatures of chunks are made of: each is a link of a chain that
// begins with the signature of the head.
type chunkSigner struct {
	key      [sha256.Size]byte
	scope    string // date and scope, a line each
	previous string // signature, in hex
	trailer  bool   // the trailer is signed too; else there is none
}

// check compares a signature with the next of the chain, over lines and the hash behind
// them.
func (s *chunkSigner) check(algorithm, lines string, sum []byte, signature string) error {
	mac := MAC(s.key[:], algorithm+"\n"+s.scope+s.previous+"\n"+lines+hex.EncodeToString(sum))
	s.previous = hex.EncodeToString(mac[:])
	if !hmac.Equal([]byte(s.previous), []byte(signature)) {
		return mismatch()
	}
	return nil
}

// chunkReader reads the content of chunks:
//
//	10000;chunk-signature=SIGNATURE CRLF content CRLF ... 0;chunk-signature=SIGNATURE CRLF
//	x-amz-checksum-crc32c:CHECKSUM CRLF x-amz-trailer-signature:SIGNATURE CRLF CRLF
type chunkReader struct {
	r       *bufio.Reader
	signer  *chunkSigner // nil: the chunks are not signed
	trailer map[string]string

	left      int64 // of the chunk
	signature string
	sum       hash.Hash // of the chunk; nil if it is not signed
	begun     bool
	err       error
}

func newChunkReader(body io.Reader, signer *chunkSigner, trailer map[string]string) *chunkReader {
	c := &chunkReader{r: bufio.NewReaderSize(body, 16<<10), signer: signer, trailer: trailer}
	if signer != nil {
		c.sum = sha256.New()
	}
	return c
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
	if c.sum != nil {
		c.sum.Write(p[:n])
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	c.err = err
	return n, err
}

// nextChunk ends a chunk and begins the next; io.EOF is behind the last.
func (c *chunkReader) nextChunk() error {
	if c.begun {
		line, err := c.line()
		if err == nil && line != "" {
			err = broken()
		}
		if err == nil {
			err = c.endChunk()
		}
		if err != nil {
			return err
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	size, extension, _ := strings.Cut(line, ";")
	if c.left, err = chunkSize(size); err != nil {
		return err
	}
	c.begun = true
	c.signature = strings.TrimPrefix(extension, "chunk-signature=")
	if c.left > 0 {
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

// chunkSize reads hex digits and nothing else.
func chunkSize(s string) (int64, error) {
	for i := range len(s) {
		if unhex(s[i]) > 15 {
			return 0, broken()
		}
	}
	n, err := strconv.ParseInt(s, 16, 64)
	if err != nil || len(s) > maxChunkSize {
		return 0, broken()
	}
	return n, nil
}

// endChunk proves the chunk that was read.
func (c *chunkReader) endChunk() error {
	if c.signer == nil {
		return nil
	}
	empty := sha256.Sum256(nil)
	sum := c.sum.Sum(nil)
	c.sum.Reset()
	return c.signer.check("AWS4-HMAC-SHA256-PAYLOAD", hex.EncodeToString(empty[:])+"\n", sum, c.signature)
}

func broken() error {
	return errorf(BodyMalformed, "The chunks of the body are malformed.")
}

// line reads a line of what is around the content, without its CRLF.
func (c *chunkReader) line() (string, error) {
	line, err := c.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || len(line) > maxChunkLine:
		return "", broken()
	case errors.Is(err, io.EOF):
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		return "", broken()
	}
	return text, nil
}

// readTrailer reads the lines behind the last chunk, to the end of the body.
func (c *chunkReader) readTrailer() error {
	var signed strings.Builder
	signature := ""
	for n := 0; ; n++ {
		line, err := c.line()
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || n == maxTrailer || c.signer != nil && !c.signer.trailer {
			return broken()
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if name == "x-amz-trailer-signature" {
			signature = value
			continue
		}
		signed.WriteString(name + ":" + value + "\n")
		c.trailer[name] = value
	}
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = broken()
		}
		return err
	}
	if c.signer == nil || !c.signer.trailer {
		return nil
	}
	sum := sha256.Sum256([]byte(signed.String()))
	return c.signer.check("AWS4-HMAC-SHA256-TRAILER", "", sum[:], signature)
}
