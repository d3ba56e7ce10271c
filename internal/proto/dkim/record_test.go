// SPDX-License-Identifier: Apache-2.0

package dkim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"sesame/internal/proto/dkim"
)

func TestParseRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, keyType, public string }{
		{"as we write it", "v=DKIM1; k=rsa; p=QUJD", "rsa", "QUJD"},
		{"the key alone", "p=QUJD", "rsa", "QUJD"},
		{"another algorithm", "v=DKIM1; k=ed25519; p=QUJD", "ed25519", "QUJD"},
		{"all tags", "v=DKIM1;h=sha1:sha256;k=rsa;n=note;p=QUJD;s=*;t=y:s", "rsa", "QUJD"},
		{"unknown tags", "v=DKIM1; g=*; x=1; p=QUJD", "rsa", "QUJD"},
		{"white space everywhere", " v = DKIM1 ;\r\n\tp = QU\r\n JD ; ", "rsa", "QUJD"},
		{"padding", "p=QQ==;", "rsa", "QQ=="},
		{"no key", "v=DKIM1; k=rsa", "", ""},
		{"a revoked key", "v=DKIM1; p=", "", ""},
		{"another version", "v=DKIM2; p=QUJD", "", ""},
		{"the version not in front", "p=QUJD; v=DKIM1", "", ""},
		{"an unknown algorithm", "k=dsa; p=QUJD", "", ""},
		{"another hash alone", "h=sha1; p=QUJD", "", ""},
		{"another service", "s=tlsrpt; p=QUJD", "", ""},
		{"a tag twice", "p=QUJD; p=QUJD", "", ""},
		{"words", "hello", "", ""},
		{"SPF", "v=spf1 -all", "", ""},
		{"nothing", "", "", ""},
		{"too long", "p=" + strings.Repeat("A", 5000), "", ""},
	} {
		r, err := dkim.ParseRecord(c.text)
		if c.keyType == "" {
			if !errors.Is(err, dkim.ErrRecord) {
				t.Errorf("%s: %+v, %v", c.name, r, err)
			}
			continue
		}
		if err != nil || r.KeyType != c.keyType || r.Public != c.public {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
	}
}

func TestPublishes(t *testing.T) {
	t.Parallel()
	var keys [2]*rsa.PrivateKey
	for n := range keys {
		var err error
		if keys[n], err = rsa.GenerateKey(rand.Reader, 1024); err != nil {
			t.Fatal(err)
		}
	}
	spki := func(k *rsa.PrivateKey) dkim.Record {
		der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return dkim.Record{KeyType: "rsa", Public: base64.StdEncoding.EncodeToString(der)}
	}
	bare := dkim.Record{KeyType: "rsa", Public: base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&keys[0].PublicKey))}
	for _, c := range []struct {
		name string
		a, b dkim.Record
		want bool
	}{
		{"the same", spki(keys[0]), spki(keys[0]), true},
		{"the same key in the form of RFC 6376's text", bare, spki(keys[0]), true},
		{"another key", spki(keys[1]), spki(keys[0]), false},
		{"another algorithm", dkim.Record{KeyType: "ed25519", Public: spki(keys[0]).Public}, spki(keys[0]), false},
		{"no base64", dkim.Record{KeyType: "rsa", Public: "%"}, dkim.Record{KeyType: "rsa", Public: "%"}, false},
		{"two that are no keys", dkim.Record{KeyType: "rsa", Public: "QUJD"}, dkim.Record{KeyType: "rsa", Public: "QUJE"}, false},
	} {
		if got := c.a.Publishes(c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestParseRSA(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 1536)
	if err != nil {
		t.Fatal(err)
	}
	eight, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, der := range [][]byte{eight, x509.MarshalPKCS1PrivateKey(key)} {
		got, err := dkim.ParseRSA(base64.StdEncoding.EncodeToString(der))
		if err != nil || string(got) != string(der) {
			t.Error(err)
		}
		if r, err := dkim.RecordOf(got); err != nil || r.Bits != 1536 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	ed, err := dkim.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dkim.LoadEd25519(ed); err != nil {
		t.Error(err)
	}
	text := base64.StdEncoding.EncodeToString(eight)
	for name, s := range map[string]string{
		"nothing": "", "an Ed25519 key": base64.StdEncoding.EncodeToString(ed), "a line break": text[:64] + "\n" + text[64:],
		"half a key": text[:400], "its padding cut": strings.TrimRight(text[:len(text)-1], "="), "much": strings.Repeat("A", 1<<20),
	} {
		if _, err := dkim.ParseRSA(s); !errors.Is(err, dkim.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever DNS shows, a record that is read is one that a verifier of mail reads, too.
func FuzzParseRecord(f *testing.F) {
	for _, s := range []string{"v=DKIM1; k=rsa; p=QUJD", "p=", "v=DKIM1;h=sha1:sha256;k=ed25519;n=x;p=QQ==;s=email;t=y", "p=QU JD;;", ";=;", "v=spf1 -all"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := dkim.ParseRecord(s)
		if err != nil {
			return
		}
		again, err := dkim.ParseRecord(r.String())
		if err != nil || again != r || strings.ContainsAny(r.Public, " \t\r\n;") {
			t.Fatalf("%q is read as %+v, and that as %+v, %v", s, r, again, err)
		}
		r.Publishes(again)
	})
}

func FuzzParseRSA(f *testing.F) {
	der, err := dkim.GenerateRSA(1024)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add([]byte("0\x03\x02\x01\x00"))
	f.Fuzz(func(t *testing.T, der []byte) {
		got, err := dkim.ParseRSA(base64.StdEncoding.EncodeToString(der))
		if err != nil {
			return
		}
		r, err := dkim.RecordOf(got)
		if err != nil || r.KeyType != "rsa" || r.Bits < 1024 || r.Bits > 2048 {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}
