// SPDX-License-Identifier: Apache-2.0

// Package outgoing puts on a message what it gets at delivery: the DKIM signatures,
// the X-SES-Outgoing field, and for each recipient a return path of its own.
package outgoing

import (
	"context"
	"fmt"
	"net/netip"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/spool"
	"sesame/internal/proto/dkim"
	"sesame/internal/proto/message"
	"sesame/internal/proto/verp"
)

// Signers finds the signers of a sender's mail; none where it goes unsigned.
type Signers interface {
	For(ctx context.Context, sc scope.Scope, a address.Address, configSet string) ([]identity.Signer, error)
}

// MailFroms tells the custom MAIL FROM domain of a sender's mail.
type MailFroms interface {
	MailFrom(ctx context.Context, sc scope.Scope, a address.Address) (identity.MailFrom, error)
}

// Outgoing prepares messages. It is safe for concurrent use.
type Outgoing struct {
	Signers      Signers
	MailFroms    MailFroms
	Clock        clock.Clock
	ReturnDomain address.Domain // of mail without a custom MAIL FROM domain
	MAC          verp.MAC
	SourceIP     netip.Addr
}

// ReturnPath is the envelope sender for recipient n of m, or for all where they share it: in
// the sender's custom MAIL FROM domain while that is set up (SES: custom MAIL FROM set-up
// states), else in ours. Mail that was taken while it was set up is not held back when it no
// longer is.
func (o *Outgoing) ReturnPath(ctx context.Context, m *spool.Message, n int) (address.Address, error) {
	mf, err := o.MailFroms.MailFrom(ctx, m.Owner(), m.Sender)
	if err != nil {
		return address.Address{}, err
	}
	d := o.ReturnDomain
	if mf.Status == identity.Success {
		d = address.Domain(mf.Domain)
	}
	if m.SharedReturnPath {
		n = verp.Whole
	}
	return verp.Encode(m.ID, n, d, o.MAC), nil
}

// Prepare returns the fields that go before m's content. The signatures do not cover
// X-SES-Outgoing, nor each other.
func (o *Outgoing) Prepare(ctx context.Context, m *spool.Message) ([]byte, error) {
	now := o.Clock()
	prefix := fmt.Appendf(nil, "X-SES-Outgoing: %s-%s\r\n", now.UTC().Format("2006.01.02"), o.SourceIP)
	signers, err := o.Signers.For(ctx, m.Owner(), m.Sender, m.ConfigSet)
	if err != nil || len(signers) == 0 {
		return prefix, err
	}
	header, body, err := message.Split(m.Content)
	if err != nil {
		return nil, fmt.Errorf("outgoing: %w", err)
	}
	hash := dkim.BodyHash(body)
	var fields []byte
	for _, s := range signers {
		field, err := dkim.SignHash(header, hash, dkim.Options{Domain: s.Domain, Selector: s.Selector, Key: s.Key, Time: now})
		if err != nil {
			return nil, fmt.Errorf("outgoing: %w", err)
		}
		fields = append(fields, field...)
	}
	return append(fields, prefix...), nil
}
