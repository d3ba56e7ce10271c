// SPDX-License-Identifier: Apache-2.0

package verification_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/keyring"
	"sesame/internal/core/verification"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	home  = scope.Scope{Account: "123456789012", Region: "eu-west-1"}
)

const base = "https://mail.example.com"

func token(t testing.TB, l *verification.Links, address, template string) string {
	t.Helper()
	u, err := l.URL(home, address, template)
	if err != nil {
		t.Fatal(err)
	}
	token, ok := strings.CutPrefix(u, base+"/verify/")
	if !ok {
		t.Fatalf("the link is %s", u)
	}
	return token
}

func TestALinkSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(start)
	l := &verification.Links{Wrap: keyring.Ephemeral(), Clock: now.Now, Base: base}
	for _, want := range []verification.Link{
		{Scope: home, Address: "user@example.com", Expires: start.Add(24 * time.Hour)},
		{Scope: home, Address: `"odd @ one"@example.com`, Template: "Größe/1", Expires: start.Add(24 * time.Hour)},
	} {
		tok := token(t, l, want.Address, want.Template)
		if got, err := l.Read(tok); got != want || err != nil {
			t.Errorf("got %+v, %v", got, err)
		}
		if strings.Trim(tok, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("the token would have to be escaped: %s", tok)
		}
	}
}

func TestALinkExpires(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(start)
	l := &verification.Links{Wrap: keyring.Ephemeral(), Clock: now.Now, Base: base}
	tok := token(t, l, "user@example.com", "")
	now.Advance(24*time.Hour - time.Second)
	if _, err := l.Read(tok); err != nil {
		t.Errorf("after 23:59:59: %v", err)
	}
	now.Advance(time.Second)
	if got, err := l.Read(tok); !errors.Is(err, verification.ErrExpired) || got.Address != "user@example.com" {
		t.Errorf("after 24 hours: %+v, %v", got, err)
	}
}

func TestLinksThatThisServerHasNotMade(t *testing.T) {
	t.Parallel()
	ring := keyring.Ephemeral()
	l := &verification.Links{Wrap: ring, Clock: clock.NewFake(start).Now, Base: base}
	tok := token(t, l, "user@example.com", "template")
	raw, err := base64.RawURLEncoding.DecodeString(tok)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw { // every bit that could name another account, region, address, template or time
		raw[i] ^= 1
		if _, err := l.Read(base64.RawURLEncoding.EncodeToString(raw)); !errors.Is(err, verification.ErrBroken) {
			t.Errorf("byte %d can be altered: %v", i, err)
		}
		raw[i] ^= 1
	}
	wrapped := func(purpose string, b []byte) string {
		return base64.RawURLEncoding.EncodeToString(ring.Wrap(purpose, b))
	}
	text, ok := ring.Unwrap("verify link", raw)
	if !ok {
		t.Fatal("it is not wrapped")
	}
	other := &verification.Links{Wrap: keyring.Ephemeral(), Clock: clock.NewFake(start).Now, Base: base}
	for _, plain := range []string{home.Account, home.Region, "example.com", "template"} {
		if bytes.Contains(raw, []byte(plain)) {
			t.Errorf("a link shows %s", plain)
		}
	}
	for name, bad := range map[string]string{
		"nothing":                    "",
		"of another server":          token(t, other, "user@example.com", ""),
		"cut off":                    tok[:len(tok)-1],
		"with more behind":           tok + "A",
		"with padding":               tok + "=",
		"not base64":                 "!" + tok[1:],
		"too long":                   strings.Repeat("A", 1025),
		"of another purpose":         wrapped("tracked link", text),
		"shorter than an expiry":     wrapped("verify link", []byte{1, 0, 0}),
		"of another version":         wrapped("verify link", []byte{2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
		"a field that ends too soon": wrapped("verify link", []byte{1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9, 'x'}),
		"more than its fields":       wrapped("verify link", []byte{1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}),
	} {
		if got, err := l.Read(bad); !errors.Is(err, verification.ErrBroken) || got != (verification.Link{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := l.URL(home, strings.Repeat("a", 601), ""); err == nil {
		t.Error("a link was made that can't be read")
	}
}

func FuzzReadLink(f *testing.F) {
	l := &verification.Links{Wrap: keyring.Ephemeral(), Clock: clock.NewFake(start).Now, Base: base}
	f.Add("")
	f.Add("AQAAAABpWA")
	f.Add(strings.Repeat("AQ", 60))
	f.Add(token(f, l, "user@example.com", ""))
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := l.Read(s); err == nil && k.Scope != home {
			t.Errorf("%q is a link: %+v", s, k)
		}
	})
}
