// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/delivery"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/proto/smtpclient"
)

// Reasons for a recipient's next time, or for having none.
const (
	reasonDelivered = "delivered"
	reasonRefused   = "refused for good"
	reasonDeferred  = "temporary failure, tried again later"
	reasonNoRoom    = "more recipients than the peer takes at once, tried again at once"
	reasonExpired   = "temporary failure, message too old"
	reasonSilent    = "the destination does not answer, message too old"
	reasonTooLate   = "the configuration set's maximum delivery time is over"
	reasonPrepare   = "could not be prepared on this node"
	reasonUnchecked = "the content scanner does not answer, tried again later"
	reasonPanic     = "an error of this program, tried again later"
	reasonStopped   = "the server stopped during the attempt"
)

// Causes of attempts that did not get as far as the network.
const (
	causePrepare   = "prepare"
	causePanic     = "panic"
	causeUnchecked = "scan"
	causeNotTried  = "not-tried"
)

// lateness is how long after the end of its terms a message is still tried: its turn comes
// a little after it was due.
const lateness = time.Minute

// The waits between tries to record something while the database does not answer double
// from the first to the last. The lease bounds them: after it somebody else tries the
// recipient.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 5 * time.Second
)

// How often the database may refuse an outcome before it is recorded without its detail,
// and before it is recorded without what is written beside it: a recipient whose bounce can't
// be put on a suppression list is not to be tried for ever.
const (
	wholeTries = 3
	sideTries  = 6
)

// attempt tries one entry and settles it.
func (d *Dispatcher) attempt(r *run) {
	defer d.wg.Done()
	defer d.end(r)
	defer d.survive(r.entry)
	now := d.o.Clock()
	if d.late(r.entry, now) {
		d.giveBackPatiently(r.entries)
		return
	}
	var err error
	if r.terms, err = d.terms(r.entry.Message); err != nil {
		d.o.Log.Error("the terms of a message can't be read", "message", r.entry.Message.ID, "error", err)
		d.settleAll(r, d.failed(r, now, reasonPrepare))
		return
	}
	switch age := now.Sub(r.entry.Message.AcceptedAt); {
	case r.terms.MaxAge > 0 && age > r.terms.MaxAge+lateness:
		d.settleAll(r, notTried(r, now, reasonTooLate))
		return
	case r.trust == silent && age > d.o.MaxAge:
		// A long queue for a dead destination would outlive every bound at one attempt
		// at a time.
		d.settleAll(r, notTried(r, now, reasonSilent))
		return
	}
	all, v := d.try(r)
	d.judge(r, v)
	d.settleAll(r, all)
}

// terms are those of a message.
func (d *Dispatcher) terms(m *spool.Message) (Terms, error) {
	if d.o.Terms == nil {
		return Terms{}, nil
	}
	ctx, cancel := context.WithTimeout(d.ctx, d.o.AttemptTimeout)
	defer cancel()
	return d.o.Terms(ctx, m)
}

