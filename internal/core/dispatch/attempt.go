// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/core/delivery"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

// Reasons for a recipient's next time, or for having none.
const (
	reasonDelivered = "delivered"
	reasonRefused   = "refused for good"
	reasonDeferred  = "temporary failure, tried again later"
	reasonExpired   = "temporary failure, message too old"
	reasonPrepare   = "could not be prepared on this node"
)

// settleRetry is the wait between tries to record an outcome while the database
// does not answer. The lease bounds them: after it somebody else tries the recipient.
const settleRetry = 200 * time.Millisecond

// attempt tries one entry and settles it.
func (d *Dispatcher) attempt(dest *destination, e *spool.Entry) {
	defer func() {
		d.mu.Lock()
		d.free(dest, len(e.Message.Content))
		d.mu.Unlock()
	}()
	if e.LeaseUntil.Sub(d.o.Clock()) < d.o.AttemptTimeout {
		d.release(e) // it waited too long in memory; the lease could end during the attempt
		return
	}
	st := d.try(e)
	d.settle(dest, st)
}

func (d *Dispatcher) release(e *spool.Entry) {
	if err := d.o.Spool.Release(d.ctx, []*spool.Entry{e}); err != nil {
		d.o.Log.Error("release", "message", e.Message.ID, "error", err)
	}
	d.Waiting(e.Address.Domain)
}

// try makes the attempt. A panic is an outcome too: the recipient is tried later,
// elsewhere if need be, and expires in the end; its neighbours are not harmed.
func (d *Dispatcher) try(e *spool.Entry) (st spool.Settlement) {
	started := d.o.Clock()
	defer func() {
		if p := recover(); p != nil {
			d.o.Log.Error("panic in a delivery", "message", e.Message.ID, "panic", p, "stack", string(debug.Stack()))
			st = d.failed(e, started, fmt.Errorf("panic: %v", p))
		}
	}()
	ctx, cancel := context.WithTimeout(d.ctx, d.o.AttemptTimeout)
	defer cancel()
	prefix, err := d.prefix(ctx, e.Message)
	if err != nil {
		return d.failed(e, started, err)
	}
	a := d.o.Transport.Deliver(ctx, delivery.Delivery{
		Domain: e.Address.Domain, From: d.o.Preparer.ReturnPath(e.Message, e.N), To: []address.Address{e.Address},
		Content: [][]byte{prefix, e.Message.Content}, Size: len(prefix) + len(e.Message.Content), EightBit: e.Message.EightBit,
	})
	return d.outcome(e, a)
}

// prefix prepares a message once, however many recipients it has.
func (d *Dispatcher) prefix(ctx context.Context, m *spool.Message) ([]byte, error) {
	if p := m.Prepared.Load(); p != nil {
		return *p, nil
	}
	p, err := d.o.Preparer.Prepare(ctx, m)
	if err != nil {
		return nil, err
	}
	m.Prepared.Store(&p)
	return p, nil
}

// failed is the outcome of an attempt that did not get as far as the network.
func (d *Dispatcher) failed(e *spool.Entry, started time.Time, err error) spool.Settlement {
	d.o.Log.Error("a message can't be prepared", "message", e.Message.ID, "error", err)
	st := d.retryOrExpire(e, reasonPrepare)
	st.Attempt = spool.Attempt{Started: started, Class: smtpclient.Temporary.String(), Cause: "prepare"}
	return st
}

// outcome decides what an attempt means for the recipient.
func (d *Dispatcher) outcome(e *spool.Entry, a delivery.Attempt) spool.Settlement {
	o := &a.Outcomes[0]
	var st spool.Settlement
	switch o.Class {
	case smtpclient.Delivered:
		st = spool.Settlement{State: spool.Delivered, Reason: reasonDelivered, Event: event.Delivery}
	case smtpclient.Permanent:
		st = spool.Settlement{State: spool.Bounced, Reason: reasonRefused, Event: event.Bounce, Counter: spool.BounceCounter}
	default:
		st = d.retryOrExpire(e, reasonDeferred)
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

func (d *Dispatcher) retryOrExpire(e *spool.Entry, reason string) spool.Settlement {
	due := d.o.Clock().Add(d.backoff(e.Attempt))
	if due.Sub(e.Message.AcceptedAt) > d.o.MaxAge {
		st := spool.Settlement{Entry: e, State: spool.Expired, Reason: reasonExpired, Event: event.Bounce}
		st.Detail.Expired = true
		return st
	}
	return spool.Settlement{Entry: e, State: spool.Queued, Due: due, Reason: reason, Event: event.Delay}
}

// settle records the outcome. While the database is away it keeps trying for as long
// as the lease lasts, since an unrecorded delivery is delivered again.
func (d *Dispatcher) settle(dest *destination, st spool.Settlement) {
	for {
		err := d.o.Spool.Settle(context.WithoutCancel(d.ctx), st)
		if err == nil {
			break
		}
		d.o.Log.Error("settle", "message", st.Entry.Message.ID, "recipient", st.Entry.N, "error", err)
		if !d.o.Clock().Before(st.Entry.LeaseUntil) || !d.pause() {
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

// pause waits a moment; it returns false when the dispatcher is told to end at once.
func (d *Dispatcher) pause() bool {
	t := time.NewTimer(settleRetry)
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
