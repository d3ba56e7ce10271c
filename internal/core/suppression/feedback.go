// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
	"sesame/internal/proto/smtpclient"
)

// Feedback is what came back of a message to one recipient.
type Feedback struct {
	Scope     scope.Scope // of the message
	MessageID string
	ConfigSet string // that the message was sent with
	Address   address.Address
}

// steps are how long the global list holds an address that has bounced once, twice and so
// on (SES: global suppression list, 14 days at most).
func steps(bounces int) time.Duration {
	const day = 24 * time.Hour
	table := [...]time.Duration{1 * day, 3 * day, 7 * day, 14 * day}
	return table[min(max(bounces, 1), len(table))-1]
}

const (
	// oneBounce is how long further bounces of an address count as the same one: what is
	// in the queue when an address goes comes back within it.
	oneBounce = 24 * time.Hour
	// remember is how long after a bounce the next one is a further one.
	remember = 90 * 24 * time.Hour
)

// Bounced returns what is to be written in the commit that settles a recipient who was
// refused for good: nothing, unless the outcome says that there is no such recipient (see
// NoRecipient). Then the address goes on the global list, and on the account's if the
// settings that hold for the message have it so. What is returned may run more than once.
func (l *Lists) Bounced(ctx context.Context, f Feedback, o *smtpclient.Outcome) []func(*store.Tx) error {
	if !NoRecipient(o) || f.Address.Domain == quota.SimulatorDomain {
		return nil
	}
	e := Entry{Reason: Bounce, Source: FromBounce, Response: cmp.Or(o.Text(), string(o.Cause))}
	return []func(*store.Tx) error{l.adder(ctx, f, e)}
}

// Complained is Bounced for a complaint. It goes on the account's list alone.
func (l *Lists) Complained(ctx context.Context, f Feedback) []func(*store.Tx) error {
	return []func(*store.Tx) error{l.adder(ctx, f, Entry{Reason: Complaint, Source: FromComplaint})}
}

// adder returns the write that adds an entry where it belongs.
func (l *Lists) adder(ctx context.Context, f Feedback, e Entry) func(*store.Tx) error {
	e.Address, e.MessageID = f.Address.Folded().String(), f.MessageID
	p, err := l.policy(ctx, f.Scope, f.ConfigSet)
	if err != nil { // no reason not to settle; the account's settings have to do
		l.o.Log.Error("the suppression settings of a configuration set can't be read", "set", f.ConfigSet, "error", err)
	}
	if e.FeedbackID, err = msgid.New(f.Scope.Region, l.now(), l.o.Random); err != nil {
		l.o.Log.Error("an entry of the suppression list has no feedback id", "message", f.MessageID, "error", err)
	}
	return func(tx *store.Tx) error {
		e := e
		e.UpdatedAt = l.now() // that of the commit, which may come late: other nodes read by it
		if e.Reason == Bounce {
			l.global.add(l.hash(f.Scope.Region, e.Address))
			if err := putGlobal(tx, f.Scope, e); err != nil {
				return err
			}
		}
		reasons, err := reasonsIn(tx, f.Scope)
		if err != nil || !decide(reasons, p).adds(e.Reason) {
			return err
		}
		return l.putIn(tx, f.Scope, e)
	}
}

// putGlobal puts an address on the global list for as long as its bounces earn.
func putGlobal(tx *store.Tx, sc scope.Scope, e Entry) error {
	var at int64
	var bounces int
	err := tx.Get([]any{&at, &bounces}, `SELECT bounced_at, bounces FROM suppressed_globally WHERE region = ? AND address = ?`, sc.Region, e.Address)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	switch since := e.UpdatedAt.Sub(store.Time(at)); {
	case err == nil && since < oneBounce:
		return nil
	case err != nil || since > remember:
		bounces = 0
	}
	bounces++
	_, err = tx.Exec(`INSERT INTO suppressed_globally (region, address, bounced_at, bounces, expires_at, caused_by, message_id, response)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (region, address) DO UPDATE SET bounced_at = excluded.bounced_at, bounces = excluded.bounces,
		expires_at = excluded.expires_at, caused_by = excluded.caused_by, message_id = excluded.message_id, response = excluded.response`,
		sc.Region, e.Address, store.Millis(e.UpdatedAt), bounces, store.Millis(e.UpdatedAt.Add(steps(bounces))), sc.Account, e.MessageID, e.Response)
	return err
}
