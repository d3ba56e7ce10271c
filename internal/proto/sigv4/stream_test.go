// SPDX-License-Identifier: Apache-2.0

package sigv4_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sesame/internal/proto/sigv4"
)

// The worked examples of the S3 API reference, "Authenticating Requests (AWS Signature
// Version 4)": "Signature calculations for the authorization header, transferring payload
// in multiple chunks", and the same with trailing headers.
const (
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	exampleKeyID  = "AKIAIOSFODNN7EXAMPLE"
)

var exampleTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)

func streamVerifier() *sigv4.Verifier { return sigv4.New(sigv4.Options{Services: []string{"s3"}}) }

// example is the request of the reference, with the head that the signature is of.
func example(form, signed, signature string, header http.Header) *http.Request {
	r := &http.Request{Method: "PUT", Host: "s3.amazonaws.com", RequestURI: "/examplebucket/chunkObject.txt", Header: http.Header{
		"Content-Encoding": {"aws-chunked"}, "X-Amz-Date": {"20130524T000000Z"}, "X-Amz-Content-Sha256": {form},
		"X-Amz-Decoded-Content-Length": {"66560"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=" + exampleKeyID + "/20130524/us-east-1/s3/aws4_request,SignedHeaders=" +
			signed + ",Signature=" + signature},
	}}
	for name, values := range header {
		r.Header[name] = values
	}
	r.URL = &url.URL{Path: r.RequestURI}
	return r
}

// checkStream proves r with body and reads it to its end.
func checkStream(r *http.Request, body io.Reader, secret string, now time.Time) (content string, trailer map[string]string, err error) {
	claim, err := streamVerifier().Parse(r)
	if err != nil {
		return "", nil, err
	}
	in, trailer, err := claim.CheckStream(r, body, secret, now)
	if err != nil {
		return "", nil, err
	}
	b, err := io.ReadAll(in)
	return string(b), trailer, err
}

