// SPDX-License-Identifier: Apache-2.0

package mx_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"net/smtp"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/contact"
	"sesame/internal/core/mailbox"
	"sesame/internal/core/store"
	"sesame/internal/edge/smtp/mx"
	"sesame/internal/proto/smtpserver"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// taken is what a fake mailbox was given.
type taken struct {
	envelope mailbox.Envelope
	message  string
}

type fakeBox struct {
	err  error
	mail []taken
}

func (b *fakeBox) Deliver(_ context.Context, e mailbox.Envelope, message []byte) (string, error) {
	if b.err != nil {
		return "", b.err
	}
	e.To = append([]address.Address(nil), e.To...)
	b.mail = append(b.mail, taken{e, string(message)})
	return "17", nil
}

// leavers have links with the tokens good, gone and failing; any other is none.
type leavers struct{ left *[]string }

func (leavers) TokenOf(a address.Address) (string, bool) {
	token, ok := strings.CutPrefix(a.Local, "unsubscribe-")
	return token, ok && a.Domain == "ses.example.net"
}

func (leavers) Look(_ context.Context, token string) (s contact.Subscription, err error) {
	switch token {
	case "good", "failing":
		return s, nil
	case "gone":
		return s, contact.ErrGone
	case "unreadable":
		return s, errors.ErrUnsupported
	}
	return s, contact.ErrBroken
}

func (l leavers) Unsubscribe(ctx context.Context, token string) (contact.Subscription, error) {
	if token == "failing" {
		return contact.Subscription{}, errors.ErrUnsupported
	}
	*l.left = append(*l.left, token)
	return l.Look(ctx, token)
}

func session(t *testing.T, box mx.Mailbox, info smtpserver.ConnInfo) smtpserver.Session {
	t.Helper()
	if info.Remote == nil {
		info.Remote = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25000}
	}
	info.ID, info.Hello = "CONN1", "client.test"
	s, err := mx.New(mx.Options{Mailbox: box, Leavers: leavers{}, Clock: clock.NewFake(start).Now, Hostname: "MX.example.com"}).NewSession(t.Context(), info)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// send runs one transaction and returns the reply's text.
