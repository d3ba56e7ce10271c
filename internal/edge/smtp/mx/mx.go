// SPDX-License-Identifier: Apache-2.0

// Package mx is the mail exchanger: it takes mail to the service itself, by which recipients
// unsubscribe, and in dev mode mail for everybody, which it delivers into the built-in
// mailbox. It adds the trace fields of final delivery and changes nothing else of a message.
package mx

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/contact"
	"sesame/internal/core/mailbox"
	"sesame/internal/proto/smtpserver"
)

// Mailbox takes what was received. When Deliver returns nil the message is durable.
type Mailbox interface {
	Deliver(ctx context.Context, e mailbox.Envelope, message []byte) (id string, err error)
}

// Leavers are the recipients of mailing lists that leave by mail.
type Leavers interface {
	// TokenOf returns the token of an address that mail unsubscribes at.
	TokenOf(a address.Address) (token string, ok bool)
	// Look and Unsubscribe fail with contact.ErrBroken where the token is none of ours, and
	// with contact.ErrGone where there is nothing to unsubscribe from.
	Look(ctx context.Context, token string) (contact.Subscription, error)
	Unsubscribe(ctx context.Context, token string) (contact.Subscription, error)
}

// Options configure a Backend.
type Options struct {
	Mailbox  Mailbox // nil: nobody has one
	Leavers  Leavers
	Clock    clock.Clock
	Hostname string // in Received fields

	// Unknown is the answer to recipients that are nobody here.
	Unknown smtpserver.Reply
}

// Backend makes the sessions of one listener. It is safe for concurrent use.
type Backend struct {
	o        Options
	hostname address.Domain
}

var _ smtpserver.Backend = (*Backend)(nil)

// NoMailbox is the usual answer to recipients that are nobody here (RFC 5321 §3.3).
var NoMailbox = smtpserver.Reply{Code: 550, Enhanced: "5.1.1", Text: "No such recipient here"}

// New returns a Backend.
func New(o Options) *Backend {
	return &Backend{o: o, hostname: address.Domain(strings.ToLower(o.Hostname))}
}

// NewSession implements smtpserver.Backend.
func (b *Backend) NewSession(_ context.Context, info smtpserver.ConnInfo) (smtpserver.Session, error) {
	s := &session{Backend: b, info: info}
	if remote, err := netip.ParseAddrPort(info.Remote.String()); err == nil {
		s.remote = remote.Addr().Unmap().WithZone("")
	}
	return s, nil
}

// session is one client's dialogue.
type session struct {
	*Backend
	info   smtpserver.ConnInfo
	remote netip.Addr

	from       address.Address
	recipients []address.Address
	leaving    []string // tokens
}

// Auth implements smtpserver.Session. Nobody has a password here.
func (s *session) Auth(context.Context, string, string) error { return smtpserver.ErrCredentials }

// Mail implements smtpserver.Session.
func (s *session) Mail(_ context.Context, from address.Address, _ smtpserver.MailParams) error {
	s.from = from
	return nil
}

// Rcpt implements smtpserver.Session. Who has a link that is ours may leave; in dev
// everybody else has a mailbox. The engine bounds how many there are.
func (s *session) Rcpt(ctx context.Context, to address.Address) error {
	if to.Domain == "" { // RFC 5321 §4.1.1.3: <Postmaster> is the one of this host
		to.Domain = s.hostname
	}
	if token, ok := s.o.Leavers.TokenOf(to); ok {
		_, err := s.o.Leavers.Look(ctx, token)
		if errors.Is(err, contact.ErrBroken) {
			return NoMailbox
		}
		if err != nil && !errors.Is(err, contact.ErrGone) {
			return err
		}
		s.leaving = append(s.leaving, token)
		return nil
	}
	if s.o.Mailbox == nil {
		return s.o.Unknown
	}
	s.recipients = append(s.recipients, to)
	return nil
}

// Data implements smtpserver.Session. Whatever it says, mail to an address that
// unsubscribes does so before it is answered. A client that reads of a failure sends it
// again, which does no harm.
func (s *session) Data(ctx context.Context, message []byte) (string, error) {
	for _, token := range s.leaving {
		if _, err := s.o.Leavers.Unsubscribe(ctx, token); err != nil && !errors.Is(err, contact.ErrGone) {
			return "", err
		}
	}
	if len(s.recipients) == 0 {
		return "", nil
	}
	e := mailbox.Envelope{From: s.from, To: s.recipients, RemoteIP: s.remote}
	if s.info.TLS != nil {
		e.TLS = tls.VersionName(s.info.TLS.Version)
	}
	id, err := s.o.Mailbox.Deliver(ctx, e, s.traced(message))
	switch {
	case fault.Is(err, fault.Unavailable):
		return "", smtpserver.ErrNoRoom
	case err != nil:
		return "", err
	}
	return "Ok " + id, nil
}

// Reset implements smtpserver.Session.
func (s *session) Reset() { s.from, s.recipients, s.leaving = address.Address{}, nil, nil }

// Close implements smtpserver.Session.
func (s *session) Close() {}

// traced is the message with the fields of final delivery (RFC 5321 §4.4) before it.
func (s *session) traced(message []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(message) + 512)
	b.WriteString("Return-Path: <" + s.from.String() + ">\r\n")
	b.WriteString("Received: from " + s.info.Hello + " (" + s.literal() + ")\r\n")
	b.WriteString("\tby " + string(s.hostname) + " with " + s.protocol() + " id " + s.info.ID)
	if len(s.recipients) == 1 { // more would show blind copies to each other (RFC 5321 §7.2)
		b.WriteString("\r\n\tfor <" + s.recipients[0].String() + ">")
	}
	b.WriteString(";\r\n\t" + s.o.Clock().UTC().Format(time.RFC1123Z) + "\r\n")
	if !beginsWithField(message) {
		b.WriteString("\r\n") // or else its first lines would be taken for fields
	}
	b.Write(message)
	return b.Bytes()
}

// literal is the client's address literal (RFC 5321 §4.1.3).
func (s *session) literal() string {
	switch {
	case !s.remote.IsValid():
		return "unknown"
	case s.remote.Is4():
		return "[" + s.remote.String() + "]"
	}
	return "[IPv6:" + s.remote.String() + "]"
}

// protocol is the session's kind as RFC 3848 names it.
func (s *session) protocol() string {
	switch {
	case s.info.TLS != nil:
		return "ESMTPS"
	case s.info.ESMTP:
		return "ESMTP"
	}
	return "SMTP"
}

// beginsWithField reports whether fields may be put before the message as it is: it
// has a header section, or the empty line that ends one.
func beginsWithField(message []byte) bool {
	line, _, _ := bytes.Cut(message, []byte("\n"))
	if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
		return len(message) > 0
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return false
	}
	for _, c := range bytes.TrimRight(line[:colon], " \t") { // RFC 5322 §3.6.8, §4.5
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return line[0] != ' ' && line[0] != '\t'
}