// try makes the attempt. A panic is an outcome too: the recipient is tried later,
// elsewhere if need be, and expires in the end; its neighbours are not harmed. Nothing is
// left to settle if that has been done for the whole message.
func (d *Dispatcher) try(r *run) (all []spool.Settlement, v verdict) {
	e, started := r.entry, d.o.Clock()
	defer func() {
		if p := recover(); p != nil {
			all, v = r.each(func(e *spool.Entry) spool.Settlement { return d.panicked(r, e, started, p) }), nothing
		}
	}()
	ctx, cancel := context.WithTimeout(d.ctx, d.o.AttemptTimeout)
	defer cancel()
	prefix, err := d.preparations.prefix(ctx, d.prepare, e.Message)
	switch {
	case errors.Is(err, errRejected):
		return nil, nothing
	case errors.Is(err, errUnchecked):
		d.o.Log.Error("a message waits for a look at its content", "message", e.Message.ID, "error", err)
		all := d.failed(r, started, reasonUnchecked)
		for i := range all {
			all[i].Attempt.Cause, all[i].Detail.Cause = causeUnchecked, causeUnchecked
		}
		return all, nothing
	}
	var from address.Address
	if err == nil {
		from, err = d.o.Preparer.ReturnPath(ctx, e.Message, e.N)
	}
	if err != nil {
		d.o.Log.Error("a message can't be prepared", "message", e.Message.ID, "error", err)
		return d.failed(r, started, reasonPrepare), nothing
	}
	to := make([]address.Address, 0, len(r.entries))
	for _, e := range r.entries {
		to = append(to, e.Address)
	}
	d.waits(r)
	a := d.o.Transport.Deliver(ctx, delivery.Delivery{
		Domain: e.Address.Domain, From: from, To: to,
		Content: [][]byte{prefix, e.Message.Content}, Size: len(prefix) + len(e.Message.Content), EightBit: e.Message.EightBit,
		RequireTLS: r.terms.RequireTLS,
	})
	all = r.oneOutcome[:0]
	for i, e := range r.entries {
		all = append(all, d.outcomeOf(r, e, a, i))
	}
	return all, verdictOf(a.Outcomes)
}

// What keeps a message from being prepared: its content.
var (
	errRejected  = errors.New("the message is rejected for its content")
	errUnchecked = errors.New("the content could not be checked")
)

// prepare has the content of a message looked at, and makes what goes before it.
func (d *Dispatcher) prepare(ctx context.Context, m *spool.Message) ([]byte, error) {
	if d.o.Check != nil {
		if ok, err := d.o.Check.Check(ctx, m); err != nil {
			return nil, fmt.Errorf("%w: %w", errUnchecked, err)
		} else if !ok {
			return nil, errRejected
		}
	}
	return d.o.Preparer.Prepare(ctx, m)
}

// failed is the outcome of an attempt that did not get as far as the network.
func (d *Dispatcher) failed(r *run, started time.Time, reason string) []spool.Settlement {
	return r.each(func(e *spool.Entry) spool.Settlement {
		st := d.later(r, e, reason)
		st.Attempt = spool.Attempt{Started: started, Class: smtpclient.Temporary.String(), Cause: causePrepare}
		return st
	})
}

// notTried is the outcome of a message that is too old for one more attempt.
func notTried(r *run, now time.Time, reason string) []spool.Settlement {
	return r.each(func(e *spool.Entry) spool.Settlement {
		st := expired(e, reason)
		st.Attempt = spool.Attempt{Started: now, Class: smtpclient.Temporary.String(), Cause: causeNotTried}
		st.Detail.Cause = causeNotTried
		return st
	})
}

// panicked is the outcome of an attempt that ended in a panic.
func (d *Dispatcher) panicked(r *run, e *spool.Entry, started time.Time, p any) spool.Settlement {
	d.o.Log.Error("panic in a delivery", "message", e.Message.ID, "recipient", e.N, "panic", p, "stack", string(debug.Stack()))
	st := d.later(r, e, reasonPanic)
	st.Attempt = spool.Attempt{Started: started, Class: smtpclient.Temporary.String(), Cause: causePanic}
	return st
}

// outcomeOf is the outcome for entry i of r. If it can't be made out for one, the others that
// shared the transaction have theirs: who got the message is not to get it again.
func (d *Dispatcher) outcomeOf(r *run, e *spool.Entry, a delivery.Attempt, i int) (st spool.Settlement) {
	defer func() {
		if p := recover(); p != nil {
			st = d.panicked(r, e, a.Started, p)
		}
	}()
	return d.outcome(r, e, a, &a.Outcomes[i])
}

