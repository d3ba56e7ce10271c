// SPDX-License-Identifier: Apache-2.0

// Package sigv4 verifies AWS Signature Version 4 on the server's side, in the
// header form and in the query-string (presigned) form, as AWS's services do
// it. It holds no credentials: Parse reads what a request claims, the caller looks
// the access key up, Check proves the claim with the key's secret. It fails with
// *Error alone, whose Kind maps to AWS's codes in one table.
//
// S3 signs in a way of its own, and its bodies are proven while they are read: see
// CheckStream.
//
// The work is bounded by the size of the request's head, which the HTTP server
// limits.
package sigv4

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"time"
)

// Algorithm is the only signing algorithm that is understood.
const Algorithm = "AWS4-HMAC-SHA256"

const (
	terminator  = "aws4_request"
	stampLayout = "20060102T150405Z" // ISO 8601, basic format, always UTC
	dayLen      = len("20060102")
	maxExpires  = 7 * 24 * time.Hour

	defaultSkew     = 5 * time.Minute
	defaultKeyCache = 1024
)

// UnsignedPayload says when a header-form request may leave its body out of the
// signature (X-Amz-Content-Sha256: UNSIGNED-PAYLOAD).
type UnsignedPayload uint8

// The choices for UnsignedPayload. A presigned request never may.
const (
	UnsignedOverTLS UnsignedPayload = iota // only where TLS protects the body
	UnsignedNever
	UnsignedAlways
)

// Options says what a Verifier accepts. The zero value is the policy of SES.
type Options struct {
	Services        []string      // services that a credential may be scoped to; "ses" if empty
	Skew            time.Duration // how far a date may be off, both ways; 5 minutes if 0
	UnsignedPayload UnsignedPayload
	KeyCache        int // number of derived keys kept; 1024 if 0
}

// Verifier verifies signatures by one policy. It is safe for concurrent use.
type Verifier struct {
	services []string
	skew     time.Duration
	unsigned UnsignedPayload
	keys     *KeyCache
}

// New returns a Verifier with the policy o.
func New(o Options) *Verifier {
	v := &Verifier{services: slices.Clone(o.Services), skew: o.Skew, unsigned: o.UnsignedPayload}
	if len(v.services) == 0 {
		v.services = []string{"ses"}
	}
	if v.skew <= 0 {
		v.skew = defaultSkew
	}
	if o.KeyCache <= 0 {
		o.KeyCache = defaultKeyCache
	}
	v.keys = NewKeyCache(o.KeyCache)
	return v
}

// Claim is what a request says about who signed it and how. Nothing of it is proven
// before Check has returned nil. A Claim belongs to one request and is not for
// concurrent use.
type Claim struct {
	AccessKeyID   string        // 1 to 128 printable ASCII characters
	Date          time.Time     // when the request says that it was signed, UTC
	Region        string        // has the form of a region name
	Service       string        // one of Options.Services
	SessionToken  string        // of temporary credentials, "" for permanent ones
	SignedHeaders []string      // lower-case names, in the order of the claim
	Presigned     bool          // query-string form
	Expires       time.Duration // of a presigned request, 1 second to 7 days; 0 if not given

	verifier  *Verifier
	stamp     string // Date as the string to sign has it
	query     string // canonical query string, without the signature
	bodyHash  string // X-Amz-Content-Sha256, "" if absent
	signature [sha256.Size]byte
	malformed bool // the signature has not even the form of one: it matches nothing
}

// Check proves the claim. It takes the request as received (before any handler
// changed its method, Host, target or headers), the SHA-256 of the body as it came
// over the wire, the secret access key and the present time. It returns nil or an
// *Error; the secret shows in neither.
func (c *Claim) Check(r *http.Request, bodySHA256 [sha256.Size]byte, secret string, now time.Time) error {
	if err := c.CheckHead(r, now); err != nil {
		return err
	}
	hash, ok := c.payloadHash(bodySHA256)
	if !ok || c.malformed {
		return mismatch()
	}
	return c.prove(r, hash, secret)
}

// prove compares the signature with the one that the secret gives for r.
func (c *Claim) prove(r *http.Request, hash, secret string) error {
	key := c.verifier.keys.Key(secret, c.stamp[:dayLen], c.Region, c.Service)
	path := wirePath(r)
	if c.matches(r, path, hash, key) {
		return nil
	}
	// AWS signs the path with empty and dot segments removed. Most signers do so too,
	// the Go SDK's does not: both are right. S3 leaves the segments as they are, and
	// the escapes are the signer's, whatever the client has sent.
	normal := normalPath(path)
	if c.Service == s3 {
		normal = escapedOnce(path)
	}
	if normal != path && c.matches(r, normal, hash, key) {
		return nil
	}
	return mismatch()
}

// CheckHead does the part of Check that needs neither the secret nor the body: the
// request is of now, all of its x-amz-* headers are signed, and the payload's hash
// is of an accepted form. It lets a server refuse before it reads the body.
func (c *Claim) CheckHead(r *http.Request, now time.Time) error {
	if err := c.checkTime(now); err != nil {
		return err
	}
	for name := range r.Header {
		if isAmzHeader(name) && !c.signs(name) {
			return errorf(Mismatch, "'%s' must be a 'SignedHeader' in the AWS Authorization.", echo(name))
		}
	}
	return c.checkPayloadForm(r)
}

func (c *Claim) checkTime(now time.Time) error {
	now = now.UTC()
	skew := c.verifier.skew
	if latest := now.Add(skew); c.Date.After(latest) {
		return errorf(Skewed, "Signature not yet current: %s is still later than %s (%s + %d min.)",
			c.stamp, latest.Format(stampLayout), now.Format(stampLayout), int(skew.Minutes()))
	}
	if c.Expires > 0 {
		if now.After(c.Date.Add(c.Expires)) {
			return errorf(Expired, "Request has expired.")
		}
		return nil
	}
	if earliest := now.Add(-skew); c.Date.Before(earliest) {
		return errorf(Skewed, "Signature expired: %s is now earlier than %s (%s - %d min.)",
			c.stamp, earliest.Format(stampLayout), now.Format(stampLayout), int(skew.Minutes()))
	}
	return nil
}
