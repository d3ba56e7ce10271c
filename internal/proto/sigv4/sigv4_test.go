// SPDX-License-Identifier: Apache-2.0

package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sesame/internal/proto/sigv4"
)

func TestWhatTheSDKSignsIsAccepted(t *testing.T) {
	t.Parallel()
	v := sigv4.New(sigv4.Options{})
	for name, s := range samples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := verify(v, sign(t, s), signedAt)
			if err != nil {
				t.Fatalf("header form: %v", err)
			}
			if c.AccessKeyID != keyID || c.Region != "us-east-1" || c.Service != "ses" || !c.Date.Equal(signedAt) ||
				c.SessionToken != s.token || c.Presigned || c.Expires != 0 {
				t.Errorf("header form: claim is %+v", c)
			}
			c, err = verify(v, presign(t, s, "600"), signedAt.Add(9*time.Minute))
			if err != nil {
				t.Fatalf("presigned form: %v", err)
			}
			if c.SessionToken != s.token || !c.Presigned || c.Expires != 10*time.Minute {
				t.Errorf("presigned form: claim is %+v", c)
			}
		})
	}
}

func TestHostIsTheReceivedOne(t *testing.T) {
	t.Parallel()
	v := sigv4.New(sigv4.Options{})
	for _, host := range []string{"localhost:8025", "[::1]:8025", "MAIL.Example.com", "email.us-east-1.amazonaws.com"} {
		r := sample{method: "GET", target: "/"}.build(t)
		r.Host, r.URL.Scheme = host, "http"
		empty := sha256.Sum256(nil)
		if err := v4.NewSigner().SignHTTP(context.Background(), creds(""), r, hex.EncodeToString(empty[:]),
			"ses", "us-east-1", signedAt); err != nil {
			t.Fatal(err)
		}
		r = send(t, r)
		if _, err := verify(v, r, signedAt); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		r.Host = "other.example.com"
		if _, err := verify(v, r, signedAt); kindOf(t, err) != sigv4.Mismatch {
			t.Errorf("%s seen as another host: got %v", host, err)
		}
	}
}

func TestSignersThatNormaliseThePath(t *testing.T) {
	t.Parallel()
	v := sigv4.New(sigv4.Options{})
	for _, tc := range []struct{ sent, signed string }{
		{"/v2//email/x", "/v2/email/x"}, {"//", "/"}, {"/a/./b/", "/a/b/"}, {"/a/../b", "/b"},
		{"/../..", "/"}, {"/a/..", "/"}, {"/a/b/.", "/a/b/"}, {"/.hidden//x", "/.hidden/x"},
	} {
		r := sign(t, sample{method: "GET", target: tc.signed})
		r.RequestURI = tc.sent + "?"
		if _, err := verify(v, r, signedAt); err != nil {
			t.Errorf("%s signed as %s: %v", tc.sent, tc.signed, err)
		}
	}
	r := sign(t, sample{method: "GET", target: "/a/b"})
	r.RequestURI = "/a//c"
	if _, err := verify(v, r, signedAt); kindOf(t, err) != sigv4.Mismatch {
		t.Errorf("a different path: got %v", err)
	}
}

func TestAlteredRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := sample{method: "POST", target: "/v2/email/tags?a=1&b=2", body: "body", token: "tok", header: http.Header{
		"X-Amz-Target": {"one"}, "X-Other": {"two"}}}
	setAuth := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			a := r.Header.Get("Authorization")
			if !strings.Contains(a, old) {
				panic("no " + old + " in " + a)
			}
			r.Header.Set("Authorization", strings.Replace(a, old, new, 1))
		}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, tc := range map[string]struct {
		alter func(*http.Request)
		kind  sigv4.Kind
		text  string
	}{
		"method":           {func(r *http.Request) { r.Method = "PUT" }, sigv4.Mismatch, "does not match"},
		"path":             {func(r *http.Request) { r.RequestURI = "/v2/email/tagz?a=1&b=2" }, sigv4.Mismatch, "does not match"},
		"query value":      {func(r *http.Request) { r.URL.RawQuery = "a=1&b=3" }, sigv4.Mismatch, "does not match"},
		"query added":      {func(r *http.Request) { r.URL.RawQuery += "&c=" }, sigv4.Mismatch, "does not match"},
		"query removed":    {func(r *http.Request) { r.URL.RawQuery = "a=1" }, sigv4.Mismatch, "does not match"},
		"host":             {func(r *http.Request) { r.Host = "evil.example" }, sigv4.Mismatch, "does not match"},
		"body":             {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("bodx")) }, sigv4.Mismatch, "does not match"},
		"signed header":    {set("X-Other", "three"), sigv4.Mismatch, "does not match"},
		"header removed":   {func(r *http.Request) { r.Header.Del("X-Other") }, sigv4.Mismatch, "does not match"},
		"header repeated":  {func(r *http.Request) { r.Header.Add("X-Other", "two") }, sigv4.Mismatch, "does not match"},
		"content length":   {set("Content-Length", "5"), sigv4.Mismatch, "does not match"},
		"session token":    {set("X-Amz-Security-Token", "kot"), sigv4.Mismatch, "does not match"},
		"two tokens":       {func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", "x") }, sigv4.Mismatch, "more than once"},
		"no session token": {func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, sigv4.Mismatch, "does not match"},
		"date":             {set("X-Amz-Date", "20260102T030406Z"), sigv4.Mismatch, "does not match"},
		"date of another day": {set("X-Amz-Date", "20260103T030405Z"), sigv4.Mismatch,
			"Date in Credential scope does not match YYYYMMDD"},
		"a date that is none":         {set("X-Amz-Date", "2026-01-02T03:04:05Z"), sigv4.Incomplete, "ISO-8601"},
		"no date":                     {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, sigv4.Incomplete, "'X-Amz-Date' or a 'Date'"},
		"region":                      {setAuth("us-east-1", "us-west-2"), sigv4.Mismatch, "does not match"},
		"a region that is none":       {setAuth("us-east-1", "US EAST"), sigv4.Incomplete, "equal-sign"},
		"a region in capitals":        {setAuth("us-east-1", "US-EAST-1"), sigv4.Mismatch, "valid region, not 'US-EAST-1'"},
		"service":                     {setAuth("/ses/", "/s3/"), sigv4.Mismatch, "correct service: 'ses'"},
		"terminator":                  {setAuth("aws4_request", "aws5_request"), sigv4.Mismatch, "valid terminator"},
		"a short scope":               {setAuth("/aws4_request", ""), sigv4.Incomplete, "exactly 5 slash-delimited"},
		"key id":                      {setAuth(keyID, "AKIDOTHER"), sigv4.UnknownKey, "security token included in the request is invalid."},
		"no key id":                   {setAuth(keyID, ""), sigv4.UnknownKey, "security token included in the request is invalid."},
		"a very long key id":          {setAuth(keyID, strings.Repeat("A", 129)), sigv4.UnknownKey, "security token"},
		"signature":                   {setAuth("Signature=", "Signature=0"), sigv4.Mismatch, "does not match"},
		"a signature that is no hex":  {setAuth("Signature=", "Signature=zz"), sigv4.Mismatch, "does not match"},
		"no signature":                {setAuth("Signature=", "Sig="), sigv4.Incomplete, "requires 'Signature'"},
		"no signed headers":           {setAuth("SignedHeaders=", "Signed="), sigv4.Incomplete, "requires 'SignedHeaders'"},
		"no credential":               {setAuth("Credential=", "Cred="), sigv4.Incomplete, "requires 'Credential'"},
		"a parameter twice":           {setAuth("Credential=", "Credential=x, Credential="), sigv4.Incomplete, "more than once"},
		"a parameter without a value": {setAuth("Credential=", "Credential, x="), sigv4.Incomplete, "missing equal-sign"},
		"host not signed":             {setAuth("host;", ""), sigv4.Mismatch, "'Host' or ':authority' must be a 'SignedHeader'"},
		"x-amz header not signed":     {setAuth("x-amz-target;", ""), sigv4.Mismatch, "'X-Amz-Target' must be a 'SignedHeader'"},
		"x-amz header added":          {set("X-Amz-New", "1"), sigv4.Mismatch, "'X-Amz-New' must be"},
		"x-amz header in odd case":    {func(r *http.Request) { r.Header["x-AMZ-new"] = []string{"1"} }, sigv4.Mismatch, "'x-AMZ-new' must be"},
		"signed header twice":         {setAuth("host;", "host;host;"), sigv4.Incomplete, "malformed at 'host'"},
		"signed header empty":         {setAuth("host;", "host;;"), sigv4.Incomplete, "malformed at ''"},
		"signed header not a name":    {setAuth("host;", "host;a:b;"), sigv4.Incomplete, "malformed at 'a:b'"},
		"too many signed headers":     {setAuth("host;", "host;"+strings.Repeat("x;", 200)), sigv4.Incomplete, "more than 128"},
		"another algorithm":           {setAuth("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), sigv4.Incomplete, "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'"},
		"another scheme":              {set("Authorization", "Basic Zm9vOmJhcg=="), sigv4.MissingToken, "missing Authentication Token"},
		"an AWS2 signature":           {set("Authorization", "AWS AKID:sig"), sigv4.MissingToken, "missing Authentication Token"},
		"no Authorization":            {func(r *http.Request) { r.Header.Del("Authorization") }, sigv4.MissingToken, "missing Authentication Token"},
		"two Authorizations":          {func(r *http.Request) { r.Header.Add("Authorization", "AWS4-x") }, sigv4.Incomplete, "more than one"},
		"both forms":                  {func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Algorithm=x" }, sigv4.Mismatch, "Found both"},
		"a broken escape":             {func(r *http.Request) { r.URL.RawQuery += "&c=%zz" }, sigv4.MalformedQuery, "syntax error"},
		"a cut escape":                {func(r *http.Request) { r.URL.RawQuery += "&c=%1" }, sigv4.MalformedQuery, "syntax error"},
		"a bare semicolon":            {func(r *http.Request) { r.URL.RawQuery += "&c=1;d=2" }, sigv4.MalformedQuery, "syntax error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sign(t, s)
			tc.alter(r)
			_, err := verify(sigv4.New(sigv4.Options{}), r, signedAt)
			if kindOf(t, err) != tc.kind || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got kind %d, %v; want %d, %q", kindOf(t, err), err, tc.kind, tc.text)
			}
			if strings.Contains(fmt.Sprint(err), secret) {
				t.Error("the error shows the secret")
			}
		})
	}
}