// outcome decides what an attempt that came out so means for a recipient.
func (d *Dispatcher) outcome(r *run, e *spool.Entry, a delivery.Attempt, o *smtpclient.Outcome) spool.Settlement {
	var st spool.Settlement
	switch o.Class {
	case smtpclient.Delivered:
		st = spool.Settlement{State: spool.Delivered, Reason: reasonDelivered, Event: event.Delivery}
	case smtpclient.Permanent:
		st = spool.Settlement{State: spool.Bounced, Reason: reasonRefused, Event: event.Bounce, Counter: spool.BounceCounter}
		if ofOne(a.Outcomes, o) {
			st.Also = d.suppress(e, o)
		}
	default:
		st = d.later(r, e, reasonDeferred)
		if noRoom(a.Outcomes, o) {
			st = spool.Settlement{State: spool.Queued, Due: d.o.Clock(), Reason: reasonNoRoom, Event: event.Delay}
		}
	}
	st.Entry = e
	st.Detail.Code, st.Detail.Enhanced, st.Detail.Reply = o.Code, o.Enhanced.String(), o.Text()
	st.Detail.Remote, st.Detail.Cause = a.Host, string(o.Cause)
	st.Attempt = spool.Attempt{
		Started: a.Started, Duration: a.Duration, Host: a.Host, Remote: a.RemoteAddr(), TLS: a.TLSText(),
		Class: o.Class.String(), Code: o.Code, Enhanced: o.Enhanced.String(), Command: string(o.Command), Cause: string(o.Cause),
		Reply: o.Text(), Transcript: a.TranscriptText(),
	}
	return st
}

// suppress is what a recipient who was refused for good adds to suppression lists.
func (d *Dispatcher) suppress(e *spool.Entry, o *smtpclient.Outcome) []func(*store.Tx) error {
	if d.o.Suppress == nil {
		return nil
	}
	m := e.Message
	f := suppression.Feedback{Scope: m.Scope, MessageID: m.ID, ConfigSet: m.ConfigSet, Address: e.Address}
	return d.o.Suppress.Bounced(context.WithoutCancel(d.ctx), f, o) // what was heard is settled by a node that stops, too
}

// verdictOf is what outcomes tell about the destination. One that took the mail for some
// took the mail.
func verdictOf(outcomes []smtpclient.Outcome) verdict {
	o := &outcomes[0]
	for i := range outcomes {
		if outcomes[i].Class == smtpclient.Delivered {
			o = &outcomes[i]
		}
	}
	switch o.Cause {
	case smtpclient.CauseRefused, smtpclient.CauseUnreachable, smtpclient.CauseTimeout, smtpclient.CauseClosed, smtpclient.CauseDNS:
		return unanswered
	case smtpclient.CauseTLS, smtpclient.CauseTLSRequired, smtpclient.CauseAuth, smtpclient.CauseProtocol:
		return replied
	case smtpclient.CauseReply:
		switch {
		case o.Class == smtpclient.Delivered:
			return delivered
		case o.Code == 421:
			return closing
		}
		return replied
	}
	return nothing
}

// later is the outcome of a temporary failure: another attempt, unless that would come
// too late. What shares a transaction is due at one time.
func (d *Dispatcher) later(r *run, e *spool.Entry, reason string) spool.Settlement {
	now, most := d.o.Clock(), d.o.MaxAge
	if r.terms.MaxAge > 0 {
		most = min(most, r.terms.MaxAge)
	}
	if d.ctx.Err() != nil { // it is our doing; nobody has to wait for it
		return spool.Settlement{Entry: e, State: spool.Queued, Due: now, Reason: reasonStopped, Event: event.Delay}
	}
	if r.due.IsZero() {
		r.due = now.Add(d.backoff(r.entry.Attempt))
	}
	due := r.due
	if due.Sub(e.Message.AcceptedAt) > most {
		return expired(e, reasonExpired)
	}
	return spool.Settlement{Entry: e, State: spool.Queued, Due: due, Reason: reason, Event: event.Delay}
}

func expired(e *spool.Entry, reason string) spool.Settlement {
	st := spool.Settlement{Entry: e, State: spool.Expired, Reason: reason, Event: event.Bounce}
	st.Detail.Expired = true
	return st
}

