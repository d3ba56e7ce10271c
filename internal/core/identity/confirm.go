// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Confirm verifies an address whose owner has used the link of the verification mail.
// How long a link is good is its giver's matter.
func (s *Identities) Confirm(ctx context.Context, sc scope.Scope, addr string) (Identity, error) {
	return s.change(ctx, sc, addr, func(_ *store.Tx, id *Identity) (refusal, err error) {
		if id.Kind != Address {
			return fault.InField(fault.Invalid, "EmailAddress", "Invalid email address <%s>.", id.Name), nil
		}
		if id.Verification == Success {
			return nil, nil
		}
		now := s.o.Clock()
		id.verify(now)
		id.Check.SucceededAt, id.Check.Next = now, id.next(now, s.o)
		return nil, nil
	})
}

// Resend begins the verification of an identity anew unless it is verified: an address
// gets another mail, unless it got one within mailPause, and another 24 hours (SES:
// resending the verification mail), a domain another 72 hours. It is Throttled where the
// account, or all accounts together, have asked for too many mails, and AccountPaused
// where the operator has paused the account.
func (s *Identities) Resend(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	paused := s.mayAsk(ctx, sc)
	if paused != nil && !fault.Is(paused, fault.AccountPaused) {
		return Identity{}, paused
	}
	return s.change(ctx, sc, name, func(tx *store.Tx, id *Identity) (refusal, err error) {
		if id.Verified() {
			return nil, nil
		}
		if id.Kind == Address && paused != nil {
			return paused, nil
		}
		now := s.o.Clock()
		id.restart(now)
		if id.Kind == Domain {
			if id.DKIM == Failed {
				id.DKIM, id.DKIMInfo.Since = Pending, now
			}
			id.Check.Next = now
			return nil, nil
		}
		id.Check.Next = id.next(now, s.o)
		return s.askAddress(tx, sc, id.Name, now)
	})
}

// restart begins the wait for the identity's own status.
func (i *Identity) restart(now time.Time) {
	i.Verification, i.Check.StatusSince, i.Check.Error, i.unsure.verification = Pending, now, "", time.Time{}
}

// MarkVerified records the operator's word that the identity is the account's own
// (`sesame identity verify`), with DKIM in use. DNS is still looked at, but takes nothing
// of this away.
func (s *Identities) MarkVerified(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	return s.change(ctx, sc, name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		now := s.o.Clock()
		id.Vouched = true
		id.verify(now)
		id.Check.Next = id.next(now, s.o)
		return nil, nil
	})
}
