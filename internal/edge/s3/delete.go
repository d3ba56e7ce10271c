// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"sesame/internal/core/bucket"
)

// conditions are what the object has to be for it to be deleted (S3: conditional deletes);
// what is empty is not asked.
type conditions struct {
	etag, modified, size string
}

// admit refuses an object that is not as the conditions say.
func (c conditions) admit(old *bucket.Object) error {
	if etag := bare(c.etag); etag != "" && etag != "*" && etag != bare(old.ETag) {
		return errPrecondition
	}
	if c.size != "" && c.size != strconv.FormatInt(old.Size, 10) {
		return errPrecondition
	}
	if c.modified == "" {
		return nil
	}
	at, err := http.ParseTime(c.modified)
	if err != nil {
		if at, err = time.Parse(time.RFC3339, c.modified); err != nil {
			return invalidArgument("The time of the last modification is no time.")
		}
	}
	if !at.Equal(old.ModifiedAt.Truncate(time.Second)) {
		return errPrecondition
	}
	return nil
}

// deleteObject answers DeleteObject. An object that is not there is deleted.
func (c *call) deleteObject(w http.ResponseWriter, r *http.Request) error {
	asked := conditions{r.Header.Get("If-Match"), r.Header.Get("X-Amz-If-Match-Last-Modified-Time"), r.Header.Get("X-Amz-If-Match-Size")}
	if err := c.door.o.Buckets.Remove(r.Context(), c.Scope, c.bucket, c.key, asked.admit); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// maxDeletes is how many objects DeleteObjects takes.
const maxDeletes = 1000

// deletion is an object that DeleteObjects is to delete.
type deletion struct {
	Key              string
	VersionID        string `xml:"VersionId"`
	ETag             string
	LastModifiedTime string
	Size             string
}

type deletions []deletion

// UnmarshalXML reads one more.
func (l *deletions) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	return appendElement((*[]deletion)(l), maxDeletes, d, start)
}

// deleteObjects answers DeleteObjects. Policies are asked for each key.
func (c *call) deleteObjects(w http.ResponseWriter, r *http.Request) error {
	if err := c.door.o.Buckets.Exists(r.Context(), c.Scope, c.bucket); err != nil {
		if denied := c.allow(r.Context(), "s3:DeleteObject", c.arn()+"/*"); denied != nil {
			return denied
		}
		return err
	}
	body, err := document(r, true)
	if err != nil {
		return err
	}
	var in struct {
		XMLName xml.Name  `xml:"Delete"`
		Objects deletions `xml:"Object"`
		Quiet   bool
	}
	if err := decode(body, &in); err != nil {
		return err
	}
	if len(in.Objects) == 0 {
		return errMalformedXML
	}
	type done struct{ Key string }
	type failed struct{ Key, Code, Message string }
	answer := struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Xmlns   string   `xml:"xmlns,attr"`
		Deleted []done
		Error   []failed
	}{Xmlns: xmlns}
	errs := together(len(in.Objects), func(i int) error {
		o := &in.Objects[i]
		if o.VersionID != "" && o.VersionID != "null" {
			return errNotImplemented
		}
		return c.remove(r.Context(), o.Key, conditions{o.ETag, o.LastModifiedTime, o.Size})
	})
	for i, err := range errs {
		if err == nil && !in.Quiet {
			answer.Deleted = append(answer.Deleted, done{in.Objects[i].Key})
		}
		if err != nil {
			refused := refusalOf(err, false)
			if refused == internal {
				return err
			}
			answer.Error = append(answer.Error, failed{in.Objects[i].Key, refused.code, refused.text})
		}
	}
	return writeXML(w, answer)
}

// deletesAtOnce is how many objects of one call are deleted at once: they share commits.
const deletesAtOnce = 32

// caught returns what do returns, or its panic as an error.
func caught(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// together runs do for each number below n, some at a time, and returns their errors.
func together(n int, do func(i int) error) []error {
	errs := make([]error, n)
	room := make(chan struct{}, deletesAtOnce)
	var wg sync.WaitGroup
	for i := range n {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			errs[i] = caught(func() error { return do(i) })
		})
	}
	wg.Wait()
	return errs
}

// remove removes an object if the policies allow it.
func (c *call) remove(ctx context.Context, key string, asked conditions) error {
	if key == "" {
		return bucket.ErrKey
	}
	if err := c.allow(ctx, "s3:DeleteObject", target{bucket: c.bucket, key: key}.arn()); err != nil {
		return err
	}
	return c.door.o.Buckets.Remove(ctx, c.Scope, c.bucket, key, asked.admit)
}
