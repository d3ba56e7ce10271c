// SPDX-License-Identifier: Apache-2.0

package harness_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/miekg/dns"

	"sesame/test/harness"
)

// The verifiers are tried on a signature that a third implementation made: what passes
// must pass, and what was altered must not, or a green interoperability test means little.
func TestVerifiers(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	server := harness.StartDNS(t)
	server.AddTXT("sel._domainkey.example.com.", "v=DKIM1; k=rsa; p="+base64.StdEncoding.EncodeToString(public))
	postfix := harness.StartPostfix(t, harness.PostfixOptions{Milter: harness.StartOpenDKIM(t, "mx.example.net", server.Addr)})

	text := "From: a@example.com\r\nTo: b@example.net\r\nSubject: signed\r\n\r\nHello.\r\n"
	var signed bytes.Buffer
	options := dkim.SignOptions{Domain: "example.com", Selector: "sel", Signer: key, HeaderKeys: []string{"From", "To", "Subject"}}
	if err := dkim.Sign(&signed, strings.NewReader(text), &options); err != nil {
		t.Fatal(err)
	}
	send := func(t *testing.T, to string, mail []byte) []byte {
		t.Helper()
		if err := smtp.SendMail(postfix.Addr, nil, "a@example.com", []string{to}, mail); err != nil {
			t.Fatal(err)
		}
		return postfix.WaitMail(t, to)
	}

	t.Run("a good signature passes both", func(t *testing.T) {
		mail := send(t, "good@example.net", signed.Bytes())
		if !bytes.Contains(mail, []byte("dkim=pass")) {
			t.Errorf("OpenDKIM did not pass it:\n%s", mail)
		}
		got := harness.VerifyDKIM(t, server, mail)
		if len(got) != 1 || !got[0].Pass || got[0].Domain != "example.com" || got[0].Selector != "sel" {
			t.Errorf("dkimpy says %+v", got)
		}
	})
	t.Run("an altered body passes neither", func(t *testing.T) {
		mail := send(t, "altered@example.net", bytes.Replace(signed.Bytes(), []byte("Hello."), []byte("Hullo."), 1))
		if !bytes.Contains(mail, []byte("dkim=fail")) {
			t.Errorf("OpenDKIM did not fail it:\n%s", mail)
		}
		if got := harness.VerifyDKIM(t, server, mail); len(got) != 1 || got[0].Pass {
			t.Errorf("dkimpy says %+v", got)
		}
	})
	t.Run("a key that is not in the DNS passes neither", func(t *testing.T) {
		_, other, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		var mail bytes.Buffer
		options := dkim.SignOptions{Domain: "example.com", Selector: "gone", Signer: other}
		if err := dkim.Sign(&mail, strings.NewReader(text), &options); err != nil {
			t.Fatal(err)
		}
		if got := harness.VerifyDKIM(t, server, send(t, "gone@example.net", mail.Bytes())); len(got) != 1 || got[0].Pass {
			t.Errorf("dkimpy says %+v", got)
		}
	})
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	attempts := harness.NewAttempts(map[string][]string{"late@example.net": {"451 4.7.1 Come back later", "421 4.3.2 Closing"}})
	postfix := harness.StartPostfix(t, harness.PostfixOptions{Policy: attempts.Policy})
	send := func() error {
		return smtp.SendMail(postfix.Addr, nil, "a@example.com", []string{"late@example.net"}, []byte("Subject: x\r\n\r\nx\r\n"))
	}
	for _, want := range []int{451, 421} {
		err := send()
		reply, ok := err.(*textproto.Error)
		if !ok || reply.Code != want {
			t.Errorf("got %v, want %d", err, want)
		}
	}
	if err := send(); err != nil {
		t.Error(err)
	}
	postfix.WaitMail(t, "late@example.net")
	if got := attempts.Count("late@example.net"); got != 3 {
		t.Errorf("%d attempts, want 3", got)
	}
}

func TestDNS(t *testing.T) {
	t.Parallel()
	server := harness.StartDNS(t,
		"example.net. 60 IN MX 10 mx.example.net.",
		"mx.example.net. 60 IN A 127.0.0.2",
		"alias.example.net. 60 IN CNAME mx.example.net.",
	)
	long := strings.Repeat("0123456789", 200)
	server.AddTXT("long.example.net", long)

	tests := []struct {
		name  string
		query string
		kind  uint16
		rcode int
		want  int
	}{
		{"a record that the test wrote", "example.net.", dns.TypeMX, dns.RcodeSuccess, 1},
		{"another type of a name that is there", "example.net.", dns.TypeA, dns.RcodeSuccess, 0},
		{"letter case does not matter", "MX.Example.NET.", dns.TypeA, dns.RcodeSuccess, 1},
		{"an alias with what it leads to", "alias.example.net.", dns.TypeA, dns.RcodeSuccess, 2},
		{"a name above one that is there", "net.", dns.TypeA, dns.RcodeSuccess, 0},
		{"a name of the real world", "example.org.", dns.TypeA, dns.RcodeNameError, 0},
		{"an answer too long for UDP", "long.example.net.", dns.TypeTXT, dns.RcodeSuccess, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			query := new(dns.Msg).SetQuestion(test.query, test.kind)
			answer, err := dns.Exchange(query, server.Addr)
			if err == nil && answer.Truncated {
				answer, _, err = (&dns.Client{Net: "tcp"}).Exchange(query, server.Addr)
			}
			if err != nil {
				t.Fatal(err)
			}
			if answer.Rcode != test.rcode || len(answer.Answer) != test.want {
				t.Errorf("got %s with %d records:\n%s", dns.RcodeToString[answer.Rcode], len(answer.Answer), answer)
			}
		})
	}
	if got := server.Asked("example.net", "MX"); got != 1 {
		t.Errorf("asked %d times, want 1", got)
	}
}
