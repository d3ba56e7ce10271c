// SPDX-License-Identifier: Apache-2.0

// Package quota enforces the sending quotas of an account in a region (SES: managing
// sending limits): recipients in a rolling 24 hours, recipients a second with short
// bursts, and the bandwidth of large messages. The 24-hour count is kept by minute in
// the database's counters, in the commit that accepts a message.
//
// A node that has its database for itself keeps the sums in memory. Nodes that share a
// database each take a slice of the quotas there ahead of use, so that most messages
// cost no round trip; what they hold together with what was sent never exceeds the
// quota, and the slice of a node that has died comes free after holdFor.
//
// The package holds the throttle of API calls and the policy that raises and lowers
// quotas by reputation, too.
package quota

import (
	"context"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/store"
)

// Names of the counters of accepted recipients: all, and those of them at the mailbox
// simulator, which the 24-hour quota leaves out.
const (
	Counter   = "sent"
	Simulated = "simulated"
)

// SimulatorDomain is the domain of the mailbox simulator. Mail to it does not use up
// the 24-hour quota, and its addresses need no verification in the sandbox.
const SimulatorDomain address.Domain = "simulator.amazonses.com"

// ToSimulator counts the recipients at the mailbox simulator.
func ToSimulator(recipients []address.Address) int {
	n := 0
	for _, r := range recipients {
		if r.Domain == SimulatorDomain {
			n++
		}
	}
	return n
}

const (
	burst = 2 // seconds' worth of the rate that may go at once

	// Messages above large are held to bandwidth, in bytes a second for an account in a
	// region (SES: service quotas, message quotas).
	large     = 10 << 20
	bandwidth = 40 << 20

	// Sends that wait at once on this node, those of one account in a region, and how large
	// their messages are together.
	maxWaiting         = 1000
	maxWaitingOne      = 100
	maxWaitingBytes    = 256 << 20
	maxWaitingBytesOne = 64 << 20
)

// Texts of the refusals.
const (
	dailyText = "Daily message quota exceeded."
	rateText  = "Maximum sending rate exceeded."
)

// Limits are the quotas of an account in a region. 0 means none.
type Limits struct {
	Daily float64 // recipients in 24 hours
	Rate  float64 // recipients a second
}

// sandboxLimits are the quotas of every account in the sandbox.
var sandboxLimits = Limits{Daily: 200, Rate: 1}

// Load is what a message takes of the quotas.
type Load struct {
	Recipients int  // all
	Simulated  int  // of them at the mailbox simulator
	Bytes      int  // of the message
	Delay      bool // rather wait for room than be refused
}

// counted is how many recipients the 24-hour quota counts.
func (l Load) counted() int64 { return int64(l.Recipients - l.Simulated) }

// Hold is what Reserve took.
type Hold struct {
	load   Load
	minute int64 // of the 24-hour count
	from   ledger
	use    any // of the ledger: where it was taken
}

// Accounts tells what is particular to an account.
type Accounts interface {
	Details(ctx context.Context, sc scope.Scope) (account.Details, error)
}

