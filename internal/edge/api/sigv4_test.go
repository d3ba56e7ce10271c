// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	noMatch      = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	invalidToken = "The security token included in the request is invalid."
)

// protocols are the same harmless call in both: it reads the quotas.
var protocols = map[string]call{
	"v1": {method: "POST", target: "/", body: getSendQuota, header: form()},
	"v2": {method: "GET", target: "/v2/email/account"},
}

// signedWrongly are requests whose signature does not prove who sent them.
var signedWrongly = []struct {
	name   string
	change func(w *world, c *call)
	v1, v2 string // codes
	status int
	text   string // "": what the server says depends on the time
}{
	{"a key that nobody has", func(_ *world, c *call) { c.who.key = "AKIANOBODYKNOWSTHIS0" },
		"InvalidClientTokenId", "UnrecognizedClientException", 403, invalidToken},
	{"a key that can be none", func(_ *world, c *call) { c.who.key = "nobody" },
		"InvalidClientTokenId", "UnrecognizedClientException", 403, invalidToken},
	{"a wrong secret", func(_ *world, c *call) { c.who.secret += "x" },
		"SignatureDoesNotMatch", "InvalidSignatureException", 403, noMatch},
	{"an unknown session token", func(_ *world, c *call) { c.who.token = "FwoGZXIvYXdzEXAMPLE" },
		"InvalidClientTokenId", "UnrecognizedClientException", 403, invalidToken},
	{"a header that was altered", func(_ *world, c *call) {
		c.header.Set("X-Amz-Target", "one")
		c.alter = func(r *http.Request) { r.Header.Set("X-Amz-Target", "two") }
	}, "SignatureDoesNotMatch", "InvalidSignatureException", 403, noMatch},
	{"an X-Amz header that was added", func(_ *world, c *call) {
		c.alter = func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }
	}, "SignatureDoesNotMatch", "InvalidSignatureException", 403, "'X-Amz-Extra' must be a 'SignedHeader' in the AWS Authorization."},
	{"a query string that was altered", func(_ *world, c *call) {
		c.alter = func(r *http.Request) { r.URL.RawQuery += "a=b" }
	}, "SignatureDoesNotMatch", "InvalidSignatureException", 403, noMatch},
	{"a body that was altered", func(_ *world, c *call) {
		c.alter = func(r *http.Request) { setBody(r, c.body+" ") }
	}, "SignatureDoesNotMatch", "InvalidSignatureException", 403, noMatch},
	{"another host", func(_ *world, c *call) { c.alter = func(r *http.Request) { r.Host = "email.us-east-1.amazonaws.com" } },
		"SignatureDoesNotMatch", "InvalidSignatureException", 403, noMatch},
	{"another region in the scope", func(_ *world, c *call) {
		c.alter = replaceAuth("/us-east-1/", "/us-west-2/")
	}, "SignatureDoesNotMatch", "InvalidSignatureException", 403, noMatch},
	{"another service in the scope", func(_ *world, c *call) {
		c.alter = replaceAuth("/ses/", "/s3/")
	}, "SignatureDoesNotMatch", "InvalidSignatureException", 403, "Credential should be scoped to correct service: 'ses'."},
	{"a clock that is late", func(w *world, c *call) { c.at = w.clock.Now().Add(-6 * time.Minute) },
		"SignatureDoesNotMatch", "InvalidSignatureException", 403, ""},
	{"a clock that is early", func(w *world, c *call) { c.at = w.clock.Now().Add(6 * time.Minute) },
		"SignatureDoesNotMatch", "InvalidSignatureException", 403, ""},
	{"no signature", func(_ *world, c *call) { c.unsigned = true },
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", 403, "Request is missing Authentication Token"},
	{"a signature in parts", func(_ *world, c *call) { c.alter = replaceAuth("SignedHeaders=", "Headers=") },
		"IncompleteSignature", "IncompleteSignatureException", 400, "Authorization header requires 'SignedHeaders' parameter."},
	{"an unsigned payload in clear text", func(_ *world, c *call) { c.hash = "UNSIGNED-PAYLOAD" },
		"SignatureDoesNotMatch", "InvalidSignatureException", 403, "X-Amz-Content-Sha256 'UNSIGNED-PAYLOAD' is not accepted for this request."},
}

func setBody(r *http.Request, s string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s))
}

