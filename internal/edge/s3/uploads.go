// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"sesame/internal/core/bucket"
)

// upload is the upload in parts that a call is about.
func (c *call) upload(r *http.Request) bucket.Upload {
	return bucket.Upload{Scope: c.Scope, Bucket: c.bucket, Key: c.key, ID: r.URL.Query().Get("uploadId")}
}

// metaHeaders are the headers that are kept with an object, as the library keeps them.
func metaHeaders(h http.Header) map[string]string {
	meta := map[string]string{}
	for name := range h {
		switch value := h.Get(name); name {
		case "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires":
			meta[name] = value
		default:
			if strings.HasPrefix(name, "X-Amz-Meta-") {
				meta[name] = value
			}
		}
	}
	return meta
}

// createUpload answers CreateMultipartUpload.
func (c *call) createUpload(w http.ResponseWriter, r *http.Request) error {
	id, err := c.door.o.Buckets.Begin(r.Context(), c.Scope, c.bucket, c.key, metaHeaders(r.Header))
	if err != nil {
		return err
	}
	return writeXML(w, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Xmlns    string   `xml:"xmlns,attr"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{Xmlns: xmlns, Bucket: c.bucket, Key: c.key, UploadID: id})
}

// uploadPart answers UploadPart and UploadPartCopy.
func (c *call) uploadPart(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || n < 1 || n > bucket.MaxPart {
		return invalidArgument("Part number must be an integer between 1 and 10000, inclusive")
	}
	if c.source != nil {
		return c.copyPart(w, r, n)
	}
	sums, err := ahead(r.Header)
	if err != nil {
		return err
	}
	body := io.Reader(r.Body)
	for _, s := range sums {
		body = s.reader(body)
	}
	part, err := c.door.o.Buckets.PutPart(r.Context(), c.upload(r), bucket.Part{N: n, Size: r.ContentLength}, body)
	if err != nil {
		return err
	}
	for _, s := range sums {
		if strings.HasPrefix(s.name, checksumPrefix) {
			w.Header().Set(s.name, s.want())
		}
	}
	if c.late != nil {
		for name, value := range c.late() {
			w.Header().Set(name, value)
		}
	}
	w.Header().Set("ETag", `"`+part.ETag+`"`)
	w.WriteHeader(http.StatusOK)
	return nil
}

// sourceRange is the form of X-Amz-Copy-Source-Range.
var sourceRange = regexp.MustCompile(`^bytes=(\d{1,18})-(\d{1,18})$`)

// copyPart makes a part of an object, or of a range of it.
func (c *call) copyPart(w http.ResponseWriter, r *http.Request, n int) error {
	o, content, err := c.door.o.Buckets.Get(r.Context(), c.Scope, c.source.bucket, c.source.key)
	if err != nil {
		return c.missing(r.Context(), err, c.source.bucket)
	}
	defer content.Close()
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Copy-Source-If-") && name != "X-Amz-Copy-Source-If-Match" {
			return errNotImplemented
		}
	}
	if match := bare(r.Header.Get("X-Amz-Copy-Source-If-Match")); match != "" && match != bare(o.ETag) {
		return errPrecondition
	}
	from, size := int64(0), o.Size
	if asked := r.Header.Get("X-Amz-Copy-Source-Range"); asked != "" {
		if from, size, err = parseSourceRange(asked, o.Size); err != nil {
			return err
		}
	}
	part, err := c.door.o.Buckets.PutPart(r.Context(), c.upload(r), bucket.Part{N: n, Size: size}, io.NewSectionReader(content, from, size))
	if err != nil {
		return err
	}
	return writeXML(w, struct {
		XMLName      xml.Name `xml:"CopyPartResult"`
		Xmlns        string   `xml:"xmlns,attr"`
		ETag         string
		LastModified string
	}{Xmlns: xmlns, ETag: `"` + part.ETag + `"`, LastModified: stamp(part.ModifiedAt)})
}

// parseSourceRange reads the range of an object with size octets that is to be copied.
func parseSourceRange(text string, size int64) (from, length int64, err error) {
	m := sourceRange.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, invalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	from, err1 := strconv.ParseInt(m[1], 10, 64)
	last, err2 := strconv.ParseInt(m[2], 10, 64)
	if errors.Join(err1, err2) != nil || from > last || last >= size {
		return 0, 0, errRange
	}
	return from, last - from + 1, nil
}

// chosenPart is a part that an object is to be made of.
type chosenPart struct {
	PartNumber int
	ETag       string
}

type chosenParts []chosenPart

// UnmarshalXML reads one more.
func (l *chosenParts) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	return appendElement((*[]chosenPart)(l), bucket.MaxPart, d, start)
}

// completeUpload answers CompleteMultipartUpload. A checksum in the head is that of the
// object.
func (c *call) completeUpload(w http.ResponseWriter, r *http.Request) error {
	sums, err := ahead(r.Header)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body) // withBody has bounded it
	if err != nil {
		return err
	}
	var in struct {
		XMLName xml.Name    `xml:"CompleteMultipartUpload"`
		Parts   chosenParts `xml:"Part"`
	}
	if err := decode(body, &in); err != nil {
		return err
	}
	if len(in.Parts) == 0 {
		return errMalformedXML
	}
	completion := bucket.Completion{Admit: writeConditions(r.Header), Through: func(content io.Reader) io.Reader {
		for _, s := range sums {
			if strings.HasPrefix(s.name, checksumPrefix) && r.Header.Get(checksumPrefix+"Type") != "COMPOSITE" {
				content = s.reader(content)
			}
		}
		return content
	}}
	for _, p := range in.Parts {
		completion.Parts = append(completion.Parts, bucket.Part{N: p.PartNumber, ETag: strings.Trim(p.ETag, `"`)})
	}
	o, err := c.door.o.Buckets.Complete(r.Context(), c.upload(r), completion)
	if err != nil {
		return err
	}
	return writeXML(w, struct {
		XMLName  xml.Name `xml:"CompleteMultipartUploadResult"`
		Xmlns    string   `xml:"xmlns,attr"`
		Location string
		Bucket   string
		Key      string
		ETag     string
	}{Xmlns: xmlns, Location: r.URL.EscapedPath(), Bucket: c.bucket, Key: c.key, ETag: `"` + o.ETag + `"`})
}

