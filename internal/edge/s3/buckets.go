// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sesame/internal/core/bucket"
)

// xmlns is the namespace of answers.
const xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"

// stamp is a time as S3 writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// owner is who owns everything in an account.
type owner struct {
	ID          string
	DisplayName string
}

// listBuckets answers ListBuckets with the buckets of the account in the region.
func (c *call) listBuckets(w http.ResponseWriter, r *http.Request) error {
	type entry struct {
		Name, CreationDate, BucketRegion string
	}
	answer := struct {
		XMLName           xml.Name `xml:"ListAllMyBucketsResult"`
		Xmlns             string   `xml:"xmlns,attr"`
		Owner             owner
		Buckets           []entry `xml:"Buckets>Bucket"`
		ContinuationToken string  `xml:",omitempty"`
		Prefix            string  `xml:",omitempty"`
	}{Xmlns: xmlns, Owner: owner{c.Scope.Account, c.Scope.Account}}
	query := r.URL.Query()
	most, err := number(query.Get("max-buckets"), bucket.MaxBuckets, 1)
	if err != nil {
		return err
	}
	after, err := base64.URLEncoding.DecodeString(query.Get("continuation-token"))
	if err != nil {
		return invalidArgument("The continuation token provided is incorrect")
	}
	answer.Prefix = query.Get("prefix")
	all, err := c.door.o.Buckets.Buckets(r.Context(), c.Scope)
	if err != nil {
		return err
	}
	for _, b := range all {
		if region := query.Get("bucket-region"); b.Name <= string(after) || !strings.HasPrefix(b.Name, answer.Prefix) || region != "" && region != c.Scope.Region {
			continue
		}
		if len(answer.Buckets) == most {
			answer.ContinuationToken = base64.URLEncoding.EncodeToString([]byte(answer.Buckets[most-1].Name))
			break
		}
		answer.Buckets = append(answer.Buckets, entry{b.Name, stamp(b.CreatedAt), c.Scope.Region})
	}
	return writeXML(w, answer)
}

// number reads a parameter that is a number of at least least; more than most is most.
func number(text string, most, least int) (int, error) {
	if text == "" {
		return most, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, invalidArgument("Provided argument is not an integer or not within the allowed range")
	}
	return min(n, most), nil
}

// defaultRegion is the one whose buckets have no location constraint, and where making an
// own bucket again is no error (S3: CreateBucket).
const defaultRegion = "us-east-1"

// createBucket answers CreateBucket.
func (c *call) createBucket(w http.ResponseWriter, r *http.Request) error {
	body, err := document(r, false)
	if err != nil {
		return err
	}
	if len(body) > 0 {
		var in struct {
			XMLName            xml.Name `xml:"CreateBucketConfiguration"`
			LocationConstraint string
			Location, Bucket   *struct{}
		}
		if err := decode(body, &in); err != nil {
			return err
		}
		switch {
		case in.Location != nil || in.Bucket != nil: // directory buckets
			return errNotImplemented
		case in.LocationConstraint != "" && in.LocationConstraint != c.Scope.Region:
			return errLocation
		}
	}
	err = c.door.o.Buckets.Create(r.Context(), c.Scope, c.bucket)
	if err != nil && (!errors.Is(err, bucket.ErrExists) || c.Scope.Region != defaultRegion) {
		return err
	}
	w.Header().Set("Location", "/"+c.bucket)
	w.WriteHeader(http.StatusOK)
	return nil
}

// bucketLocation answers GetBucketLocation.
func (c *call) bucketLocation(w http.ResponseWriter, r *http.Request) error {
	if err := c.door.o.Buckets.Exists(r.Context(), c.Scope, c.bucket); err != nil {
		return err
	}
	answer := struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		Xmlns   string   `xml:"xmlns,attr"`
		Region  string   `xml:",chardata"`
	}{Xmlns: xmlns}
	if c.Scope.Region != defaultRegion {
		answer.Region = c.Scope.Region
	}
	return writeXML(w, answer)
}

// objectTagging answers GetObjectTagging: no object has tags. The AWS CLI asks before it
// copies a large one.
func (c *call) objectTagging(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.door.o.Buckets.Head(r.Context(), c.Scope, c.bucket, c.key); err != nil {
		return c.missing(r.Context(), err, c.bucket)
	}
	return writeXML(w, struct {
		XMLName xml.Name `xml:"Tagging"`
		Xmlns   string   `xml:"xmlns,attr"`
		TagSet  string
	}{Xmlns: xmlns})
}
