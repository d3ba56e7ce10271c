// SPDX-License-Identifier: Apache-2.0

package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sesame/internal/proto/sigv4"
)

func FuzzParse(f *testing.F) {
	for _, name := range []string{"a v1 form post", "repeated query keys", "a session token"} {
		r := sign(f, samples[name])
		f.Add(r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"), r.URL.RawQuery, r.RequestURI)
		r = presign(f, samples[name], "600")
		f.Add("", "", r.URL.RawQuery, r.RequestURI)
	}
	f.Add("AWS4-HMAC-SHA256 ,,,Credential==, =", "x", "a=%", "//../.?;")
	f.Fuzz(func(t *testing.T, auth, date, query, target string) {
		r := &http.Request{Method: "GET", Host: "h", RequestURI: target, URL: &url.URL{RawQuery: query, Path: "/p"},
			Header: http.Header{"Authorization": {auth}, "X-Amz-Date": {date}}}
		if auth == "" {
			r.Header.Del("Authorization")
		}
		v := sigv4.New(sigv4.Options{})
		c, err := v.Parse(r)
		if err != nil {
			if kindOf(t, err) == 0 || c != nil {
				t.Fatal("an error without a kind, or with a claim")
			}
			return
		}
		if c.AccessKeyID == "" || c.Region == "" || c.Service != "ses" || c.Date.IsZero() {
			t.Fatalf("an incomplete claim passed: %+v", c)
		}
		// Nobody can forge a signature for a secret that nobody knows.
		if c.Check(r, sha256.Sum256(nil), "\x00unknown\x00", c.Date) == nil {
			t.Fatal("a forged signature passed")
		}
	})
}

// FuzzCanonical lets the SDK sign whatever the fuzzer makes up: it must be accepted.
func FuzzCanonical(f *testing.F) {
	f.Add("/v2/email/identities/a b", "k=1&k=0&x", "  a   b ", "body")
	f.Add("//a/../%2F%40é", "a=%2B++&é=~*", "\tx\t", "")
	f.Add("", "=&&=", "", "x")
	f.Fuzz(func(t *testing.T, path, query, value, body string) {
		u := &url.URL{Scheme: "http", Host: "localhost:8025", Path: "/" + path, RawQuery: query}
		if _, err := url.ParseQuery(query); err != nil || strings.ContainsAny(query, " #") ||
			strings.ContainsFunc(query, unicode.IsControl) {
			return // not a query that a client sends
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }) {
			return // not a field value
		}
		r, err := http.NewRequest("POST", "http://localhost:8025/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		r.Header["X-Amz-Fuzz"] = []string{value, value}
		sum := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(context.Background(), creds(""), r, hex.EncodeToString(sum[:]),
			"ses", "us-east-1", signedAt); err != nil {
			return // not a request that the SDK signs
		}
		if _, err := verify(sigv4.New(sigv4.Options{}), send(t, r), signedAt); err != nil {
			t.Fatalf("%s?%s, %q: %v", u.EscapedPath(), query, value, err)
		}
	})
}