// writeConditions are the conditions of the head on what is replaced (S3: conditional
// writes).
func writeConditions(h http.Header) func(*bucket.Object) error {
	match, none := bare(h.Get("If-Match")), bare(h.Get("If-None-Match"))
	return func(old *bucket.Object) error {
		sum := ""
		if old != nil {
			sum = bare(old.ETag)
		}
		switch {
		case match != "" && old == nil:
			return bucket.ErrNoObject
		case match != "" && match != "*" && match != sum, none != "" && old != nil && (none == "*" || none == sum):
			return errPrecondition
		}
		return nil
	}
}

// abortUpload answers AbortMultipartUpload.
func (c *call) abortUpload(w http.ResponseWriter, r *http.Request) error {
	if err := c.door.o.Buckets.Abort(r.Context(), c.upload(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// maxListed is how many uploads or parts a page has at most.
const maxListed = 1000

// listParts answers ListParts.
func (c *call) listParts(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	limit, err := number(query.Get("max-parts"), maxListed, 1)
	if err != nil {
		return err
	}
	after := 0
	if marker := query.Get("part-number-marker"); marker != "" {
		if after, err = number(marker, bucket.MaxPart, 0); err != nil {
			return err
		}
	}
	parts, more, err := c.door.o.Buckets.Parts(r.Context(), c.upload(r), after, limit)
	if err != nil {
		return err
	}
	type entry struct {
		PartNumber         int
		LastModified, ETag string
		Size               int64
	}
	answer := struct {
		XMLName              xml.Name `xml:"ListPartsResult"`
		Xmlns                string   `xml:"xmlns,attr"`
		Bucket, Key          string
		UploadID             string `xml:"UploadId"`
		Initiator, Owner     owner
		StorageClass         string
		PartNumberMarker     int
		NextPartNumberMarker int `xml:",omitempty"`
		MaxParts             int
		IsTruncated          bool
		Parts                []entry `xml:"Part"`
	}{
		Xmlns: xmlns, Bucket: c.bucket, Key: c.key, UploadID: query.Get("uploadId"), Initiator: owner{c.Scope.Account, c.Scope.Account},
		Owner: owner{c.Scope.Account, c.Scope.Account}, StorageClass: "STANDARD", PartNumberMarker: after, MaxParts: limit, IsTruncated: more,
	}
	for _, p := range parts {
		answer.Parts = append(answer.Parts, entry{p.N, stamp(p.ModifiedAt), `"` + p.ETag + `"`, p.Size})
		answer.NextPartNumberMarker = p.N
	}
	return writeXML(w, answer)
}

// listUploads answers ListMultipartUploads.
func (c *call) listUploads(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	if query.Get("delimiter") != "" || query.Get("prefix") != "" {
		return errNotImplemented
	}
	limit, err := number(query.Get("max-uploads"), maxListed, 1)
	if err != nil {
		return err
	}
	escape := func(key string) string { return key }
	if query.Get("encoding-type") == "url" {
		escape = url.QueryEscape
	}
	after := bucket.Upload{Scope: c.Scope, Bucket: c.bucket, Key: query.Get("key-marker"), ID: query.Get("upload-id-marker")}
	if after.Key != "" && after.ID == "" {
		after.ID = bucket.BehindAll
	}
	list, more, err := c.door.o.Buckets.Uploads(r.Context(), after, limit)
	if err != nil {
		return err
	}
	type entry struct {
		Key              string
		UploadID         string `xml:"UploadId"`
		Initiator, Owner owner
		StorageClass     string
		Initiated        string
	}
	answer := struct {
		XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
		Xmlns              string   `xml:"xmlns,attr"`
		Bucket             string
		KeyMarker          string
		UploadIDMarker     string `xml:"UploadIdMarker"`
		NextKeyMarker      string `xml:",omitempty"`
		NextUploadIDMarker string `xml:"NextUploadIdMarker,omitempty"`
		EncodingType       string `xml:",omitempty"`
		MaxUploads         int
		IsTruncated        bool
		Uploads            []entry `xml:"Upload"`
	}{
		Xmlns: xmlns, Bucket: c.bucket, KeyMarker: escape(query.Get("key-marker")), UploadIDMarker: query.Get("upload-id-marker"),
		EncodingType: query.Get("encoding-type"), MaxUploads: limit, IsTruncated: more,
	}
	me := owner{c.Scope.Account, c.Scope.Account}
	for _, u := range list {
		answer.Uploads = append(answer.Uploads, entry{escape(u.Key), u.ID, me, me, "STANDARD", stamp(u.StartedAt)})
		if more {
			answer.NextKeyMarker, answer.NextUploadIDMarker = escape(u.Key), u.ID
		}
	}
	return writeXML(w, answer)
}