func send(t *testing.T, s smtpserver.Session, from address.Address, to []address.Address, message string) (string, error) {
	t.Helper()
	if err := s.Mail(t.Context(), from, smtpserver.MailParams{}); err != nil {
		t.Fatal(err)
	}
	for _, a := range to {
		if err := s.Rcpt(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	defer s.Reset()
	return s.Data(t.Context(), []byte(message))
}

var (
	alice = address.Address{Local: "alice", Domain: "example.org"}
	bob   = address.Address{Local: "bob", Domain: "example.net"}
	carol = address.Address{Local: "carol", Domain: "example.net"}
)

const date = ";\r\n\tSun, 01 Mar 2026 12:00:00 +0000\r\n"

func TestTraceFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		info    smtpserver.ConnInfo
		from    address.Address
		to      []address.Address
		message string
		want    string
	}{
		{
			"one recipient is named", smtpserver.ConnInfo{ESMTP: true}, alice, []address.Address{bob}, "Subject: x\r\n\r\ny",
			"Return-Path: <alice@example.org>\r\nReceived: from client.test ([192.0.2.1])\r\n\tby mx.example.com with ESMTP id CONN1\r\n\tfor <bob@example.net>" + date + "Subject: x\r\n\r\ny",
		},
		{
			"several are not", smtpserver.ConnInfo{ESMTP: true, TLS: &tls.ConnectionState{Version: tls.VersionTLS13}}, address.Address{}, []address.Address{bob, carol}, "\r\ny",
			"Return-Path: <>\r\nReceived: from client.test ([192.0.2.1])\r\n\tby mx.example.com with ESMTPS id CONN1" + date + "\r\ny",
		},
		{
			"HELO over IPv6, no header section", smtpserver.ConnInfo{Remote: &net.TCPAddr{IP: net.IPv6loopback, Port: 1}}, alice, []address.Address{bob, carol}, "y: z y\r\n",
			"Return-Path: <alice@example.org>\r\nReceived: from client.test ([IPv6:::1])\r\n\tby mx.example.com with SMTP id CONN1" + date + "y: z y\r\n",
		},
		{
			"text at once", smtpserver.ConnInfo{}, alice, []address.Address{bob, carol}, " text: a",
			"Return-Path: <alice@example.org>\r\nReceived: from client.test ([192.0.2.1])\r\n\tby mx.example.com with SMTP id CONN1" + date + "\r\n text: a",
		},
		{
			"nothing", smtpserver.ConnInfo{}, alice, []address.Address{bob, carol}, "",
			"Return-Path: <alice@example.org>\r\nReceived: from client.test ([192.0.2.1])\r\n\tby mx.example.com with SMTP id CONN1" + date + "\r\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			box := &fakeBox{}
			text, err := send(t, session(t, box, c.info), c.from, c.to, c.message)
			if err != nil || text != "Ok 17" {
				t.Fatalf("%q, %v", text, err)
			}
			if got := box.mail[0].message; got != c.want {
				t.Errorf("stored\n%q, want\n%q", got, c.want)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	box := &fakeBox{}
	s := session(t, box, smtpserver.ConnInfo{
		TLS: &tls.ConnectionState{Version: tls.VersionTLS12}, Remote: &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.7"), Port: 1},
	})
	if _, err := send(t, s, alice, []address.Address{bob, {Local: "Postmaster"}}, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := send(t, s, address.Address{}, []address.Address{carol}, "x"); err != nil {
		t.Fatal(err)
	}
	want := mailbox.Envelope{
		From: alice, To: []address.Address{bob, {Local: "Postmaster", Domain: "mx.example.com"}},
		RemoteIP: netip.MustParseAddr("192.0.2.7"), TLS: "TLS 1.2",
	}
	if got := box.mail[0].envelope; !reflect.DeepEqual(got, want) {
		t.Errorf("first %+v, want %+v", got, want)
	}
	want.From, want.To = address.Address{}, []address.Address{carol}
	if got := box.mail[1].envelope; !reflect.DeepEqual(got, want) {
		t.Errorf("second %+v, want %+v", got, want)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"a full disk", fault.New(fault.Unavailable, "full"), smtpserver.ErrNoRoom},
		{"any other is the engine's to answer", errors.ErrUnsupported, errors.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := send(t, session(t, &fakeBox{err: c.err}, smtpserver.ConnInfo{}), alice, []address.Address{bob}, "x")
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	if err := session(t, &fakeBox{}, smtpserver.ConnInfo{}).Auth(t.Context(), "u", "p"); !errors.Is(err, smtpserver.ErrCredentials) {
		t.Errorf("AUTH: %v", err)
	}
}

// TestOverSMTP sends with the standard library's client to the real engine and reads
// the real mailbox.
func TestOverSMTP(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	box, err := mailbox.New(mailbox.Options{DB: db, Clock: clock.System, Account: "123456789012", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	server, err := smtpserver.NewServer(smtpserver.Config{Hostname: "mx.test", Greeting: "Sesame"}, mx.New(mx.Options{Mailbox: box, Leavers: leavers{}, Clock: clock.System, Hostname: "mx.test"}))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()

	// Lines longer than a buffer and leading dots come through as they are.
	message := "Subject: hi\r\n\r\n.dot\r\n..two\r\n" + strings.Repeat("x", 900) + "\r\n"
	if err := smtp.SendMail(l.Addr().String(), nil, "alice@example.org", []string{"bob@example.net", "carol@example.net"}, []byte(message)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := box.Wait(ctx, mailbox.Query{To: "carol@example.net", Subject: "HI"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := box.Raw(ctx, got.ID)
	if err != nil || !bytes.HasSuffix(raw, []byte(message)) || !bytes.HasPrefix(raw, []byte("Return-Path: <alice@example.org>\r\n")) {
		t.Errorf("source %q, %v", raw, err)
	}
	if want := []address.Address{bob, carol}; !reflect.DeepEqual(got.Envelope.To, want) || got.Envelope.RemoteIP.String() != "127.0.0.1" {
		t.Errorf("envelope %+v", got.Envelope)
	}
	if err := server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, smtpserver.ErrServerClosed) {
		t.Error(err)
	}
}

func leave(token string) address.Address {
	return address.Address{Local: "unsubscribe-" + token, Domain: "ses.example.net"}
}

// TestWhoLeavesByMail has left when the client reads 250; with a mailbox for everybody, or
// without one.
func TestWhoLeavesByMail(t *testing.T) {
	t.Parallel()
	authenticate := smtpserver.ErrAuthRequired
	for _, c := range []struct {
		name  string
		to    []address.Address
		inDev bool
		rcpt  error // of the last recipient
		data  error
		left  []string
		mails int
	}{
		{name: "one", to: []address.Address{leave("good")}, left: []string{"good"}},
		{name: "in dev it is no mail for the mailbox", to: []address.Address{leave("good")}, inDev: true, left: []string{"good"}},
		{name: "that of another recipient is", to: []address.Address{leave("good"), bob}, inDev: true, left: []string{"good"}, mails: 1},
		{name: "who is gone is content", to: []address.Address{leave("gone")}, left: []string{"gone"}},
		{name: "a link that is none of ours", to: []address.Address{leave("forged")}, rcpt: mx.NoMailbox},
		{name: "nor in dev", to: []address.Address{leave("forged")}, inDev: true, rcpt: mx.NoMailbox},
		{name: "somebody else", to: []address.Address{bob}, rcpt: authenticate},
		{name: "a database that fails", to: []address.Address{leave("unreadable")}, rcpt: errors.ErrUnsupported},
		{name: "or later", to: []address.Address{bob, leave("failing")}, inDev: true, data: errors.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var left []string
			box := &fakeBox{}
			o := mx.Options{Leavers: leavers{&left}, Clock: clock.NewFake(start).Now, Hostname: "mx.test", Unknown: authenticate}
			if c.inDev {
				o.Mailbox = box
			}
			s, err := mx.New(o).NewSession(t.Context(), smtpserver.ConnInfo{Remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Mail(t.Context(), alice, smtpserver.MailParams{}); err != nil {
				t.Fatal(err)
			}
			for _, a := range c.to {
				err = s.Rcpt(t.Context(), a)
			}
			if !errors.Is(err, c.rcpt) {
				t.Fatalf("RCPT: %v", err)
			}
			if err == nil {
				if _, err := s.Data(t.Context(), []byte("x")); !errors.Is(err, c.data) {
					t.Errorf("DATA: %v", err)
				}
			}
			s.Reset()
			if !reflect.DeepEqual(left, c.left) || len(box.mail) != c.mails {
				t.Errorf("%q left, %d mails", left, len(box.mail))
			}
		})
	}
}
