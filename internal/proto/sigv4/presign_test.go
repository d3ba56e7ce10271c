// SPDX-License-Identifier: Apache-2.0

package sigv4_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sesame/internal/proto/sigv4"
)

func TestPresignedTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, expires string
		off           time.Duration
		kind          sigv4.Kind
	}{
		{"in the last second of a week", "604800", 7 * 24 * time.Hour, 0},
		{"a second after a week", "604800", 7*24*time.Hour + time.Second, sigv4.Expired},
		{"in the only second", "1", time.Second, 0},
		{"after the only second", "1", 2 * time.Second, sigv4.Expired},
		{"from the future", "600", -6 * time.Minute, sigv4.Skewed},
		{"zero seconds", "0", 0, sigv4.Incomplete},
		{"more than a week", "604801", 0, sigv4.Incomplete},
		{"a number that overflows", "99999999999999999999", 0, sigv4.Incomplete},
		{"a negative number", "-5", 0, sigv4.Incomplete},
		{"not a number", "soon", 0, sigv4.Incomplete},
		{"no time given, within the skew", "", 5 * time.Minute, 0},
		{"no time given, after the skew", "", 6 * time.Minute, sigv4.Skewed},
	} {
		_, err := verify(sigv4.New(sigv4.Options{}), presign(t, samples["repeated query keys"], tc.expires), signedAt.Add(tc.off))
		if kindOf(t, err) != tc.kind {
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
}

func TestAlteredPresignedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	replace := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			if !strings.Contains(r.URL.RawQuery, old) {
				panic("no " + old + " in " + r.URL.RawQuery)
			}
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, new, 1)
		}
	}
	for name, tc := range map[string]struct {
		alter func(*http.Request)
		kind  sigv4.Kind
		text  string
	}{
		"expiry":                 {replace("X-Amz-Expires=600", "X-Amz-Expires=601"), sigv4.Mismatch, "does not match"},
		"parameter":              {replace("a=1", "a=2"), sigv4.Mismatch, "does not match"},
		"token":                  {replace("Token=tok", "Token=kot"), sigv4.Mismatch, "does not match"},
		"body":                   {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("x")) }, sigv4.Mismatch, "does not match"},
		"signature":              {replace("Signature=", "Signature=1"), sigv4.Mismatch, "does not match"},
		"signature twice":        {replace("X-Amz-Signature=", "X-Amz-Signature=1&X-Amz-Signature="), sigv4.Incomplete, "more than once"},
		"no signature":           {replace("X-Amz-Signature=", "x="), sigv4.Incomplete, "must include 'X-Amz-Signature'."},
		"no algorithm":           {replace("X-Amz-Algorithm=", "x="), sigv4.Incomplete, "must include 'X-Amz-Algorithm'. Re-examine"},
		"no credential":          {replace("X-Amz-Credential=", "x="), sigv4.Incomplete, "must include 'X-Amz-Credential'."},
		"no signed headers":      {replace("X-Amz-SignedHeaders=", "x="), sigv4.Incomplete, "must include 'X-Amz-SignedHeaders'."},
		"no date":                {replace("X-Amz-Date=", "x="), sigv4.Incomplete, "must include 'X-Amz-Date'."},
		"another algorithm":      {replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), sigv4.Incomplete, "Unsupported AWS"},
		"x-amz header added":     {func(r *http.Request) { r.Header.Set("X-Amz-Acl", "x") }, sigv4.Mismatch, "must be a 'SignedHeader'"},
		"token in a header, too": {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, sigv4.Mismatch, "more than once"},
		"unsigned payload": {func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD" },
			sigv4.Mismatch, "not accepted"},
	} {
		r := presign(t, sample{method: "POST", target: "/?a=1", body: "b", token: "tok"}, "600")
		tc.alter(r)
		_, err := verify(sigv4.New(sigv4.Options{}), r, signedAt)
		if kindOf(t, err) != tc.kind || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
