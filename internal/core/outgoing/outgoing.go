// SPDX-License-Identifier: Apache-2.0

// Package outgoing puts on a message what it gets at delivery: the DKIM signature,
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

// Signers finds the signer for a domain; ok is false where mail goes unsigned.
type Signers interface {
	ForDomain(ctx context.Context, sc scope.Scope, d address.Domain) (s identity.Signer, ok bool, err error)
}

// Outgoing prepares messages. It is safe for concurrent use.
type Outgoing struct {
	Signers      Signers
	Clock        clock.Clock
	ReturnDomain address.Domain
	MAC          verp.MAC
	SourceIP     netip.Addr
}

// ReturnPath is the envelope sender for recipient n of m.
func (o *Outgoing) ReturnPath(m *spool.Message, n int) address.Address {
	return verp.Encode(m.ID, n, o.ReturnDomain, o.MAC)
}

// Prepare returns the fields that go before m's content. The signature does not
// cover X-SES-Outgoing.
func (o *Outgoing) Prepare(ctx context.Context, m *spool.Message) ([]byte, error) {
	now := o.Clock()
	prefix := fmt.Appendf(nil, "X-SES-Outgoing: %s-%s\r\n", now.UTC().Format("2006.01.02"), o.SourceIP)
	signer, ok, err := o.Signers.ForDomain(ctx, m.Owner(), m.Sender.Domain)
	if err != nil || !ok {
		return prefix, err
	}
	header, body, err := message.Split(m.Content)
	if err != nil {
		return nil, fmt.Errorf("outgoing: %w", err)
	}
	signature, err := dkim.Sign(header, body, dkim.Options{Domain: signer.Domain, Selector: signer.Selector, Key: signer.Key, Time: now})
	if err != nil {
		return nil, fmt.Errorf("outgoing: %w", err)
	}
	return append(signature, prefix...), nil
}
