// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

const (
	// maxCodings is how many times over a body may be compressed: nobody does it twice.
	maxCodings = 2

	// A body may expand to freeExpansion whatever it was, and beyond that to maxRatio
	// times itself. Text that is worth sending compresses ten times, a bomb a thousand.
	freeExpansion = 1 << 20
	maxRatio      = 200

	firstRead = 64 << 10 // what is allocated for a body on its sender's word alone
)

// ReadBody reads the whole body of r as it came over the wire, not inflated: that is
// what a signature covers. A body of more than limit bytes gives an Error of status
// 413, at once if its length was announced; one that stops coming gives 400, or 408 at
// the server's deadline. Memory follows what has arrived, not what was announced.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var b bytes.Buffer
	if n := r.ContentLength; n > 0 {
		b.Grow(int(min(n, firstRead)) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(r.Body, limit+1))
	if int64(b.Len()) > limit {
		return nil, tooLarge(limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, &Error{Status: http.StatusRequestTimeout, Text: "The request body did not arrive in time", Err: err}
	}
	if err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Text: "The request body could not be read", Err: err}
	}
	return b.Bytes(), nil
}

// Inflater undoes content codings. Its zero value is ready, it is safe for concurrent
// use, and it keeps readers for reuse: there is one per door.
type Inflater struct {
	gzips  sync.Pool // *gzip.Reader
	flates sync.Pool // io.ReadCloser, flate.Resetter
}

// Inflate returns body without the codings that the Content-Encoding headers name:
// gzip, deflate (with and without the zlib wrapper, since senders differ) and
// identity; RFC 9110 §8.4. Without any it returns body itself. The result has at most
// limit bytes and no more than a sane multiple of body, else the Error's status is
// 413; an unknown coding gives 415, a damaged body 400. An empty body stays empty.
func (f *Inflater) Inflate(body []byte, contentEncoding []string, limit int64) ([]byte, error) {
	codings, err := contentCodings(contentEncoding)
	if err != nil || len(body) == 0 {
		return body, err
	}
	if int64(len(body)) > limit {
		return nil, tooLarge(limit)
	}
	limit = min(limit, max(freeExpansion, int64(len(body))*maxRatio))
	for i := len(codings) - 1; i >= 0; i-- { // the last one was put on last
		if body, err = f.inflate(body, codings[i], limit); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// contentCodings returns the codings to undo, in the order in which they were put on.
func contentCodings(headers []string) ([]string, error) {
	var codings []string
	for _, h := range headers {
		for c := range strings.SplitSeq(h, ",") {
			switch c = strings.ToLower(strings.TrimSpace(c)); c {
			case "", "identity":
			case "gzip", "x-gzip":
				codings = append(codings, gzipCoding)
			case "deflate":
				codings = append(codings, deflateCoding)
			default:
				return nil, &Error{Status: http.StatusUnsupportedMediaType,
					Text: "The content encoding is not supported; gzip, deflate and identity are"}
			}
		}
	}
	if len(codings) > maxCodings {
		return nil, &Error{Status: http.StatusUnsupportedMediaType, Text: "The request body has too many content encodings"}
	}
	return codings, nil
}

func (f *Inflater) inflate(body []byte, coding string, limit int64) ([]byte, error) {
	src := bytes.NewReader(body)
	r, release, err := f.reader(src, coding)
	if err != nil {
		return nil, damaged(err)
	}
	var b bytes.Buffer
	b.Grow(int(min(limit, 4*int64(len(body)), firstRead)) + bytes.MinRead)
	_, err = b.ReadFrom(io.LimitReader(r, limit+1))
	release()
	switch {
	case int64(b.Len()) > limit:
		return nil, tooLarge(limit)
	case err != nil:
		return nil, damaged(err)
	case src.Len() > 0:
		return nil, damaged(errors.New("bytes after the end"))
	}
	return b.Bytes(), nil
}

// reader returns a reader that undoes coding, and what to call when done with it.
func (f *Inflater) reader(src *bytes.Reader, coding string) (io.Reader, func(), error) {
	if coding == gzipCoding {
		z, ok := f.gzips.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		release := func() { f.gzips.Put(z) }
		if err := z.Reset(src); err != nil {
			release()
			return nil, nil, err
		}
		return z, release, nil
	}
	if hasZlibHeader(src) {
		z, err := zlib.NewReader(src)
		return z, func() {}, err
	}
	z, ok := f.flates.Get().(io.ReadCloser)
	if !ok {
		z = flate.NewReader(src)
	} else if err := z.(flate.Resetter).Reset(src, nil); err != nil {
		return nil, nil, err
	}
	return z, func() { f.flates.Put(z) }, nil
}

// hasZlibHeader looks at the first two bytes (RFC 1950 §2.2). A raw deflate stream
// can't begin like that: it would be a stored block with padding that is not zero.
func hasZlibHeader(src *bytes.Reader) bool {
	var h [2]byte
	n, _ := src.ReadAt(h[:], 0)
	return n == 2 && h[0]&0x0f == 8 && h[0]>>4 <= 7 && (int(h[0])<<8|int(h[1]))%31 == 0
}

func damaged(err error) *Error {
	return &Error{Status: http.StatusBadRequest, Text: "The request body does not fit its content encoding", Err: err}
}