const (
	signedExample = "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n%s\r\n" +
		"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n%s\r\n" +
		"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
	trailerExample = "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n%s\r\n" +
		"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n%s\r\n" +
		"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n" +
		"x-amz-checksum-crc32c:sOO8/Q==\r\n" +
		"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)

func TestTheExamplesOfTheReference(t *testing.T) {
	t.Parallel()
	first, second := strings.Repeat("a", 65536), strings.Repeat("a", 1024)
	plain := func() *http.Request {
		return example("STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
			"content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
			"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9", http.Header{"Content-Length": {"66824"}})
	}
	trailing := func() *http.Request {
		return example("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
			"content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
			"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e", http.Header{"X-Amz-Trailer": {"x-amz-checksum-crc32c"}})
	}
	for _, c := range []struct {
		name    string
		request func() *http.Request
		body    string
		kind    sigv4.Kind
		trailer string
	}{
		{"chunks", plain, fmt.Sprintf(signedExample, first, second), 0, ""},
		{"chunks with a trailer", trailing, fmt.Sprintf(trailerExample, first, second), 0, "sOO8/Q=="},
		{"another octet in a chunk", plain, fmt.Sprintf(signedExample, first, second[:1023]+"b"), sigv4.Mismatch, ""},
		{"another signature of a chunk", plain, strings.Replace(fmt.Sprintf(signedExample, first, second), "0055", "0056", 1), sigv4.Mismatch, ""},
		{"another signature of the last chunk", plain, strings.Replace(fmt.Sprintf(signedExample, first, second), "b6c6", "b6c7", 1), sigv4.Mismatch, ""},
		{"another checksum in the trailer", trailing, strings.Replace(fmt.Sprintf(trailerExample, first, second), "sOO8", "sOO9", 1), sigv4.Mismatch, ""},
		{"no signature of the trailer", trailing, strings.Replace(fmt.Sprintf(trailerExample, first, second), "x-amz-trailer-signature", "x-other", 1), sigv4.Mismatch, ""},
		{"chunks without the first", plain, fmt.Sprintf(signedExample[strings.Index(signedExample, "400;"):], second), sigv4.Mismatch, ""},
		{"a trailer that nobody has signed", plain, strings.TrimSuffix(fmt.Sprintf(signedExample, first, second), "\r\n") + "x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n", sigv4.BodyMalformed, ""},
	} {
		content, trailer, err := checkStream(c.request(), strings.NewReader(c.body), exampleSecret, exampleTime)
		if kindOf(t, err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.kind == 0 && (content != first+second || trailer["x-amz-checksum-crc32c"] != c.trailer) {
			t.Errorf("%s: %d octets, trailer %q", c.name, len(content), trailer)
		}
	}
}

const (
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	unsigned        = "UNSIGNED-PAYLOAD"
)

// signS3 signs a request of S3 with the Go SDK.
func signS3(t testing.TB, target, payload string) *http.Request {
	t.Helper()
	r := sample{method: "PUT", target: target}.build(t)
	r.Header.Set("X-Amz-Content-Sha256", payload)
	err := v4.NewSigner().SignHTTP(context.Background(), creds(""), r, payload, "s3", "us-east-1", signedAt, func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = true
	})
	if err != nil {
		t.Fatal(err)
	}
	return send(t, r)
}

// TestChunks reads bodies with an unsigned trailer, whole, octet by octet, and cut short.
func TestChunks(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70_000)
	for _, c := range []struct {
		name, body, content string
		kind                sigv4.Kind
	}{
		{"nothing", "0\r\n\r\n", "", 0},
		{"some chunks", "3\r\nabc\r\n2;ignored=1\r\nde\r\n0\r\n\r\n", "abcde", 0},
		{"a chunk that is larger than any buffer", "11170\r\n" + long + "\r\n0\r\n\r\n", long, 0},
		{"upper-case hex", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0},
		{"a trailer", "3\r\nabc\r\n0\r\nX-Amz-Checksum-CRC32 : NSRBwg==\r\nb:2\r\n\r\n", "abc", 0},
		{"content with CRLF", "4\r\n\r\n0\n\r\n0\r\n\r\n", "\r\n0\n", 0},
		{"a size that is too small", "2\r\nabc\r\n0\r\n\r\n", "", sigv4.BodyMalformed},
		{"a size that is too large", "4\r\nabc\r\n0\r\n\r\n", "", sigv4.BodyMalformed},
		{"no size", "\r\nabc\r\n0\r\n\r\n", "", sigv4.BodyMalformed},
		{"a negative size", "-3\r\nabc\r\n0\r\n\r\n", "", sigv4.BodyMalformed},
		{"a sign", "+3\r\nabc\r\n0\r\n\r\n", "", sigv4.BodyMalformed},
		{"a size with a prefix", "0x3\r\nabc\r\n0\r\n\r\n", "", sigv4.BodyMalformed},
		{"a size beyond numbers", "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "", sigv4.BodyMalformed},
		{"a huge head of a chunk", "3;" + long + "\r\nabc\r\n0\r\n\r\n", "", sigv4.BodyMalformed},
		{"a head without an end", long, "", sigv4.BodyMalformed},
		{"a line of the trailer without a colon", "0\r\nabc\r\n\r\n", "", sigv4.BodyMalformed},
		{"a long trailer", "0\r\n" + strings.Repeat("a:1\r\n", 17) + "\r\n", "", sigv4.BodyMalformed},
		{"more behind the end", "0\r\n\r\nx", "", sigv4.BodyMalformed},
	} {
		for how, body := range map[string]io.Reader{"whole": strings.NewReader(c.body), "by octets": iotest.OneByteReader(strings.NewReader(c.body))} {
			content, trailer, err := checkStream(signS3(t, "/b/k", unsignedTrailer), body, secret, signedAt)
			if kindOf(t, err) != c.kind || c.kind == 0 && content != c.content {
				t.Errorf("%s, %s: %d octets, %v", c.name, how, len(content), err)
			}
			if c.name == "a trailer" && (trailer["x-amz-checksum-crc32"] != "NSRBwg==" || trailer["b"] != "2") {
				t.Errorf("trailer: %q", trailer)
			}
		}
		for n := 0; n < len(c.body) && c.kind == 0; n += 1 + n/100 {
			if _, _, err := checkStream(signS3(t, "/b/k", unsignedTrailer), strings.NewReader(c.body[:n]), secret, signedAt); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, cut at %d: %v", c.name, n, err)
			}
		}
	}
}

