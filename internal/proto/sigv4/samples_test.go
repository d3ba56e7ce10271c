// SPDX-License-Identifier: Apache-2.0

package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sesame/internal/proto/sigv4"
)

const (
	keyID  = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var signedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// sample is a request before it is signed.
type sample struct {
	method, target, body string
	header               http.Header
	token                string
}

func (s sample) build(t testing.TB) *http.Request {
	t.Helper()
	r, err := http.NewRequest(s.method, "https://email.us-east-1.amazonaws.com"+s.target, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range s.header {
		r.Header[k] = v
	}
	return r
}

// send takes r over the wire's form, as a server reads it.
func send(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&b))
	if err != nil {
		t.Fatal(err)
	}
	got.TLS = &tls.ConnectionState{}
	return got
}

func creds(token string) aws.Credentials {
	return aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret, SessionToken: token}
}

// sign signs s in the header form with the Go SDK and sends it.
func sign(t testing.TB, s sample) *http.Request {
	t.Helper()
	r := s.build(t)
	sum := sha256.Sum256([]byte(s.body))
	err := v4.NewSigner().SignHTTP(context.Background(), creds(s.token), r, hex.EncodeToString(sum[:]),
		"ses", "us-east-1", signedAt)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, r)
}

// presign signs s in the query-string form with the Go SDK and sends it.
func presign(t testing.TB, s sample, expires string) *http.Request {
	t.Helper()
	r := s.build(t)
	if expires != "" {
		q := r.URL.Query()
		q.Set("X-Amz-Expires", expires)
		r.URL.RawQuery = q.Encode()
	}
	sum := sha256.Sum256([]byte(s.body))
	signed, header, err := v4.NewSigner().PresignHTTP(context.Background(), creds(s.token), r,
		hex.EncodeToString(sum[:]), "ses", "us-east-1", signedAt)
	if err != nil {
		t.Fatal(err)
	}
	out, err := http.NewRequest(s.method, signed, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	out.Header = header.Clone()
	out.Header.Del("Host")
	return send(t, out)
}

// verify is what a server does.
func verify(v *sigv4.Verifier, r *http.Request, now time.Time) (*sigv4.Claim, error) {
	c, err := v.Parse(r)
	if err != nil {
		return nil, err
	}
	if c.AccessKeyID != keyID {
		return nil, sigv4.NewUnknownKey()
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return c, c.Check(r, sha256.Sum256(body), secret, now)
}

func kindOf(t testing.TB, err error) sigv4.Kind {
	t.Helper()
	if err == nil {
		return 0
	}
	var e *sigv4.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is not a *sigv4.Error", err, err)
	}
	return e.Kind
}

var samples = map[string]sample{
	"a v1 form post": {method: "POST", target: "/", body: "Action=GetSendQuota&Version=2010-12-01",
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}},
	"an empty path":                  {method: "GET", target: ""},
	"an empty path with a query":     {method: "GET", target: "?Action=ListIdentities"},
	"an escaped at sign in the path": {method: "GET", target: "/v2/email/identities/joe%40example.com"},
	"a bare at sign in the path":     {method: "GET", target: "/v2/email/identities/joe@example.com"},
	"a plus in the path":             {method: "GET", target: "/v2/email/identities/joe+tag%40example.com"},
	"a space in the path":            {method: "GET", target: "/v2/email/templates/my%20template"},
	"an escaped slash in the path":   {method: "GET", target: "/v2/email/templates/a%2Fb/c"},
	"lower-case escapes":             {method: "GET", target: "/v2/email/templates/a%2fb%c3%a9"},
	"unicode in the path":            {method: "GET", target: "/v2/email/templates/%E4%BD%A0%E5%A5%BDé"},
	"reserved bytes in the path":     {method: "GET", target: "/a!b$c&d'e(f)g*h,i;j=k:l"},
	"a double escape in the path":    {method: "GET", target: "/a%2525b"},
	"a trailing slash":               {method: "GET", target: "/v2/email/"},
	"repeated slashes":               {method: "GET", target: "/v2//email///x"},
	"dot segments":                   {method: "GET", target: "/v2/./email/../email/x/.."},
	"repeated query keys":            {method: "DELETE", target: "/v2/email/tags?TagKeys=b&TagKeys=a&TagKeys=b&ResourceArn=arn:aws:ses:us-east-1:1:identity/x"},
	"empty query values":             {method: "GET", target: "/x?a&b=&=c&a=1"},
	"a query with spaces":            {method: "GET", target: "/x?a=1+2&b=1%202&c=%2B"},
	"a query that sorts after escaping": {method: "GET",
		target: "/x?p=a/b&p=a-b&p=a~b&Z=1&a=2&%C3%A9=3&a%20b=4"},
	"unicode in the query": {method: "GET", target: "/x?NextToken=%E4%BD%A0==%26%3d"},
	"odd header spacing": {method: "POST", target: "/", body: "x", header: http.Header{
		"X-Amz-Target": {"  a   b    c "}, "Accept": {"a,   b"}, "X-Empty": {""}, "X-Spaces": {"    "}}},
	"repeated headers":          {method: "POST", target: "/", body: "x", header: http.Header{"X-Amz-Meta": {"one", " two  2 ", "", "three"}}},
	"a session token":           {method: "GET", target: "/", token: "FwoGZXIvYXdzE+/=&token"},
	"a body without its length": {method: "PUT", target: "/v2/email/account/details", body: "{}"},
	"a hash of the body in the header": {method: "POST", target: "/", body: "abc", header: http.Header{
		"X-Amz-Content-Sha256": {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}},
	"a large body": {method: "POST", target: "/v2/email/outbound-emails", body: strings.Repeat("mail", 50_000),
		header: http.Header{"Content-Type": {"application/json"}}},
	"many long headers": {method: "GET", target: "/" + strings.Repeat("%40", 300), header: http.Header{
		"X-One": {strings.Repeat("a ", 900)}, "X-Two": {strings.Repeat("b", 900)}}},
}
