// SPDX-License-Identifier: Apache-2.0

package dkim_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"sesame/internal/proto/dkim"
	"sesame/internal/proto/message"
	"sesame/internal/proto/rsasign"
)

// keys are a signing key of each sort and the DNS records that publish them.
type keys struct {
	rsa, ed dkim.Key
	records map[string]string
}

func newKeys(tb testing.TB) keys {
	tb.Helper()
	der, err := dkim.GenerateRSA(1024)
	if err != nil {
		tb.Fatal(err)
	}
	k := keys{records: make(map[string]string)}
	if k.rsa, err = rsasign.Open(rsasign.Options{}).Load(der); err != nil {
		tb.Fatal(err)
	}
	k.publish(tb, "sel", der)
	edKey := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	if der, err = x509.MarshalPKCS8PrivateKey(edKey); err != nil {
		tb.Fatal(err)
	}
	if k.ed, err = dkim.LoadEd25519(der); err != nil {
		tb.Fatal(err)
	}
	k.publish(tb, "ed", der)
	return k
}

func (k keys) publish(tb testing.TB, selector string, der []byte) {
	tb.Helper()
	r, err := dkim.RecordOf(der)
	if err != nil {
		tb.Fatal(err)
	}
	k.records[selector+"._domainkey.example.com"] = r.String()
}

func (k keys) lookup(name string) ([]string, error) {
	if r, ok := k.records[name]; ok {
		return []string{r}, nil
	}
	return nil, errors.New("no such name")
}

func (k keys) options() dkim.Options {
	return dkim.Options{Domain: "example.com", Selector: "sel", Key: k.rsa, Time: time.Unix(1700000000, 0)}
}

// sign returns the message with its signature in front.
func sign(tb testing.TB, raw []byte, o dkim.Options) []byte {
	tb.Helper()
	h, body, err := message.Split(raw)
	if err != nil {
		tb.Fatal(err)
	}
	field, err := dkim.Sign(h, body, o)
	if err != nil {
		tb.Fatal(err)
	}
	if !bytes.HasPrefix(field, []byte("DKIM-Signature: ")) || !message.IsCRLF(field) || !bytes.HasSuffix(field, []byte("\r\n")) || message.LongestLine(field) > 80 {
		tb.Errorf("field %q", field)
	}
	return append(field, raw...)
}

// verify has an independent implementation check every signature of a message.
func (k keys) verify(raw []byte) error {
	vs, err := msgauth.VerifyWithOptions(bytes.NewReader(raw), &msgauth.VerifyOptions{LookupTXT: k.lookup})
	if err != nil {
		return err
	}
	if len(vs) == 0 {
		return errors.New("no signature seen")
	}
	for _, v := range vs {
		if v.Err != nil {
			return v.Err
		}
	}
	return nil
}

const head = "From: Ann <a@example.com>\r\nTo: b@example.net\r\nSubject: hello\r\n"

func messages() map[string]string {
	m := map[string]string{
		"a plain message":                       head + "\r\nHi Bob\r\n",
		"an empty body":                         head + "\r\n",
		"no body at all":                        head,
		"a body of empty lines":                 head + "\r\n\r\n\r\n\r\n",
		"blank lines at the end":                head + "\r\nHi\r\n\r\n\r\n",
		"no line end at the end":                head + "\r\nHi",
		"white space at the ends of lines":      head + "\r\nHi  \r\n \r\n\t\r\n",
		"a dot and dashes":                      head + "\r\n.\r\n..\r\n-- \r\n",
		"a folded field":                        "From: a@example.com\r\nSubject: one\r\n two\r\n\tthree  four \r\n\r\nx\r\n",
		"white space everywhere in a field":     "From:a@example.com\r\nSubject: \t x \t y \t\r\n\r\nx\r\n",
		"an empty field":                        "From: a@example.com\r\nSubject:\r\nCc: \r\n\r\nx\r\n",
		"letter case of names":                  "FROM: a@example.com\r\nsubJECT: X\r\nmessage-id: <A@b>\r\n\r\nx\r\n",
		"white space before the colon":          "From : a@example.com\r\nSubject\t: x\r\n\r\nx\r\n",
		"a field that occurs more than once":    "To: a@x.com\r\nFrom: a@example.com\r\nTo: b@x.com\r\nTo: c@x.com\r\n\r\nx\r\n",
		"a field folded at its colon":           "From: a@example.com\r\nSubject:\r\n x\r\n\r\nx\r\n",
		"8-bit octets in header and body":       "From: a@example.com\r\nSubject: f\xc3\xbcr \xff\r\n\r\n\xc3\xbc \xff\x00\r\n",
		"headers that are not to be signed":     "Received: by x\r\nX-SES-Outgoing: 1\r\nReturn-Path: <x@y>\r\n" + head + "\r\nx\r\n",
		"every header that is signed":           "",
		"a long list of recipients in folds":    "From: a@example.com\r\nTo: " + strings.Repeat("a@example.com,\r\n ", 60) + "b@example.com\r\n\r\nx\r\n",
		"a body of 100 KiB":                     head + "\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 1400),
		"semicolons and equals signs in values": "From: a@example.com\r\nSubject: b=abc; bh=def\r\n\r\nx\r\n",
	}
	var all strings.Builder
	for _, name := range dkim.DefaultHeaders() {
		fmt.Fprintf(&all, "%s: value of %s\r\n", name, name)
	}
	m["every header that is signed"] = all.String() + "\r\nx\r\n"
	return m
}

