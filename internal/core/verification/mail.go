// SPDX-License-Identifier: Apache-2.0

package verification

import (
	"context"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/intake"
	"sesame/internal/proto/message"
)

// Intake accepts messages.
type Intake interface {
	AcceptFormatted(ctx context.Context, s intake.Submission, f intake.Formatted) (id string, err error)
}

// Sandbox tells whether an account is out of the sandbox in a region.
type Sandbox interface {
	ProductionAccess(ctx context.Context, sc scope.Scope) (bool, error)
}

// Mails bounds how many verification mails are sent.
type Mails interface {
	CountCustomMail(ctx context.Context, sc scope.Scope) error
}

// Mailer sends custom verification mails. It is safe for concurrent use.
type Mailer struct {
	Templates *Templates
	Links     *Links
	Intake    Intake
	Sandbox   Sandbox
	Mails     Mails
}

// Send sends a mail after a template to the address that is to be verified, as mail of
// the account like any other, and returns its id. s is the submission of the door,
// without content and recipients. Beside the quotas of other mail it is held to those of
// verification mails, which count it though it is refused afterwards. No identity is made until the link is followed.
func (m *Mailer) Send(ctx context.Context, s intake.Submission, to, template string) (id string, err error) {
	if strings.TrimSpace(to) == "" {
		return "", fault.InField(fault.Invalid, "EmailAddress", "Email address not specified.")
	}
	a, err := address.Parse(to)
	if err != nil || strings.HasPrefix(string(a.Domain), "[") {
		return "", fault.InField(fault.Invalid, "EmailAddress", "Invalid email address<%s>.", safe(to))
	}
	granted, err := m.Sandbox.ProductionAccess(ctx, s.Scope)
	if err != nil {
		return "", err
	}
	if !granted {
		return "", because(ErrNoProductionAccess, fault.New(fault.Invalid, "The account has not been granted production access."))
	}
	t, err := m.Templates.Get(ctx, s.Scope, template)
	if err != nil {
		return "", err
	}
	if err := m.Templates.checkFrom(ctx, s.Scope, t.From); err != nil {
		if fault.Is(err, fault.NotFound) {
			return "", because(ErrFromNotVerified, fault.InField(fault.NotFound, "FromEmailAddress",
				"Email address is not verified. The following identities failed the check in region %s: %s", strings.ToUpper(s.Scope.Region), t.From))
		}
		return "", err
	}
	link, err := m.Links.URL(s.Scope, a.String(), t.Name)
	if err != nil {
		return "", fault.Wrap("verification.Send", err)
	}
	content, err := m.Templates.render.render(t.Content, link)
	if err != nil {
		return "", fault.Wrap("verification.Send", err) // it was found fit when it was stored
	}
	if err := m.Mails.CountCustomMail(ctx, s.Scope); err != nil {
		return "", err
	}
	s.Untracked = true
	s.MaxBytes = intake.MaxBytesV2 // a template at its bound is longer in a mail
	return m.Intake.AcceptFormatted(ctx, s, intake.Formatted{
		From: t.From, To: []string{a.String()}, Subject: message.Content{Data: t.Subject},
		Text: &message.Content{Data: content.Text}, HTML: &message.Content{Data: content.HTML}, Files: content.Images,
	})
}