func TestAWrongSecretIsRefused(t *testing.T) {
	t.Parallel()
	v := sigv4.New(sigv4.Options{})
	r := sign(t, samples["a v1 form post"])
	c, err := v.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(samples["a v1 form post"].body))
	for _, s := range []string{"", secret[1:], secret + "x", strings.ToLower(secret)} {
		if err := c.Check(r, sum, s, signedAt); kindOf(t, err) != sigv4.Mismatch {
			t.Errorf("secret %q: got %v", s, err)
		}
	}
	if err := c.Check(r, sum, secret, signedAt); err != nil {
		t.Errorf("the right secret: %v", err)
	}
}

func TestAuthorizationSpacing(t *testing.T) {
	t.Parallel()
	v := sigv4.New(sigv4.Options{})
	for name, respace := range map[string]func(string) string{
		"no space after commas":    func(a string) string { return strings.ReplaceAll(a, ", ", ",") },
		"spaces alone":             func(a string) string { return strings.ReplaceAll(a, ", ", " ") },
		"many spaces and tabs":     func(a string) string { return strings.ReplaceAll(a, ", ", " \t,  \t") },
		"spaces around equals":     func(a string) string { return strings.ReplaceAll(a, "=", " = ") },
		"a trailing comma":         func(a string) string { return a + " ," },
		"an unknown parameter":     func(a string) string { return a + ", Extra=1" },
		"names of headers in case": func(a string) string { return strings.Replace(a, "host;", "Host;", 1) },
	} {
		r := sign(t, samples["a v1 form post"])
		r.Header.Set("Authorization", respace(r.Header.Get("Authorization")))
		if _, err := verify(v, r, signedAt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		opt  sigv4.Options
		off  time.Duration
		kind sigv4.Kind
		text string
	}{
		{"exactly five minutes old", sigv4.Options{}, 5 * time.Minute, 0, ""},
		{"older than five minutes", sigv4.Options{}, 5*time.Minute + time.Second, sigv4.Skewed,
			"Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T030906Z - 5 min.)"},
		{"exactly five minutes ahead", sigv4.Options{}, -5 * time.Minute, 0, ""},
		{"further ahead than five minutes", sigv4.Options{}, -5*time.Minute - time.Second, sigv4.Skewed,
			"Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z (20260102T025904Z + 5 min.)"},
		{"within a wider skew", sigv4.Options{Skew: 15 * time.Minute}, 14 * time.Minute, 0, ""},
		{"outside a wider skew", sigv4.Options{Skew: 15 * time.Minute}, 16 * time.Minute, sigv4.Skewed, "- 15 min.)"},
	} {
		_, err := verify(sigv4.New(tc.opt), sign(t, samples["an empty path"]), signedAt.Add(tc.off))
		if kindOf(t, err) != tc.kind || tc.text != "" && !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: got %v", tc.name, err)
		}
		if w := tc.kind.Wire(); tc.kind == sigv4.Skewed && w != (sigv4.Wire{
			V1: "SignatureDoesNotMatch", V2: "InvalidSignatureException", Status: 403}) {
			t.Errorf("%s: wire form %+v", tc.name, w)
		}
	}
}

