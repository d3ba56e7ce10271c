// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"slices"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
	"sesame/internal/core/suppression"
)

// Suppressed tells which recipients nothing is sent to.
type Suppressed interface {
	Check(ctx context.Context, sc scope.Scope, p suppression.Policy, recipients []address.Address) ([]suppression.Hit, error)
}

// What is told of suppressed recipients in place of a server's reply, in SES's words.
const (
	onGlobalList  = "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address."
	onAccountList = "Amazon SES did not send the message to this address because it is on the suppression list for your account."
)

// isSettled reports whether nothing is sent to recipient n.
func (d *draft) isSettled(n int) bool {
	return slices.ContainsFunc(d.fates, func(f spool.Fate) bool { return slices.Contains(f.Recipients, n) })
}

// suppression settles the recipients that are on the suppression list that decides. The
// message is accepted all the same, and they count against the quota; those of the global
// list count as bounces too, those of the account's as nothing (SES: suppression lists).
func (i *Intake) suppression(ctx context.Context, d *draft) error {
	if i.o.Suppressed == nil {
		return nil
	}
	hits, err := i.o.Suppressed.Check(ctx, d.Scope, suppression.PolicyOf(d.set), d.recipients)
	if err != nil {
		return err
	}
	for _, h := range hits {
		if !d.isSettled(h.N) {
			d.fates = append(d.fates, fateOf(h))
		}
	}
	return nil
}

// fateOf is what becomes of a suppressed recipient. Who complained before is told of as a
// complaint, everybody else as a bounce (SES: contents of events, complaintSubType).
func fateOf(h suppression.Hit) spool.Fate {
	const onList = "OnAccountSuppressionList"
	f := spool.Fate{
		Recipients: []int{h.N}, State: spool.Suppressed, Cause: "suppressed", Reason: h.Entry.Why(), Event: event.Bounce,
		Detail: event.Detail{BounceType: "Permanent", BounceSubType: onList, Cause: "suppressed", Enhanced: "5.1.1", Reply: onAccountList},
	}
	switch {
	case h.Entry.List == suppression.GlobalList:
		f.Detail.BounceSubType, f.Detail.Reply, f.Counter = "Suppressed", onGlobalList, spool.BounceCounter
	case h.Entry.Reason == suppression.Complaint:
		f.Event, f.Detail = event.Complaint, event.Detail{ComplaintSubType: onList, Cause: "suppressed", Reply: onAccountList}
	}
	return f
}
