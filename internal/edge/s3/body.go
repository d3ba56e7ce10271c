// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/proto/sigv4"
)

// Bounds of the bodies that are no content (S3: DeleteObjects, a thousand keys;
// CompleteMultipartUpload, ten thousand parts). They are read into memory, where they take
// several times their size; small ones are not counted.
const (
	maxDocument   = 4 << 20  // octets of one
	maxDocuments  = 64 << 20 // of all at once
	smallDocument = 64 << 10
)

// documentTime is how long a document may take to come: others wait for its room.
const documentTime = 2 * time.Minute

// hold takes room for so many octets more of a document.
func (c *call) hold(octets int64) error {
	if c.taken += octets; c.taken <= smallDocument {
		return nil
	}
	more := c.taken - c.held
	c.held = c.taken
	if c.door.documents.Add(more) > maxDocuments {
		return fault.New(fault.Throttled, "Please reduce your request rate.")
	}
	return nil
}

// heldBody is a document that takes its room while it comes: who sends nothing takes none.
type heldBody struct {
	io.Reader
	call  *call
	until time.Time
}

// Read reads on.
func (b *heldBody) Read(p []byte) (int, error) {
	if b.call.door.o.Clock().After(b.until) {
		return 0, errTimeout
	}
	n, err := b.Reader.Read(p)
	if held := b.call.hold(int64(n)); held != nil {
		return n, held
	}
	return n, err
}

func (c *call) release() { c.door.documents.Add(-c.held) }

// withBody returns the request with a body that is the content alone, of the length that
// the head says, whole and proven.
func (c *call) withBody(r *http.Request, content io.Reader, trailer map[string]string) (*http.Request, error) {
	r = r.Clone(r.Context())
	size := r.ContentLength
	if decoded := r.Header.Get("X-Amz-Decoded-Content-Length"); decoded != "" {
		n, err := strconv.ParseInt(decoded, 10, 64)
		if err != nil || n < 0 {
			return nil, invalidArgument("X-Amz-Decoded-Content-Length is not the length of a body.")
		}
		size = n
	}
	switch {
	case size < 0:
		return nil, errMissingLength
	case size > maxDocument && !c.op.content:
		return nil, errTooLong
	}
	behind, err := behind(r.Header, trailer)
	if err != nil {
		return nil, err
	}
	if behind != nil {
		content, c.late = behind.reader(content), behind.header
	}
	proven := &provenBody{r: bufio.NewReader(content), left: size}
	if size == 0 {
		if err := proven.end(); err != nil {
			return nil, err
		}
	}
	r.Body = io.NopCloser(proven)
	if !c.op.content {
		r.Body = io.NopCloser(&heldBody{proven, c, c.door.o.Clock().Add(documentTime)})
	}
	r.ContentLength = size
	r.Header.Set("Content-Length", strconv.FormatInt(size, 10))
	for _, name := range []string{"X-Amz-Decoded-Content-Length", "X-Amz-Content-Sha256", "X-Amz-Trailer"} {
		r.Header.Del(name)
	}
	if c.source != nil {
		r.Header.Set("X-Amz-Copy-Source", c.source.header()) // the library reads what was asked about
	}
	unnumber(r.Header)
	return r, nil
}

// bare is an ETag without quotes and without the number of parts, which differs nowhere else.
func bare(etag string) string {
	sum, _, _ := strings.Cut(strings.Trim(etag, `"`), "-")
	return sum
}

// numbered is the ETag of an object that was made of parts.
var numbered = regexp.MustCompile(`([0-9a-f]{32})-\d+`)

// unnumber takes the numbers of parts from the ETags in conditions: what the library
// compares them with is without.
func unnumber(h http.Header) {
	for _, name := range []string{"If-Match", "If-None-Match", "X-Amz-Copy-Source-If-Match", "X-Amz-Copy-Source-If-None-Match"} {
		if value := h.Get(name); value != "" {
			h.Set(name, numbered.ReplaceAllString(value, "$1"))
		}
	}
}

// provenBody gives out the last octets of the content only when the end behind them is
// proven: who knows how many there are does not ask for more.
type provenBody struct {
	r    *bufio.Reader
	left int64
}

// Read reads on.
func (b *provenBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); errors.Is(err, io.EOF) && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && b.left == 0 {
		if err := b.end(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// end reads the end of the content.
func (b *provenBody) end() error {
	_, err := b.r.Peek(1)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return &sigv4.Error{Kind: sigv4.BodyMalformed, Text: "The body is longer than its head says."}
	}
	return err
}

// document reads a body that is no content, and compares it with the digests in the head.
func document(r *http.Request, digestNeeded bool) ([]byte, error) {
	sums, err := ahead(r.Header)
	if err != nil {
		return nil, err
	}
	if digestNeeded && len(sums) == 0 {
		return nil, errMissingDigest
	}
	body := io.Reader(r.Body)
	for _, s := range sums {
		body = s.reader(body)
	}
	return io.ReadAll(body) // withBody has bounded it
}

// appendElement reads an element of a document, of which there may be most.
func appendElement[T any](list *[]T, most int, d *xml.Decoder, start xml.StartElement) error {
	if len(*list) == most {
		return errMalformedXML
	}
	var v T
	if err := d.DecodeElement(&v, &start); err != nil {
		return err
	}
	*list = append(*list, v)
	return nil
}

// decode reads an XML document. There is nothing in it that goes deeper than a few levels.
func decode(body []byte, v any) error {
	if err := xml.NewDecoder(bytes.NewReader(body)).Decode(v); err != nil {
		return errMalformedXML
	}
	return nil
}
