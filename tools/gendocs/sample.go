// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/event"
	"sesame/internal/core/identity"
	"sesame/internal/core/mailbox"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/edge/api/admin"
	"sesame/internal/proto/smtpclient"
)

// What the answers on the page are about.
const (
	sampleAccount = "123456789012"
	sampleRegion  = "us-east-1"
	sampleMessage = "0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000"
	sampleMail    = `Message-ID: <0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000@email.amazonses.com>
Date: Fri, 2 Jan 2026 03:04:05 +0000
From: Hello <hello@example.com>
To: you@example.net
Subject: Welcome
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain; charset=UTF-8

It works.
--b
Content-Type: text/plain; name="notes.txt"
Content-Disposition: attachment; filename="notes.txt"

One line of notes.
--b--
`
)

// sample is what stands behind the routes while the page is written.
type sample struct {
	dir string
	db  *store.DB
	box *mailbox.Mailbox

	lists *suppression.Lists
	spool *spool.Spool
}

// newSample makes a mailbox with one mail in it.
func newSample(ctx context.Context) (_ *sample, err error) {
	s := &sample{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "sesame-gendocs-"); err != nil {
		return nil, err
	}
	if s.db, err = store.Open(ctx, store.Options{Path: filepath.Join(s.dir, "sample.db")}); err != nil {
		return nil, err
	}
	now := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	if s.box, err = mailbox.New(mailbox.Options{DB: s.db, Clock: now.Now, Account: sampleAccount, Region: sampleRegion}); err != nil {
		return nil, err
	}
	_, err = s.box.Deliver(ctx, mailbox.Envelope{
		From: address.Address{Local: "hello", Domain: "example.com"}, To: []address.Address{{Local: "you", Domain: "example.net"}},
		RemoteIP: netip.MustParseAddr("127.0.0.1"), TLS: "TLS 1.3",
	}, []byte(strings.ReplaceAll(sampleMail, "\n", "\r\n")))
	if err != nil {
		return nil, err
	}
	return s, errors.Join(s.accept(ctx, now), s.suppress(ctx, now))
}

// accept puts a message into the spool whose recipient is suppressed.
func (s *sample) accept(ctx context.Context, now *clock.Fake) error {
	s.spool = spool.New(spool.Options{DB: s.db, Clock: now.Now, Node: "gendocs/1", InRow: 1 << 20})
	from := address.Address{Local: "hello", Domain: "example.com"}
	return s.spool.Accept(ctx, &spool.Message{
		Scope: scope.Scope{Account: sampleAccount, Region: sampleRegion}, ID: sampleMessage, AcceptedAt: now.Now(), Operation: "SendEmail",
		Caller: "arn:aws:iam::" + sampleAccount + ":user/app", SourceIP: "192.0.2.1", ReturnPath: from, Sender: from, Identity: "example.com", Subject: "Welcome",
		Content: []byte(strings.ReplaceAll(sampleMail, "\n", "\r\n")), Recipients: []address.Address{{Local: "gone", Domain: "example.net"}},
		Fates: []spool.Fate{{Recipients: []int{0}, State: spool.Suppressed, Cause: "suppressed", Reason: "bounced before", Event: event.Bounce,
			Detail: event.Detail{BounceType: "Permanent", BounceSubType: "OnAccountSuppressionList"}}},
	})
}

// suppress puts an address on the suppression lists that bounced, and one by hand.
func (s *sample) suppress(ctx context.Context, now *clock.Fake) error {
	s.lists = suppression.New(suppression.Options{
		DB: s.db, Clock: now.Now, Random: bytes.NewReader(make([]byte, 16)), ConfigSets: configset.New(s.db, now.Now, nil),
	})
	sc := scope.Scope{Account: sampleAccount, Region: sampleRegion}
	writes := s.lists.Bounced(ctx, suppression.Feedback{
		Scope: sc, MessageID: "0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000", Address: address.Address{Local: "gone", Domain: "example.net"},
	}, &smtpclient.Outcome{
		Class: smtpclient.Permanent, Cause: smtpclient.CauseReply, Command: smtpclient.CommandRcpt, Code: 550, Enhanced: smtpclient.Enhanced{5, 1, 1},
		Lines: []string{"550 5.1.1 <gone@example.net>: User unknown"},
	})
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		for _, write := range writes {
			if err := write(tx); err != nil {
				return err
			}
		}
		return nil
	})
	now.Advance(time.Minute)
	return errors.Join(err, s.lists.Put(ctx, sc, "annoyed@example.net", suppression.Complaint))
}

