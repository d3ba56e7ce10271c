// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/proto/sigv4"
)

// reportKey begins the ids of the keys that the service signs with itself; the account
// follows. No key of anybody has small letters. They are good for reading by a presigned
// URL alone.
const reportKey = "report-"

// Reports presigns URLs of objects that the service offers.
type Reports struct {
	MAC   func(purpose string, data []byte) []byte
	Base  string // URL of the door, without a path
	Clock clock.Clock

	Accounts interface { // for their states
		Account(ctx context.Context, id string) (account.Account, error)
	}
}

// secret is that of the service's key for an account in a region.
func (s *Reports) secret(sc scope.Scope) string {
	return hex.EncodeToString(s.MAC("s3-report", []byte(sc.Account+"/"+sc.Region)))
}

// key is the service's key that a claim names; false if it names another.
func (s *Reports) key(c *sigv4.Claim) (account.Key, bool) {
	id, ok := strings.CutPrefix(c.AccessKeyID, reportKey)
	if !ok || !c.Presigned || c.SessionToken != "" || c.Expires == 0 || len(id) != 12 {
		return account.Key{}, false
	}
	return account.Key{Principal: account.Principal{Account: id}, Secret: s.secret(scope.Scope{Account: id, Region: c.Region})}, true
}

// alive refuses the service's key for an account that is closed, as every key of it is.
func (s *Reports) alive(ctx context.Context, id string) error {
	a, err := s.Accounts.Account(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && a.State != account.Active && a.State != account.Paused {
		return sigv4.NewUnknownKey()
	}
	return err
}

// Presign returns a URL by which anybody may read an object for an hour (S3: sharing
// objects with presigned URLs).
func (s *Reports) Presign(sc scope.Scope, bucket, key string) string {
	stamp := s.Clock().UTC().Format("20060102T150405Z")
	day := stamp[:8]
	credential := day + "/" + sc.Region + "/s3/aws4_request"
	u, err := url.Parse(s.Base + "/")
	if err != nil {
		return "" // app makes it from what it listens on
	}
	u = u.JoinPath(bucket, key)
	q := url.Values{
		"X-Amz-Algorithm": {sigv4.Algorithm}, "X-Amz-Credential": {reportKey + sc.Account + "/" + credential}, "X-Amz-Date": {stamp},
		"X-Amz-Expires": {"3600"}, "X-Amz-SignedHeaders": {"host"},
	}
	canonical := "GET\n" + u.EscapedPath() + "\n" + q.Encode() + "\nhost:" + u.Host + "\n\nhost\nUNSIGNED-PAYLOAD"
	sum := sha256.Sum256([]byte(canonical))
	signing := sigv4.DeriveKey(s.secret(sc), day, sc.Region, "s3")
	signature := sigv4.MAC(signing[:], sigv4.Algorithm+"\n"+stamp+"\n"+credential+"\n"+hex.EncodeToString(sum[:]))
	q.Set("X-Amz-Signature", hex.EncodeToString(signature[:]))
	u.RawQuery = q.Encode()
	return u.String()
}