func TestSignaturesVerify(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	for name, raw := range messages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signed := sign(t, []byte(raw), k.options())
			if !strings.Contains(raw, "\r\n\r\n") {
				signed = append(signed, "\r\n"...) // the verifier wants an end of the header section
			}
			if err := k.verify(signed); err != nil {
				t.Errorf("RSA: %v\n%s", err, signed)
			}
			o := k.options()
			o.Selector, o.Key, o.Oversign = "ed", k.ed, []string{"From", "Subject"}
			if err := k.verify(sign(t, signed, o)); err != nil {
				t.Errorf("Ed25519, as second signature and oversigned: %v", err)
			}
		})
	}
}

func TestSignatureBreaksWithTheMessage(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	o := k.options()
	o.Oversign = []string{"From"}
	signed := string(sign(t, []byte(head+"List-Id: x\r\n\r\nHi Bob\r\n"), o))
	for name, edit := range map[string][2]string{
		"body":                 {"Hi Bob", "Hi Rob"},
		"a line added":         {"Hi Bob\r\n", "Hi Bob\r\n.\r\n"},
		"a header value":       {"hello", "hullo"},
		"an added From":        {"To: b@", "From: x@y\r\nTo: b@"},
		"a field removed":      {"List-Id: x\r\n", ""},
		"the signature's time": {"t=1700000000", "t=1700000001"},
	} {
		changed := strings.Replace(signed, edit[0], edit[1], 1)
		if changed == signed {
			t.Fatalf("%s: nothing changed", name)
		}
		if err := k.verify([]byte(changed)); err == nil {
			t.Errorf("%s: still verifies", name)
		}
	}
	if err := k.verify([]byte("Received: by relay\r\n" + strings.Replace(signed, "Subject: hello", "SUBJECT:  hello ", 1))); err != nil {
		t.Errorf("what relaxed canonicalization allows: %v", err)
	}
}

func TestSignatureField(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	o := k.options()
	o.Expires = time.Unix(1700003600, 0)
	o.Headers, o.Oversign = []string{"from", "Subject", "From", "Cc"}, []string{"From", "from", "To", "Date"}
	signed := sign(t, []byte(head+"\r\nx\r\n"), o)
	h, _, _ := message.Split(signed)
	value := strings.NewReplacer("\t", "", " ", "").Replace(h.Get("DKIM-Signature"))
	hash := sha256.Sum256([]byte("x\r\n"))
	want := "v=1;a=rsa-sha256;q=dns/txt;c=relaxed/simple;s=sel;d=example.com;t=1700000000;x=1700003600;" +
		"h=from:Subject:From:Date;bh=" + base64.StdEncoding.EncodeToString(hash[:]) + ";b="
	if !strings.HasPrefix(value, want) {
		t.Errorf("got  %s\nwant %s", value, want)
	}
	o.Expires, o.Time = time.Time{}, time.Time{}
	if got := string(sign(t, []byte(head+"\r\nx\r\n"), o)); strings.Contains(got, "t=") && strings.Contains(got, "; t=") || strings.Contains(got, " x=") {
		t.Errorf("times that are not given: %s", got)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	for _, c := range []struct {
		name, raw string
		edit      func(*dkim.Options)
		want      error
	}{
		{"a message without From", "To: a@b\r\n\r\n", func(*dkim.Options) {}, dkim.ErrNoFrom},
		{"no domain", head, func(o *dkim.Options) { o.Domain = "" }, dkim.ErrOptions},
		{"a domain with another tag in it", head, func(o *dkim.Options) { o.Domain = "a.com; x=1" }, dkim.ErrOptions},
		{"a selector with a line break", head, func(o *dkim.Options) { o.Selector = "a\r\nb" }, dkim.ErrOptions},
		{"a header name with a colon", head, func(o *dkim.Options) { o.Headers = []string{"From:To"} }, dkim.ErrOptions},
		{"an oversigned name with a semicolon", head, func(o *dkim.Options) { o.Oversign = []string{"From;"} }, dkim.ErrOptions},
		{"a key that fails", head, func(o *dkim.Options) { o.Key = broken{} }, errBroken},
	} {
		o := k.options()
		c.edit(&o)
		h, body, _ := message.Split([]byte(c.raw))
		if _, err := dkim.Sign(h, body, o); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
	}
}

var errBroken = errors.New("broken key")

type broken struct{}

func (broken) SignDigest([32]byte) ([]byte, error) { return nil, errBroken }
func (broken) Algorithm() string                   { return "rsa-sha256" }

func TestBodyHashOfPieces(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "\r\n", "a", "a\r\n", "a\r\n\r\n\r\n", "\r\n\r\na\r\nb", "a\r", "a\n", "\n\r\n", "a\r\r\n"} {
		want := body
		for strings.HasSuffix(want, "\r\n") {
			want = strings.TrimSuffix(want, "\r\n")
		}
		sum := sha256.Sum256([]byte(want + "\r\n"))
		for i := 0; i <= len(body); i++ {
			for j := i; j <= len(body); j++ {
				if got := dkim.BodyHash([]byte(body[:i]), nil, []byte(body[i:j]), []byte(body[j:]), nil); got != sum {
					t.Errorf("%q cut at %d and %d differs", body, i, j)
				}
			}
		}
	}
	// RFC 6376 §3.4.3 gives the hash of the empty body.
	if got := dkim.BodyHash(); base64.StdEncoding.EncodeToString(got[:]) != "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=" {
		t.Error("empty body")
	}
}