func (s *sample) close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// subjects are all tables of the admin API.
func (s *sample) subjects() []subject {
	return []subject{
		{"Mailbox", "Mailbox (`sesame dev` alone)", deletionsLast(admin.Mailbox(s.box))},
		{"Identities", "Identities", admin.Identities(sampleIdentities{}, sampleIdentities{})},
		{"Messages", "Messages", admin.Messages(s.spool)},
		{"Suppression", "Suppression lists", admin.Suppression(s.lists)},
		{"Settings", "Settings", admin.Settings(setting.New(setting.Options{DB: s.db, Clock: clock.System}))},
	}
}

// deletionsLast moves what empties the mailbox to the end. One mail is deleted twice
// over: first by its number, then with all others.
func deletionsLast(routes []admin.Route) []admin.Route {
	var first, last []admin.Route
	for _, r := range routes {
		if r.Method == "DELETE" {
			last = append(last, r)
		} else {
			first = append(first, r)
		}
	}
	return append(first, last...)
}

// sampleIdentities has one domain, one of whose records is missing.
type sampleIdentities struct{}

func (sampleIdentities) Subject(_ context.Context, _ scope.Scope, name string) (dnscheck.Subject, error) {
	const token = "ja5d2shvyzd67fa5szclt45ufhscrlj5"
	return dnscheck.Subject{Domain: name, Wanted: []dnscheck.Wanted{
		{Name: token + "._domainkey." + name, Type: "CNAME", Value: token + ".dkim.ses.example.net", Purpose: "DKIM", Required: true},
		{Name: "_dmarc." + name, Type: "TXT", Value: "v=DMARC1; p=none;", Purpose: "DMARC"},
	}}, nil
}

func (i sampleIdentities) Check(ctx context.Context, sc scope.Scope, name string) (dnscheck.Report, error) {
	s, err := i.Subject(ctx, sc, name)
	none := dnscheck.Found{Error: "no such name"}
	server := dnscheck.Found{Server: "ns1." + name, Address: "192.0.2.53", Error: "no such name"}
	wanted := s.Wanted[0]
	return dnscheck.Report{Domain: name, Verdict: dnscheck.Missing, Records: []dnscheck.Record{{
		Wanted: wanted, Servers: []dnscheck.Found{server}, Resolver: none, Verdict: dnscheck.Missing,
		Mistakes: []dnscheck.Mistake{{Code: dnscheck.ZoneDoubled, Text: "The record stands at " + wanted.Name + "." + name +
			" instead: the DNS provider appends the zone to what is entered. Enter the name without the zone, or end it with a dot."}},
	}}, DMARC: dnscheck.DMARC{
		Domain: name, Organization: name, Record: "v=DMARC1; p=reject", Policy: "reject",
		DKIM: dnscheck.Alignment{Mode: "relaxed", Text: "no DKIM key is published: see the records"},
		SPF:  dnscheck.Alignment{Mode: "relaxed", Text: "the return path is in mail.example.net, this server's own domain: set a custom MAIL FROM domain"}, Mistakes: []dnscheck.Mistake{},
	}, BIMI: dnscheck.BIMI{Domain: name, Mistakes: []dnscheck.Mistake{}}}, err
}

func (sampleIdentities) CheckNow(_ context.Context, _ scope.Scope, name string) (identity.Identity, error) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return identity.Identity{
		Name: name, Verification: identity.Pending, DKIM: identity.Pending, Check: identity.Check{At: at, Next: at.Add(time.Minute), Error: "HOST_NOT_FOUND"},
	}, nil
}

func (i sampleIdentities) RotateKeys(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error) {
	id, err := i.CheckNow(ctx, sc, name)
	id.Verification, id.DKIM, id.Check.Error = identity.Success, identity.Success, ""
	return id, err
}
