// SPDX-License-Identifier: Apache-2.0

// Package submission is SES's SMTP interface: authenticated sessions under TLS whose
// messages go to the same intake as the API's.
package submission

import (
	"context"
	"errors"
	"net"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/intake"
	"sesame/internal/proto/smtpserver"
)

// Authenticator checks SMTP credentials; account.ErrNoKey is its answer to wrong
// ones.
type Authenticator interface {
	SMTP(ctx context.Context, user, password, region string) (account.Principal, error)
}

// Keys knows whether what somebody logged in with is still good; account.ErrNoKey is its
// answer if it is gone or disabled.
type Keys interface {
	Check(ctx context.Context, who account.Principal) error
}

// Intake accepts messages.
type Intake interface {
	Accept(ctx context.Context, s intake.Submission) (id string, err error)
}

// Backend makes the sessions of one SMTP endpoint, which stands for one region.
type Backend struct {
	Auth   Authenticator
	Intake Intake
	Region string

	// Keys is asked before each message whether the session's key is still active: a
	// session lasts long enough to outlive it. Nil: a key that was good stays good for
	// its session.
	Keys Keys
}

var _ smtpserver.Backend = (*Backend)(nil)

// NewSession implements smtpserver.Backend.
func (b *Backend) NewSession(_ context.Context, info smtpserver.ConnInfo) (smtpserver.Session, error) {
	ip, _, err := net.SplitHostPort(info.Remote.String())
	if err != nil {
		ip = info.Remote.String()
	}
	return &session{b: b, ip: ip, secure: info.TLS != nil}, nil
}

// session is one client's dialogue.
type session struct {
	b          *Backend
	ip         string
	secure     bool
	who        account.Principal
	from       address.Address
	recipients []address.Address
}

// Auth implements smtpserver.Session.
func (s *session) Auth(ctx context.Context, user, password string) error {
	who, err := s.b.Auth.SMTP(ctx, user, password, s.b.Region)
	if errors.Is(err, account.ErrNoKey) {
		return smtpserver.ErrCredentials
	}
	if err != nil {
		return err
	}
	s.who = who
	return nil
}

// Mail implements smtpserver.Session. Mail from the null reverse-path has nobody
// whose identity could be checked.
func (s *session) Mail(_ context.Context, from address.Address, _ smtpserver.MailParams) error {
	if from.IsZero() {
		return smtpserver.Reply{Code: 553, Enhanced: "5.1.7", Text: "<> Invalid email address"}
	}
	s.from = from
	return nil
}

// Rcpt implements smtpserver.Session. Who may be written to is decided when the
// message is there, as SES does.
func (s *session) Rcpt(_ context.Context, to address.Address) error {
	if to.Domain == "" {
		return smtpserver.Reply{Code: 553, Enhanced: "5.1.3", Text: "<" + to.Local + "> address unknown"}
	}
	s.recipients = append(s.recipients, to)
	return nil
}

// Data implements smtpserver.Session. The key may have gone since AUTH: then nothing
// of this session is accepted any more.
func (s *session) Data(ctx context.Context, message []byte) (string, error) {
	if s.b.Keys != nil {
		switch err := s.b.Keys.Check(ctx, s.who); {
		case errors.Is(err, account.ErrNoKey):
			return "", smtpserver.ErrCredentials
		case err != nil:
			return "", refusal(err)
		}
	}
	id, err := s.b.Intake.Accept(ctx, intake.Submission{
		Scope: scope.Scope{Account: s.who.Account, Region: s.b.Region}, Principal: s.who, Operation: "SMTP", SourceIP: s.ip,
		Action: "ses:SendRawEmail", APIVersion: "2", Secure: s.secure,
		Raw: message, Source: s.from, Recipients: s.recipients, HeaderOptional: true,
	})
	if err != nil {
		return "", refusal(err)
	}
	return "Ok " + id, nil
}

// Reset implements smtpserver.Session.
func (s *session) Reset() { s.from, s.recipients = address.Address{}, nil }

// Close implements smtpserver.Session.
func (s *session) Close() {}

// refusal is the reply for an error of the intake (SES: SMTP response codes). What
// it does not know the engine logs and answers with 451.
func refusal(err error) error {
	text := fault.PeerText(err)
	switch fault.KindOf(err) {
	case fault.Rejected, fault.AccountPaused:
		return smtpserver.Reply{Code: 554, Enhanced: "5.7.1", Text: "Message rejected: " + text}
	case fault.Throttled:
		return smtpserver.Reply{Code: 454, Enhanced: "4.7.0", Text: "Throttling failure: " + strings.TrimSuffix(text, ".")}
	case fault.AccessDenied:
		return smtpserver.Reply{Code: 554, Enhanced: "5.7.1", Text: "Access denied: " + text}
	case fault.TooLarge:
		return smtpserver.ErrTooLong
	case fault.Unavailable:
		return smtpserver.ErrNotReceived
	case fault.Internal:
		return err
	}
	return smtpserver.Reply{Code: 554, Enhanced: "5.6.0", Text: "Transaction failed: " + text}
}