func TestGenerateRSA(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{1024, 2048} {
		der, err := dkim.GenerateRSA(bits)
		if err != nil {
			t.Fatal(err)
		}
		k, err := rsasign.Open(rsasign.Options{PureGo: true}).Load(der)
		if err != nil || k.Public().N.BitLen() != bits {
			t.Errorf("%d bits: %v", bits, err)
		}
		r, err := dkim.RecordOf(der)
		public, _ := base64.StdEncoding.DecodeString(r.Public)
		if err != nil || r.String() != "v=DKIM1; k=rsa; "+r.Short() || r.Short() != "p="+r.Public || dkim.TXT(r.Public) != r.String() {
			t.Errorf("record %q, %v", r, err)
		}
		if pub, err := x509.ParsePKIXPublicKey(public); err != nil || !k.Public().Equal(pub) {
			t.Errorf("public key: %v", err)
		}
	}
	for _, bits := range []int{0, 512, 1536, 4096} {
		if _, err := dkim.GenerateRSA(bits); !errors.Is(err, dkim.ErrKeySize) {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
	if _, err := dkim.RecordOf([]byte("x")); !errors.Is(err, dkim.ErrKey) {
		t.Errorf("record of no key: %v", err)
	}
	if _, err := dkim.LoadEd25519([]byte("x")); !errors.Is(err, dkim.ErrKey) {
		t.Errorf("no key: %v", err)
	}
}

// Whatever the message is, an independent implementation verifies the signature.
func FuzzSign(f *testing.F) {
	for _, raw := range messages() {
		if len(raw) < 2000 {
			h, body, _ := strings.Cut(raw, "\r\n\r\n")
			f.Add([]byte(h), []byte(body))
		}
	}
	k := newKeys(f)
	o := k.options()
	o.Selector, o.Key = "ed", k.ed
	f.Fuzz(func(t *testing.T, header, body []byte) {
		h, rest, err := message.Split(message.NormalizeCRLF(header))
		if err != nil || len(rest) > 0 || !h.Has("From") || h.Has("DKIM-Signature") || bytes.Contains(header, []byte("From ")) {
			return
		}
		var raw []byte
		for _, field := range h {
			raw = append(raw, field.Raw()...)
		}
		if !bytes.HasSuffix(raw, []byte("\r\n")) {
			raw = append(raw, "\r\n"...)
		}
		raw = append(append(raw, "\r\n"...), message.NormalizeCRLF(body)...)
		if err := k.verify(sign(t, raw, o)); err != nil {
			t.Fatalf("%v\n%q", err, raw)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	der, err := dkim.GenerateRSA(2048)
	if err != nil {
		b.Fatal(err)
	}
	k := newKeys(b)
	for _, c := range []struct {
		name string
		key  dkim.Key
	}{{"RSA-2048", load(b, der)}, {"no key", fixed{}}, {"Ed25519", k.ed}} {
		o := k.options()
		o.Key = c.key
		h, body, _ := message.Split([]byte(messages()["every header that is signed"]))
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			sum := dkim.BodyHash(body)
			for b.Loop() {
				if _, err := dkim.SignHash(h, sum, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func load(b *testing.B, der []byte) dkim.Key {
	k, err := rsasign.Open(rsasign.Options{}).Load(der)
	if err != nil {
		b.Fatal(err)
	}
	return k
}

type fixed struct{}

func (fixed) SignDigest([32]byte) ([]byte, error) { return make([]byte, 256), nil }
func (fixed) Algorithm() string                   { return "rsa-sha256" }

func BenchmarkBodyHash(b *testing.B) {
	for _, n := range []int{4 << 10, 50 << 10} {
		body := bytes.Repeat([]byte("0123456789abcdef\r\n"), n/18)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				dkim.BodyHash(body)
			}
		})
	}
}
