// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

// maxTogether is how many recipients one transaction has at most: as many as every server
// takes (RFC 5321 §4.5.3.1.8).
const maxTogether = 100

// mostTogether is how many recipients the next attempt of e has at most. After each that failed
// it is half as many: a peer may hang up on many, or take too long for them, each time.
func mostTogether(e *spool.Entry) int { return max(maxTogether>>(max(e.Attempt, 1)-1), 1) }

// companions takes the entries out of the queue that go in one transaction with e: those of
// its message, which has one return path for all. Leases of theirs that end sooner are left
// alone; d.mu is held.
func (dest *destination) companions(e *spool.Entry) (with []*spool.Entry) {
	most := mostTogether(e) - 1
	dest.ready = slices.DeleteFunc(dest.ready, func(o *spool.Entry) bool {
		is := o.Message.ID == e.Message.ID && !o.LeaseUntil.Before(e.LeaseUntil) && len(with) < most
		if is {
			with = append(with, o)
		}
		return is
	})
	return with
}

// each is what becomes of every entry of r.
func (r *run) each(of func(e *spool.Entry) spool.Settlement) []spool.Settlement {
	all := make([]spool.Settlement, 0, len(r.entries))
	for _, e := range r.entries {
		all = append(all, of(e))
	}
	return all
}

// ofOne reports whether an outcome was said of one recipient. The reply to DATA, or to the
// message, is one for all whom the peer had accepted: if it names one, nobody knows whom.
func ofOne(all []smtpclient.Outcome, o *smtpclient.Outcome) bool {
	if len(all) == 1 || o.Command != smtpclient.CommandData && o.Command != smtpclient.CommandDot {
		return true
	}
	same := 0
	for i := range all {
		if all[i].Command == o.Command {
			same++
		}
	}
	return same == 1
}

// noRoom reports whether an outcome says that the peer had taken as many recipients as it
// takes in one transaction. The others are sent to at once (RFC 5321 §4.5.3.1.10), or the last
// of many would wait for hours; each such transaction reaches one of them at least.
func noRoom(all []smtpclient.Outcome, o *smtpclient.Outcome) bool {
	if o.Command != smtpclient.CommandRcpt || o.Class != smtpclient.Temporary {
		return false
	}
	tooMany := o.Code == 552 || o.Code == 452 && (o.Enhanced == smtpclient.Enhanced{4, 5, 3} || strings.Contains(strings.ToLower(o.Text()), "too many recipients"))
	return tooMany && slices.ContainsFunc(all, func(o smtpclient.Outcome) bool { return o.Class == smtpclient.Delivered })
}

// settleAll records outcomes, several at once so that they share commits.
func (d *Dispatcher) settleAll(r *run, all []spool.Settlement) {
	if len(all) == 1 {
		d.settle(r.dest, all[0])
		return
	}
	var wg sync.WaitGroup
	for _, st := range all {
		wg.Go(func() {
			defer d.survive(st.Entry)
			d.settle(r.dest, st)
		})
	}
	wg.Wait()
}

// survive logs a panic that is about an entry. The lease brings the recipient back.
func (d *Dispatcher) survive(e *spool.Entry) {
	if p := recover(); p != nil {
		d.o.Log.Error("panic in the dispatcher", "message", e.Message.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}