// TestBodiesOfS3 are those that come without chunks, and what a head may not say of one.
func TestBodiesOfS3(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("content"))
	hash := hex.EncodeToString(sum[:])
	edited := func(r *http.Request, edit func(*http.Request)) *http.Request {
		edit(r)
		return r
	}
	for _, c := range []struct {
		name    string
		request *http.Request
		body    string
		kind    sigv4.Kind
	}{
		{"the hash of the body", signS3(t, "/b/k", hash), "content", 0},
		{"the hash of another body", signS3(t, "/b/k", hash), "Content", sigv4.BodyMismatch},
		{"the hash of a longer body", signS3(t, "/b/k", hash), "conten", sigv4.BodyMismatch},
		{"an unsigned body", signS3(t, "/b/k", unsigned), "whatever", 0},
		{"a form that is not known", signS3(t, "/b/k", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), "", sigv4.Mismatch},
		{"a hash that is none", signS3(t, "/b/k", hash[:62]+"zz"), "", sigv4.Mismatch},
		{"a hash that is too long", signS3(t, "/b/k", hash+"00"), "", sigv4.Mismatch},
		{"no hash", edited(signS3(t, "/b/k", hash), func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }), "", sigv4.Incomplete},
		{"another path", edited(signS3(t, "/b/k", hash), func(r *http.Request) { r.RequestURI = "/b/other" }), "", sigv4.Mismatch},
		{"another method", edited(signS3(t, "/b/k", hash), func(r *http.Request) { r.Method = "DELETE" }), "", sigv4.Mismatch},
		{"a header that is not signed", edited(signS3(t, "/b/k", hash), func(r *http.Request) { r.Header.Set("X-Amz-Acl", "x") }), "", sigv4.Mismatch},
		{"a path with dots", signS3(t, "/b/../k", unsigned), "", 0},
		{"dots that are taken away", edited(signS3(t, "/b/../k", unsigned), func(r *http.Request) { r.RequestURI = "/k" }), "", sigv4.Mismatch},
		{"escapes that the client has left out", edited(signS3(t, "/b/a%20%2Bb%21", unsigned), func(r *http.Request) { r.RequestURI = "/b/a%20%2bb!" }), "", 0},
		{"a path that can't be unescaped", edited(signS3(t, "/b/k", unsigned), func(r *http.Request) { r.RequestURI = "/b/%zz" }), "", sigv4.Mismatch},
	} {
		content, _, err := checkStream(c.request, strings.NewReader(c.body), secret, signedAt)
		if kindOf(t, err) != c.kind || c.kind == 0 && content != c.body {
			t.Errorf("%s: %q, %v", c.name, content, err)
		}
	}
}

// TestPresignedBodiesOfS3: a presigned URL says nothing of the body, and has to say how long
// it is good.
func TestPresignedBodiesOfS3(t *testing.T) {
	t.Parallel()
	for expires, kind := range map[string]sigv4.Kind{"60": 0, "": sigv4.Incomplete} {
		r := sample{method: "PUT", target: "/b/k"}.build(t)
		if expires != "" {
			r.URL.RawQuery = "X-Amz-Expires=" + expires
		}
		signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), creds(""), r, unsigned, "s3", "us-east-1", signedAt, func(o *v4.SignerOptions) {
			o.DisableURIPathEscaping = true
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := http.NewRequest("PUT", signed, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		content, _, err := checkStream(send(t, out), strings.NewReader("content"), secret, signedAt)
		if kindOf(t, err) != kind || kind == 0 && content != "content" {
			t.Errorf("%q: %q, %v", expires, content, err)
		}
	}
}

// chain signs the chunks of a body as a client does.
func chain(r *http.Request, chunks ...string) string {
	key := sigv4.DeriveKey(secret, "20260102", "us-east-1", "s3")
	_, previous, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	empty := sha256.Sum256(nil)
	var b strings.Builder
	for _, chunk := range append(chunks, "") {
		sum := sha256.Sum256([]byte(chunk))
		m := hmac.New(sha256.New, key[:])
		fmt.Fprintf(m, "AWS4-HMAC-SHA256-PAYLOAD\n20260102T030405Z\n20260102/us-east-1/s3/aws4_request\n%s\n%x\n%x", previous, empty, sum)
		previous = hex.EncodeToString(m.Sum(nil))
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n%s\r\n", len(chunk), previous, chunk)
	}
	return b.String()
}

// FuzzChunks reads chunks, signed and not, of whatever the fuzzer makes up: it comes to an
// end, gives out no more than came in, and takes nothing for signed that is not.
func FuzzChunks(f *testing.F) {
	const signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	head := signS3(f, "/b/k", signed)
	good := chain(head, "abc", "defgh")
	f.Add([]byte("3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n"), false)
	f.Add([]byte(good), true)
	f.Add([]byte(strings.Replace(good, "abc", "abd", 1)), true)
	f.Add([]byte("fffffffffffffff\r\n"), false)
	f.Fuzz(func(t *testing.T, body []byte, isSigned bool) {
		form := unsignedTrailer
		if isSigned {
			form = signed
		}
		content, trailer, err := checkStream(signS3(t, "/b/k", form), bytes.NewReader(body), secret, signedAt)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			kindOf(t, err)
		}
		if len(content) > len(body) || len(trailer) > 16 {
			t.Errorf("%d octets and %d lines of %d octets", len(content), len(trailer), len(body))
		}
		if isSigned && err == nil && content != "abcdefgh" {
			t.Errorf("%q passed for signed", content)
		}
	})
}

// TestSignedChunks has the fuzz target's good body pass, lest it prove nothing.
func TestSignedChunks(t *testing.T) {
	t.Parallel()
	r := signS3(t, "/b/k", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
	content, _, err := checkStream(r, strings.NewReader(chain(r, "abc", "defgh")), secret, signedAt)
	if content != "abcdefgh" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
}
