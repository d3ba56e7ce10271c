// SPDX-License-Identifier: Apache-2.0

package verp_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"sesame/internal/base/address"
	"sesame/internal/proto/verp"
)

const id = "0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000"

func mac(key string) verp.MAC {
	return func(data []byte) []byte {
		h := hmac.New(sha256.New, []byte(key))
		h.Write(data)
		return h.Sum(nil)
	}
}

func TestReturnPathNamesMessageAndRecipient(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 49, 255} {
		a := verp.Encode(id, n, "bounce.example.com", mac("k"))
		if _, err := address.Parse(a.String()); err != nil {
			t.Fatalf("%q is no address: %v", a, err)
		}
		a.Local = strings.ToUpper(a.Local)
		gotID, gotN, err := verp.Decode(a, mac("k"))
		if err != nil || gotID != id || gotN != n {
			t.Errorf("Decode(%v) = %q, %d, %v", a, gotID, gotN, err)
		}
	}
}

func TestForgedReturnPathsAreForeign(t *testing.T) {
	t.Parallel()
	good := verp.Encode(id, 3, "example.com", mac("k"))
	cases := map[string]string{
		"another key's":           verp.Encode(id, 3, "example.com", mac("other")).Local,
		"one character changed":   "b" + strings.Replace(good.Local[1:], good.Local[5:6], other(good.Local[5]), 1),
		"cut":                     good.Local[:len(good.Local)-1],
		"extended":                good.Local + "a",
		"second spelling of bits": good.Local[:len(good.Local)-1] + other(good.Local[len(good.Local)-1]),
		"an ordinary address":     "postmaster",
		"empty":                   "",
		"the letter b alone":      "b",
		"not base32":              "b" + strings.Repeat("1", 60),
	}
	for name, local := range cases {
		if _, _, err := verp.Decode(address.Address{Local: local, Domain: "example.com"}, mac("k")); err == nil {
			t.Errorf("%s: %q was taken", name, local)
		}
	}
}

func other(c byte) string {
	if c == 'a' {
		return "b"
	}
	return "a"
}

func FuzzDecode(f *testing.F) {
	f.Add(verp.Encode(id, 3, "example.com", mac("k")).Local)
	f.Add("bounces")
	f.Fuzz(func(t *testing.T, local string) {
		gotID, n, err := verp.Decode(address.Address{Local: local, Domain: "example.com"}, mac("k"))
		if err == nil && !strings.EqualFold(verp.Encode(gotID, n, "example.com", mac("k")).Local, local) {
			t.Fatalf("%q decodes to %s %d, which encodes otherwise", local, gotID, n)
		}
	})
}