// Options configure Quotas.
type Options struct {
	DB       *store.DB
	Clock    clock.Clock
	Accounts Accounts // nil: all have the Default
	Default  Limits   // of accounts without quotas of their own
	Shared   bool     // other nodes use the database at the same time
	Node     string   // names this node and its start among them
	MaxDelay time.Duration

	// Sleep waits; nil is a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// ledger keeps what was taken.
type ledger interface {
	// take takes load, or says what is short. It may promise what will be there within
	// patience.
	take(ctx context.Context, sc scope.Scope, c claim) (verdict, error)
	// settle ends a hold: accepted ones stay counted.
	settle(h Hold, accepted bool)
	sent(ctx context.Context, sc scope.Scope) (int64, error)
	close(ctx context.Context) error
}

// claim is what take is asked for.
type claim struct {
	Load
	limits   Limits
	patience time.Duration
}

// verdict is the answer of take. If text is "", the load was taken, and goes after wait.
// Else text is the refusal, and it may be worth while to ask again after wait, if that
// is not 0.
type verdict struct {
	hold Hold
	text string
	wait time.Duration
}

// Quotas enforces Limits. It is safe for concurrent use.
type Quotas struct {
	o       Options
	ledger  ledger
	waiting waiting
}

// New returns quotas.
func New(o Options) *Quotas {
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	q := &Quotas{o: o}
	if o.Shared {
		q.ledger = newShared(o)
	} else {
		q.ledger = newLocal(o)
	}
	return q
}

// Limits returns the quotas of sc: those of the sandbox, the account's own, or the
// default.
func (q *Quotas) Limits(ctx context.Context, sc scope.Scope) (Limits, error) {
	l := q.o.Default
	if q.o.Accounts == nil {
		return l, nil
	}
	d, err := q.o.Accounts.Details(ctx, sc)
	if err != nil {
		return Limits{}, err
	}
	return LimitsOf(d, l), nil
}

// LimitsOf are the quotas of an account with these details, where def is the server's
// default.
func LimitsOf(d account.Details, def Limits) Limits {
	if d.Sandbox {
		return sandboxLimits
	}
	if d.Limits.Daily != account.ServerDefault {
		def.Daily = d.Limits.Daily
	}
	if d.Limits.Rate != account.ServerDefault {
		def.Rate = d.Limits.Rate
	}
	return def
}

// Reserve takes load from the quotas, or returns Throttled with SES's text and takes
// nothing. A load with Delay may wait up to MaxDelay, and is refused earlier if too many
// wait already or ctx ends. Each Hold must be settled once.
func (q *Quotas) Reserve(ctx context.Context, sc scope.Scope, load Load) (Hold, error) {
	limits, err := q.Limits(ctx, sc)
	if err != nil {
		return Hold{}, err
	}
	c := claim{Load: load, limits: limits}
	if load.Delay && q.o.MaxDelay > 0 {
		return q.patient(ctx, sc, c)
	}
	v, err := q.ledger.take(ctx, sc, c)
	if err != nil {
		return Hold{}, err
	}
	if v.text != "" {
		return Hold{}, fault.New(fault.Throttled, "%s", v.text)
	}
	return v.hold, nil
}

// IsDaily reports whether a refusal of Reserve is for the daily quota, not for the rate.
func IsDaily(err error) bool {
	return fault.Is(err, fault.Throttled) && fault.PeerText(err) == dailyText
}

// Settle ends a hold. What was not accepted is given back.
func (q *Quotas) Settle(h Hold, accepted bool) {
	if h.from != nil {
		h.from.settle(h, accepted)
	}
}

// Sent is the number of recipients of the last 24 hours, without those at the mailbox
// simulator.
func (q *Quotas) Sent(ctx context.Context, sc scope.Scope) (int64, error) {
	return q.ledger.sent(ctx, sc)
}

// Close hands back what this node holds and has not used.
func (q *Quotas) Close(ctx context.Context) error { return q.ledger.close(ctx) }

// noRate is what the APIs report for an account without a rate: clients divide by it.
const noRate = 1_000_000

// Report is the quotas and their use as GetSendQuota and GetAccount tell them.
type Report struct {
	Daily float64 // -1 is no limit
	Rate  float64
	Sent  float64 // recipients of the last 24 hours
}

// Reported is what the APIs tell of the quotas, where so many were sent.
func (l Limits) Reported(sent int64) Report {
	r := Report{l.Daily, l.Rate, float64(sent)}
	if r.Daily == 0 {
		r.Daily = -1
	}
	if r.Rate == 0 {
		r.Rate = noRate
	}
	return r
}

// Report tells the quotas of sc and their use.
func (q *Quotas) Report(ctx context.Context, sc scope.Scope) (Report, error) {
	sent, err := q.Sent(ctx, sc)
	if err != nil {
		return Report{}, err
	}
	limits, err := q.Limits(ctx, sc)
	if err != nil {
		return Report{}, err
	}
	return limits.Reported(sent), nil
}
