// SPDX-License-Identifier: Apache-2.0

package outgoing_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/outgoing"
	"sesame/internal/core/spool"
	own "sesame/internal/proto/dkim"
	"sesame/internal/proto/rsasign"
	"sesame/internal/proto/verp"
)

var (
	ctx = context.Background()
	sc  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	now = time.Date(2026, 1, 2, 23, 59, 58, 0, time.FixedZone("east", 3600))
)

func mac(data []byte) []byte {
	h := hmac.New(sha256.New, []byte("secret"))
	h.Write(data)
	return h.Sum(nil)
}

// signers signs for one domain.
type signers struct {
	domain   address.Domain
	list     []identity.Signer
	mailFrom identity.MailFrom
	err      error
	asked    []scope.Scope
	record   string
}

// key makes one RSA key for all tests.
var key = sync.OnceValues(func() ([]byte, error) { return own.GenerateRSA(2048) })

func newSigners(t *testing.T, d address.Domain) *signers {
	t.Helper()
	der, err := key()
	if err != nil {
		t.Fatal(err)
	}
	k, err := rsasign.Open(rsasign.Options{}).Load(der)
	if err != nil {
		t.Fatal(err)
	}
	record, err := own.RecordOf(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signers{domain: d, list: []identity.Signer{{Domain: string(d), Selector: "token", Key: k}}, record: record.String()}
}

func (s *signers) For(_ context.Context, sc scope.Scope, a address.Address, _ string) ([]identity.Signer, error) {
	s.asked = append(s.asked, sc)
	if a.Domain != s.domain {
		return nil, s.err
	}
	return s.list, s.err
}

// MailFrom is the same for all senders.
func (s *signers) MailFrom(context.Context, scope.Scope, address.Address) (identity.MailFrom, error) {
	return s.mailFrom, s.err
}

func message(t *testing.T, content string) *spool.Message {
	t.Helper()
	id, err := msgid.New(sc.Region, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &spool.Message{Scope: sc, ID: id, Sender: address.Address{Local: "a", Domain: "example.com"}, Content: []byte(content)}
}

func prepared(s *signers) *outgoing.Outgoing {
	return &outgoing.Outgoing{
		Signers: s, MailFroms: s, Clock: clock.NewFake(now).Now, ReturnDomain: "mail.example.org", MAC: mac, SourceIP: netip.MustParseAddr("192.0.2.7"),
	}
}

const letter = "From: a@example.com\r\nTo: b@example.net\r\nSubject: hello\r\nMIME-Version: 1.0\r\n\r\nbody \r\n\r\n\r\n"

func TestASignedMessageIsVerifiedByAnotherImplementation(t *testing.T) {
	t.Parallel()
	s := newSigners(t, "example.com")
	m := message(t, letter)
	prefix, err := prepared(s).Prepare(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(append(bytes.Clone(prefix), m.Content...)), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) {
			if name != "token._domainkey.example.com" {
				return nil, errors.New("no such name: " + name)
			}
			return []string{s.record}, nil
		},
	})
	if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Domain != "example.com" {
		t.Fatalf("%v, %+v", err, found)
	}
	for _, name := range found[0].HeaderKeys {
		if strings.EqualFold(name, "X-SES-Outgoing") {
			t.Error("X-SES-Outgoing is signed")
		}
	}
	if len(s.asked) != 1 || s.asked[0] != sc {
		t.Errorf("the signer was asked for in %v", s.asked)
	}
}

func TestADelegatesMailIsSignedByTheOwnerOfTheIdentity(t *testing.T) {
	t.Parallel()
	s := newSigners(t, "example.com")
	m := message(t, letter)
	m.IdentityAccount = "888888888888"
	if _, err := prepared(s).Prepare(ctx, m); err != nil {
		t.Fatal(err)
	}
	if want := (scope.Scope{Account: "888888888888", Region: sc.Region}); len(s.asked) != 1 || s.asked[0] != want {
		t.Errorf("the signer was asked for in %v, want %v", s.asked, want)
	}
}

func TestWhatGoesBeforeTheMessage(t *testing.T) {
	t.Parallel()
	const trace = "X-SES-Outgoing: 2026.01.02-192.0.2.7\r\n"
	for _, c := range []struct {
		name   string
		sender address.Domain
		signed bool
	}{
		{"a domain that signs: the signature, then the trace field with date in UTC and source address", "example.com", true},
		{"a domain that does not sign: the trace field alone", "unsigned.example", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := message(t, letter)
			m.Sender.Domain = c.sender
			prefix, err := prepared(newSigners(t, "example.com")).Prepare(ctx, m)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(string(prefix), trace) || strings.HasPrefix(string(prefix), "DKIM-Signature: ") != c.signed {
				t.Errorf("%q", prefix)
			}
			if !c.signed && string(prefix) != trace {
				t.Errorf("%q", prefix)
			}
			if string(m.Content) != letter {
				t.Error("the content was changed")
			}
		})
	}
}