// backoff is the wait after an attempt, spread by a tenth so that what failed
// together is not tried together.
func (d *Dispatcher) backoff(attempt int) time.Duration {
	w := d.o.Retry[max(min(attempt, len(d.o.Retry)), 1)-1]
	return w - w/20 + rand.N(w/10+1)
}

// settle records the outcome. While the database is away it keeps trying for as long
// as the lease lasts, since an unrecorded delivery is delivered again.
func (d *Dispatcher) settle(dest *destination, st spool.Settlement) {
	log := d.o.Log.With("message", st.Entry.Message.ID, "recipient", st.Entry.N)
	refusals := 0
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := d.o.Spool.Settle(context.WithoutCancel(d.ctx), st)
		if err == nil {
			break
		}
		if wait == firstWait {
			log.Error("an outcome can't be recorded yet", "state", st.State, "error", err)
		}
		switch refusals++; {
		case fault.Is(err, fault.Unavailable):
			refusals = 0
		case refusals == wholeTries:
			log.Error("an outcome is recorded without its detail", "detail", st.Attempt, "error", err)
			st = bare(st)
		case refusals == sideTries && len(st.Also) > 0:
			log.Error("an outcome is recorded alone, and on no suppression list", "error", err)
			st.Also = nil
		}
		if !d.o.Clock().Before(st.Entry.LeaseUntil) || !d.pause(wait) {
			log.Error("an outcome was not recorded; the recipient will be tried again", "state", st.State, "error", err)
			return
		}
	}
	d.count(st)
	if st.State == spool.Queued {
		d.mu.Lock()
		dest.next = earlier(dest.next, st.Due)
		d.mu.Unlock()
	}
}

// bare is the outcome without the texts that others gave.
func bare(st spool.Settlement) spool.Settlement {
	a := st.Attempt
	st.Attempt = spool.Attempt{Started: a.Started, Duration: a.Duration, Class: a.Class, Code: a.Code, Cause: a.Cause}
	st.Detail.Reply, st.Detail.Remote, st.Detail.Enhanced = "", "", ""
	return st
}

// pause waits; it returns false when the dispatcher is told to end at once.
func (d *Dispatcher) pause(wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-d.ctx.Done():
		return false
	}
}

func (d *Dispatcher) count(st spool.Settlement) {
	switch st.State {
	case spool.Delivered:
		d.stats.delivered.Add(1)
	case spool.Bounced:
		d.stats.bounced.Add(1)
	case spool.Expired:
		d.stats.expired.Add(1)
	default:
		d.stats.retried.Add(1)
	}
}

// preparations are under way. A message is prepared once, however many recipients it
// has.
type preparations struct {
	mu    sync.Mutex
	under map[*spool.Message]*preparation
}

type preparation struct {
	done   chan struct{}
	prefix []byte
	err    error
}

var errPanicked = errors.New("panic in the preparation of the message")

// prefix returns what goes before m, which prepare makes unless it has.
func (ps *preparations) prefix(ctx context.Context, prepare func(context.Context, *spool.Message) ([]byte, error), m *spool.Message) ([]byte, error) {
	if made := m.Prepared.Load(); made != nil {
		return *made, nil
	}
	ps.mu.Lock()
	if made := m.Prepared.Load(); made != nil {
		ps.mu.Unlock()
		return *made, nil
	}
	if other := ps.under[m]; other != nil {
		ps.mu.Unlock()
		select {
		case <-other.done:
			return other.prefix, other.err
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the preparation: %w", ctx.Err())
		}
	}
	own := &preparation{done: make(chan struct{}), err: errPanicked}
	ps.under[m] = own
	ps.mu.Unlock()
	defer func() {
		ps.mu.Lock()
		delete(ps.under, m)
		ps.mu.Unlock()
		close(own.done)
	}()
	prefix, err := prepare(ctx, m)
	own.prefix, own.err = prefix, err
	if err == nil {
		m.Prepared.Store(&prefix)
	}
	return prefix, err
}