func TestPayloadForms(t *testing.T) {
	t.Parallel()
	// signAs signs a request whose hash line is hash, whatever its body.
	signAs := func(hash string) *http.Request {
		r := sample{method: "POST", target: "/", body: "abc"}.build(t)
		r.Header.Set("X-Amz-Content-Sha256", hash)
		if err := v4.NewSigner().SignHTTP(context.Background(), creds(""), r, hash, "ses", "us-east-1", signedAt); err != nil {
			t.Fatal(err)
		}
		return send(t, r)
	}
	sum := sha256.Sum256([]byte("abc"))
	right := hex.EncodeToString(sum[:])
	for _, tc := range []struct {
		name, hash string
		unsigned   sigv4.UnsignedPayload
		plain      bool
		kind       sigv4.Kind
	}{
		{"the body's hash", right, sigv4.UnsignedNever, true, 0},
		{"the body's hash in capitals", strings.ToUpper(right), sigv4.UnsignedNever, true, 0},
		{"another body's hash", strings.Repeat("0", 64), sigv4.UnsignedAlways, false, sigv4.Mismatch},
		{"an empty value", "", sigv4.UnsignedNever, true, sigv4.Mismatch},
		{"unsigned over TLS", "UNSIGNED-PAYLOAD", sigv4.UnsignedOverTLS, false, 0},
		{"unsigned in clear text", "UNSIGNED-PAYLOAD", sigv4.UnsignedOverTLS, true, sigv4.Mismatch},
		{"unsigned in clear text where that is allowed", "UNSIGNED-PAYLOAD", sigv4.UnsignedAlways, true, 0},
		{"unsigned where it never is allowed", "UNSIGNED-PAYLOAD", sigv4.UnsignedNever, false, sigv4.Mismatch},
		{"a streaming form", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", sigv4.UnsignedAlways, false, sigv4.Mismatch},
		{"an unsigned streaming form", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", sigv4.UnsignedAlways, false, sigv4.Mismatch},
	} {
		r := signAs(tc.hash)
		if tc.plain {
			r.TLS = nil
		}
		_, err := verify(sigv4.New(sigv4.Options{UnsignedPayload: tc.unsigned}), r, signedAt)
		if kindOf(t, err) != tc.kind {
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
}

func TestDateHeader(t *testing.T) {
	t.Parallel()
	v := sigv4.New(sigv4.Options{})
	for _, date := range []string{"20260102T030405Z", "Fri, 02 Jan 2026 03:04:05 GMT"} {
		r := sign(t, samples["an empty path"])
		day := sigv4.DeriveKey(secret, "20260102", "us-east-1", "ses")
		empty := sha256.Sum256(nil)
		canonical := "GET\n/\n\ndate:" + date + "\nhost:" + r.Host + "\n\ndate;host\n" + hex.EncodeToString(empty[:])
		digest := sha256.Sum256([]byte(canonical))
		mac := sigv4.MAC(day[:], "AWS4-HMAC-SHA256\n20260102T030405Z\n20260102/us-east-1/ses/aws4_request\n"+
			hex.EncodeToString(digest[:]))
		r.Header = http.Header{"Date": {date}, "Authorization": {"AWS4-HMAC-SHA256 Credential=" + keyID +
			"/20260102/us-east-1/ses/aws4_request, SignedHeaders=date;host, Signature=" + hex.EncodeToString(mac[:])}}
		if _, err := verify(v, r, signedAt); err != nil {
			t.Errorf("Date: %s: %v", date, err)
		}
	}
}

func TestServicesThatAreAllowed(t *testing.T) {
	t.Parallel()
	v := sigv4.New(sigv4.Options{Services: []string{"iam", "sts"}})
	_, err := verify(v, sign(t, samples["an empty path"]), signedAt)
	if kindOf(t, err) != sigv4.Mismatch || !strings.Contains(err.Error(), "correct service: 'iam'") {
		t.Errorf("ses: got %v", err)
	}
	r := sample{method: "GET", target: "/"}.build(t)
	empty := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(context.Background(), creds(""), r, hex.EncodeToString(empty[:]),
		"sts", "us-east-1", signedAt); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(v, send(t, r), signedAt); err != nil {
		t.Errorf("sts: %v", err)
	}
}

func TestWireFormsOfKinds(t *testing.T) {
	t.Parallel()
	for k, want := range map[sigv4.Kind]sigv4.Wire{
		sigv4.MissingToken:   {V1: "MissingAuthenticationToken", V2: "MissingAuthenticationTokenException", Status: 403},
		sigv4.Incomplete:     {V1: "IncompleteSignature", V2: "IncompleteSignatureException", Status: 400},
		sigv4.MalformedQuery: {V1: "MalformedQueryString", V2: "MalformedQueryString", Status: 404},
		sigv4.UnknownKey:     {V1: "InvalidClientTokenId", V2: "UnrecognizedClientException", Status: 403},
		sigv4.TokenInvalid:   {V1: "InvalidClientTokenId", V2: "UnrecognizedClientException", Status: 403},
		sigv4.TokenExpired:   {V1: "ExpiredToken", V2: "ExpiredTokenException", Status: 403},
		sigv4.Mismatch:       {V1: "SignatureDoesNotMatch", V2: "InvalidSignatureException", Status: 403},
		sigv4.Skewed:         {V1: "SignatureDoesNotMatch", V2: "InvalidSignatureException", Status: 403},
		sigv4.Expired:        {V1: "RequestExpired", V2: "RequestExpired", Status: 400},
		sigv4.BodyMismatch:   {V1: "XAmzContentSHA256Mismatch", V2: "XAmzContentSHA256Mismatch", Status: 400},
		sigv4.BodyMalformed:  {V1: "IncompleteBody", V2: "IncompleteBody", Status: 400},
	} {
		if got := k.Wire(); got != want {
			t.Errorf("kind %d is %+v, want %+v", k, got, want)
		}
	}
	for err, want := range map[*sigv4.Error]sigv4.Kind{
		sigv4.NewUnknownKey(): sigv4.UnknownKey, sigv4.NewTokenInvalid(): sigv4.TokenInvalid,
		sigv4.NewTokenExpired(): sigv4.TokenExpired,
	} {
		if err.Kind != want || err.Text == "" {
			t.Errorf("%+v has not kind %d", err, want)
		}
	}
}

func TestErrorsEchoPrintableTextOnly(t *testing.T) {
	t.Parallel()
	r := sign(t, samples["an empty path"])
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=\x01<é>"+strings.Repeat("x", 5000)+
		"\x7f, SignedHeaders=host, Signature=0")
	_, err := verify(sigv4.New(sigv4.Options{}), r, signedAt)
	if kindOf(t, err) != sigv4.Incomplete {
		t.Fatalf("got %v", err)
	}
	if len(err.Error()) > 400 || strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' || c > '~' }) {
		t.Errorf("text is %q", err.Error())
	}
}

func TestKeyCache(t *testing.T) {
	t.Parallel()
	c := sigv4.NewKeyCache(8)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				region := fmt.Sprintf("r-%d", (i*7+g)%20)
				if got := c.Key(secret, "20260102", region, "ses"); got != sigv4.DeriveKey(secret, "20260102", region, "ses") {
					t.Errorf("wrong key for %s", region)
				}
				if c.Len() > 8 {
					t.Errorf("holds %d keys, bound is 8", c.Len())
				}
			}
		})
	}
	wg.Wait()
	// Boundaries between the parts count: these are different keys.
	a, b := c.Key("s", "1", "23", "ses"), c.Key("s", "12", "3", "ses")
	if a == b {
		t.Error("two scopes share a key")
	}
	if n := sigv4.NewKeyCache(0); n.Key("s", "1", "2", "3") != sigv4.DeriveKey("s", "1", "2", "3") {
		t.Error("the smallest cache gives a wrong key")
	}
}

// TestPublishedVector is AWS's worked example of key derivation.
func TestPublishedVector(t *testing.T) {
	t.Parallel()
	key := sigv4.DeriveKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam")
	if got := hex.EncodeToString(key[:]); got != "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9" {
		t.Errorf("derived %s", got)
	}
}

func BenchmarkCheck(b *testing.B) {
	s := sample{method: "POST", target: "/v2/email/outbound-emails", body: strings.Repeat("x", 8<<10), header: http.Header{
		"Content-Type": {"application/json"}, "Amz-Sdk-Invocation-Id": {"5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f"},
		"Amz-Sdk-Request": {"attempt=1; max=3"}}}
	r := sign(b, s)
	v := sigv4.New(sigv4.Options{})
	sum := sha256.Sum256([]byte(s.body))
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Parse(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		c, err := v.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Check(r, sum, secret, signedAt); err != nil {
				b.Fatal(err)
			}
		}
	})
}