func TestWithoutItsKeyAMessageDoesNotLeave(t *testing.T) {
	t.Parallel()
	broken := errors.New("the key can't be opened")
	s := newSigners(t, "example.com")
	s.err = broken
	if _, err := prepared(s).Prepare(ctx, message(t, letter)); !errors.Is(err, broken) {
		t.Errorf("got %v: an unsigned message may be lost to a spam filter, one that waits is not", err)
	}
}

func TestAnUnfitMessageIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := prepared(newSigners(t, "example.com")).Prepare(ctx, message(t, "no header section\x00 at all\r\n")); err == nil {
		t.Error("no error")
	}
}

func TestEachRecipientHasItsReturnPath(t *testing.T) {
	t.Parallel()
	o := prepared(newSigners(t, "example.com"))
	m := message(t, letter)
	seen := map[string]bool{}
	for n := range 50 {
		a, err := o.ReturnPath(ctx, m, n)
		if err != nil {
			t.Fatal(err)
		}
		if a.Domain != "mail.example.org" || seen[a.Local] {
			t.Fatalf("recipient %d: %v", n, a)
		}
		seen[a.Local] = true
		if id, got, err := verp.Decode(a, mac); err != nil || id != m.ID || got != n {
			t.Errorf("recipient %d: %s names %s, %d, %v", n, a, id, got, err)
		}
	}
}

// TestASharedReturnPathNamesTheMessage and none of its recipients.
func TestASharedReturnPathNamesTheMessage(t *testing.T) {
	t.Parallel()
	o, m := prepared(newSigners(t, "example.com")), message(t, letter)
	m.SharedReturnPath = true
	first, err := o.ReturnPath(ctx, m, 0)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := o.ReturnPath(ctx, m, 7); err != nil || other != first {
		t.Errorf("%s and %s, %v", first, other, err)
	}
	if id, n, err := verp.Decode(first, mac); err != nil || id != m.ID || n != verp.Whole {
		t.Errorf("names %s, %d, %v", id, n, err)
	}
}

func TestEachSignatureIsOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSigners(t, "example.com")
	service := s.list[0]
	service.Domain, service.Selector = "ses.example.net", "service"
	s.list = append(s.list, service)
	m := message(t, "DKIM-Signature: v=1; the customer's own\r\n"+letter)
	prefix, err := prepared(s).Prepare(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(append(prefix, letter...)), &dkim.VerifyOptions{
		LookupTXT: func(string) ([]string, error) { return []string{s.record}, nil },
	})
	if err != nil || len(found) != 2 || found[0].Domain != "example.com" || found[1].Domain != "ses.example.net" {
		t.Fatalf("%v, %+v", err, found)
	}
	for _, v := range found {
		if v.Err != nil {
			t.Errorf("%s: %v", v.Domain, v.Err)
		}
	}
	if !bytes.HasPrefix(m.Content, []byte("DKIM-Signature: v=1; the customer's own\r\n")) {
		t.Error("the customer's own signature was touched")
	}
}

func TestReturnPathIsInTheMailFromDomainWhileThatIsSetUp(t *testing.T) {
	t.Parallel()
	for status, want := range map[identity.Status]address.Domain{
		"": "mail.example.org", identity.Pending: "mail.example.org", identity.Success: "bounce.example.com",
		identity.TemporaryFailure: "mail.example.org", identity.Failed: "mail.example.org",
	} {
		s := newSigners(t, "example.com")
		s.mailFrom = identity.MailFrom{Domain: "bounce.example.com", Status: status}
		o, m := prepared(s), message(t, letter)
		a, err := o.ReturnPath(ctx, m, 3)
		if err != nil || a.Domain != want {
			t.Errorf("%q: %v, %v", status, a, err)
		}
		if id, n, err := verp.Decode(a, mac); err != nil || id != m.ID || n != 3 {
			t.Errorf("%q: a bounce does not find its recipient: %s, %d, %v", status, id, n, err)
		}
	}
	s := newSigners(t, "example.com")
	s.err = errors.New("no database")
	if _, err := prepared(s).ReturnPath(ctx, message(t, letter), 0); !errors.Is(err, s.err) {
		t.Errorf("%v: mail would leave with another's return path", err)
	}
}