func replaceAuth(old, new string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
	}
}

func TestSignaturesThatProveNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for version, base := range protocols {
		for _, tc := range signedWrongly {
			t.Run(version+", "+tc.name, func(t *testing.T) {
				t.Parallel()
				c := base
				c.header, c.who = base.header.Clone(), tester()
				if c.header == nil {
					c.header = http.Header{}
				}
				tc.change(w, &c)
				a := w.do(t, c)
				want := map[string]string{"v1": tc.v1, "v2": tc.v2}[version]
				if a.status != tc.status || a.code() != want || tc.text != "" && unescape(a.text()) != tc.text {
					t.Errorf("%d %s %q, want %d %s %q", a.status, a.code(), a.text(), tc.status, want, tc.text)
				}
			})
		}
		t.Run(version+", a right one", func(t *testing.T) {
			t.Parallel()
			if a := w.do(t, base); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

// unescape undoes XML's quotes.
func unescape(s string) string {
	return strings.NewReplacer("&#39;", "'", "&apos;", "'", "&#34;", `"`, "&quot;", `"`, "&lt;", "<", "&gt;", ">", "&#xD;", "\r", "&amp;", "&").Replace(s)
}

// TestWhatTheSDKSaysOfAWrongSignature has the same refusals as the SDK's errors.
func TestWhatTheSDKSaysOfAWrongSignature(t *testing.T) {
	t.Parallel()
	w, late := newWorld(t), newWorld(t)
	late.clock.Advance(time.Hour)
	ctx := t.Context()
	for _, tc := range []struct {
		name   string
		who    who
		mangle func(*smithyhttp.Request) // after signing
		w      *world
		v1, v2 refusal
	}{
		{"wrong key", who{key: "AKIANOBODYKNOWSTHIS0", secret: secretKey, region: region}, nil, w,
			refusal{403, "InvalidClientTokenId", invalidToken}, refusal{403, "UnrecognizedClientException", invalidToken}},
		{"wrong secret", who{key: keyID, secret: "x", region: region}, nil, w,
			refusal{403, "SignatureDoesNotMatch", noMatch}, refusal{403, "InvalidSignatureException", noMatch}},
		{"session token", who{key: keyID, secret: secretKey, token: "tok", region: region}, nil, w,
			refusal{403, "InvalidClientTokenId", invalidToken}, refusal{403, "UnrecognizedClientException", invalidToken}},
		{"altered header", tester(), func(r *smithyhttp.Request) { r.Header.Set("X-Amz-Date", r.Header.Get("X-Amz-Date")[:15]+"z") }, w,
			refusal{400, "IncompleteSignature", ""}, refusal{400, "IncompleteSignatureException", ""}},
		{"unsigned", tester(), func(r *smithyhttp.Request) { r.Header.Del("Authorization") }, w,
			refusal{403, "MissingAuthenticationToken", ""}, refusal{403, "MissingAuthenticationTokenException", ""}},
		{"skewed", tester(), nil, late,
			refusal{403, "SignatureDoesNotMatch", ""}, refusal{403, "InvalidSignatureException", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			stack := func(s *middleware.Stack) error {
				if tc.mangle == nil {
					return nil
				}
				return s.Finalize.Add(middleware.FinalizeMiddlewareFunc("mangle", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
					tc.mangle(in.Request.(*smithyhttp.Request))
					return next.HandleFinalize(ctx, in)
				}), middleware.After)
			}
			_, err := tc.w.sesClient(tc.who, ses.WithAPIOptions(stack)).GetSendQuota(ctx, nil)
			wantRefusal(t, err, tc.v1)
			_, err = tc.w.sesv2Client(tc.who, sesv2.WithAPIOptions(stack)).GetAccount(ctx, nil)
			wantRefusal(t, err, tc.v2)
		})
	}
}

func TestUnsignedPayloadOverTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.tls = true })
	for version, c := range protocols {
		c.hash = "UNSIGNED-PAYLOAD"
		if a := w.do(t, c); a.status != 200 {
			t.Errorf("%s: %d %s", version, a.status, a.body)
		}
		c.hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
		if a := w.do(t, c); a.status != 403 {
			t.Errorf("%s, streaming: %d %s", version, a.status, a.body)
		}
	}
}

// presign signs in the query string.
func (w *world) presign(t *testing.T, c call, expires string) call {
	t.Helper()
	r, err := http.NewRequest(c.method, w.server.URL+c.target, nil)
	if err != nil {
		t.Fatal(err)
	}
	q := r.URL.Query()
	if expires != "" {
		q.Set("X-Amz-Expires", expires)
	}
	r.URL.RawQuery = q.Encode()
	r.Header = c.header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	sum := sha256.Sum256([]byte(c.body))
	if c.at.IsZero() {
		c.at = w.clock.Now()
	}
	i := tester()
	signed, header, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: i.key, SecretAccessKey: i.secret}, r,
		hex.EncodeToString(sum[:]), "ses", i.region, c.at)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	c.target, c.header, c.unsigned = u.RequestURI(), header, true
	return c
}

func TestPresignedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	calls := map[string]call{
		"v1 GET":  {method: "GET", target: "/?" + getSendQuota},
		"v1 POST": {method: "POST", target: "/", body: getSendQuota, header: form()},
		"v2 GET":  {method: "GET", target: "/v2/email/account"},
		"v2 POST": {method: "POST", target: "/v2/email/outbound-emails", header: http.Header{"Content-Type": {"application/json"}},
			body: `{"FromEmailAddress":"` + sender + `","Destination":{"ToAddresses":["` + reader + `"]},"Content":{"Simple":{"Subject":{"Data":"Hi"},"Body":{"Text":{"Data":"Ho"}}}}}`},
	}
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := w.do(t, w.presign(t, c, "60")); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
			late := c
			late.at = w.clock.Now().Add(-61 * time.Second)
			a := w.do(t, w.presign(t, late, "60"))
			if a.status != 400 || a.code() != "RequestExpired" || a.text() != "Request has expired." {
				t.Errorf("expired: %d %s %q", a.status, a.code(), a.text())
			}
			altered := w.presign(t, c, "60")
			altered.target = strings.Replace(altered.target, "X-Amz-Expires=60", "X-Amz-Expires=600", 1)
			if a := w.do(t, altered); a.status != 403 || unescape(a.text()) != noMatch {
				t.Errorf("a longer time than was signed: %d %q", a.status, a.text())
			}
			altered = w.presign(t, c, "60")
			altered.body += "x"
			if a := w.do(t, altered); a.status != 403 || unescape(a.text()) != noMatch {
				t.Errorf("another body than was signed: %d %q", a.status, a.text())
			}
			both := w.presign(t, c, "60")
			both.unsigned, both.who = false, tester()
			if a := w.do(t, both); a.status != 403 || !strings.Contains(unescape(a.text()), "Found both") {
				t.Errorf("both forms: %d %q", a.status, a.text())
			}
		})
	}
}

// TestTheHostIsTheReceivedOne has proxies in front: one that passes Host on, as one
// must, and one that puts the server's own in.
func TestTheHostIsTheReceivedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	target, err := url.Parse(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		rewrite func(*httputil.ProxyRequest)
		status  int
	}{
		{"a proxy that passes Host on", func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Host = p.In.Host }, 200},
		{"a proxy that puts its own in", func(p *httputil.ProxyRequest) { p.SetURL(target) }, 403},
		{"a proxy that tells the Host in X-Forwarded-Host alone", func(p *httputil.ProxyRequest) { p.SetURL(target); p.SetXForwarded() }, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: tc.rewrite})
			t.Cleanup(proxy.Close)
			front := *w
			front.server = proxy
			for version, c := range protocols {
				if a := front.do(t, c); a.status != tc.status {
					t.Errorf("%s: %d %s", version, a.status, a.body)
				}
			}
			_, err := front.sesClient(tester()).GetSendQuota(t.Context(), nil)
			_, err2 := front.sesv2Client(tester()).GetAccount(t.Context(), nil)
			if (err == nil) != (tc.status == 200) || (err2 == nil) != (tc.status == 200) {
				t.Errorf("SDK: %v, %v", err, err2)
			}
		})
	}
	t.Run("any name that the client knows the server by", func(t *testing.T) {
		t.Parallel()
		for _, host := range []string{"email.us-east-1.amazonaws.com", "localhost:8025", "SES.example.com", "[::1]:9"} {
			for version, c := range protocols {
				c.host = host
				if a := w.do(t, c); a.status != 200 {
					t.Errorf("%s, %s: %d %s", version, host, a.status, a.body)
				}
			}
		}
	})
}
