// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
)

// Change is a line of the record of who changed an account's details, and how.
type Change struct {
	Scope scope.Scope
	At    time.Time
	Actor string // ARN of the principal, or Operator, or what changed it by itself
	Text  string
}

// Operator is the actor of changes by the command line.
const Operator = "operator"

// effect is what a change has beside the new details.
type effect struct {
	record  string // for the record of changes; "" if nothing changed
	notice  notice.Kind
	text    string // of the notice
	refusal error  // a fault

	everywhere bool // it holds for every region
}

// changeDetails applies fn to the account's details in one commit with its record and
// its notice. fn may run more than once.
func (a *Accounts) changeDetails(ctx context.Context, sc scope.Scope, actor string, fn func(*detailsRow) effect) error {
	now := a.now()
	return a.change(ctx, sc.Account, func(tx *store.Tx) error {
		row := newRow(a.defaults)
		err := tx.Get(row.fields(), selectDetails, sc.Account, sc.Region)
		if err == nil {
			err = row.read()
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		e := fn(&row)
		if e.refusal != nil || e.record == "" {
			return e.refusal
		}
		if err := row.write(tx, sc); err != nil {
			return err
		}
		return e.write(tx, sc, actor, now)
	})
}

// write writes the record and the notice.
func (e effect) write(tx *store.Tx, sc scope.Scope, actor string, now time.Time) error {
	if _, err := tx.Exec(`INSERT INTO account_changes (account, region, at, actor, change) VALUES (?, ?, ?, ?, ?)`,
		sc.Account, sc.Region, store.Millis(now), actor, e.record); err != nil {
		return err
	}
	if e.notice == "" {
		return nil
	}
	return notice.Append(tx, notice.Notice{Scope: sc, Kind: e.notice, At: now, Detail: notice.Detail{Text: e.text, Everywhere: e.everywhere}})
}

// SetSending is the owner's own switch (SES: UpdateAccountSendingEnabled,
// PutAccountSendingAttributes).
func (a *Accounts) SetSending(ctx context.Context, sc scope.Scope, actor string, enabled bool) error {
	return a.changeDetails(ctx, sc, actor, func(d *detailsRow) effect {
		if d.SendingEnabled == enabled {
			return effect{}
		}
		d.SendingEnabled = enabled
		return effect{record: "sending enabled: " + strconv.FormatBool(enabled)}
	})
}

// Enforce sets the reputation status. Shutdown pauses the account's sending in the
// region until another status is set; the owner is told of both, with reason.
func (a *Accounts) Enforce(ctx context.Context, sc scope.Scope, actor string, to Enforcement, reason string) error {
	return a.changeDetails(ctx, sc, actor, func(d *detailsRow) effect {
		from := d.Enforcement
		if from == to {
			return effect{}
		}
		d.Enforcement = to
		e := effect{record: fmt.Sprintf("status %s to %s: %s", from, to, reason), text: reason}
		switch Shutdown {
		case to:
			e.notice = notice.SendingPaused
		case from:
			e.notice = notice.SendingResumed
		}
		return e
	})
}

// SetSandbox puts the account into the sandbox of the region, or takes it out.
func (a *Accounts) SetSandbox(ctx context.Context, sc scope.Scope, actor string, on bool) error {
	return a.changeDetails(ctx, sc, actor, func(d *detailsRow) effect {
		if d.sandbox == store.Flag(on) {
			return effect{}
		}
		d.sandbox = store.Flag(on)
		return effect{record: "sandbox: " + strconv.FormatBool(on)}
	})
}

// SetLimits gives the account sending quotas of its own in the region. The owner is
// told, with reason.
func (a *Accounts) SetLimits(ctx context.Context, sc scope.Scope, actor string, to Limits, reason string) error {
	for _, v := range []float64{to.Daily, to.Rate} {
		if v != ServerDefault && (v < 0 || math.IsNaN(v) || math.IsInf(v, 0)) {
			return fault.New(fault.Invalid, "A sending quota is a number from 0, where 0 is no limit.")
		}
	}
	return a.changeDetails(ctx, sc, actor, func(d *detailsRow) effect { return d.setLimits(to, a.now(), reason) })
}

// Adjustment is a change of quotas by what the server makes of the account's reputation.
type Adjustment struct {
	From, To Limits
	Since    time.Time // the quotas have not changed after it
	Actor    string
	Reason   string
}

// AdjustLimits is SetLimits for whoever changes quotas by itself: nothing happens
// unless the quotas are still those that were looked at.
func (a *Accounts) AdjustLimits(ctx context.Context, sc scope.Scope, by Adjustment) error {
	return a.changeDetails(ctx, sc, by.Actor, func(d *detailsRow) effect {
		if d.Limits != by.From || d.LimitsAt.After(by.Since) {
			return effect{}
		}
		return d.setLimits(by.To, a.now(), by.Reason)
	})
}

func (r *detailsRow) setLimits(to Limits, now time.Time, reason string) effect {
	if r.Limits == to {
		return effect{}
	}
	text := fmt.Sprintf("%s, formerly %s: %s", to, r.Limits, reason)
	r.Limits, r.LimitsAt = to, now
	return effect{record: "sending quotas: " + text, notice: notice.QuotaChanged, text: text}
}

// String is the quotas for people.
func (l Limits) String() string {
	say := func(v float64, unit string) string {
		switch v {
		case ServerDefault:
			return "the server's default " + unit
		case 0:
			return "no limit " + unit
		}
		return strconv.FormatFloat(v, 'f', -1, 64) + " recipients " + unit
	}
	return say(l.Daily, "in 24 hours") + " and " + say(l.Rate, "a second")
}

// Changes returns the record of the account's changes, the newest first, up to limit.
func (a *Accounts) Changes(ctx context.Context, account string, limit int) ([]Change, error) {
	const sql = `SELECT region, at, actor, change FROM account_changes WHERE account = ? ORDER BY seq DESC LIMIT ?`
	return list(ctx, a.db, query{"account.Changes", sql, []any{account, limit}}, func(scan func(...any) error) (c Change, err error) {
		c.Scope.Account = account
		var at int64
		err = scan(&c.Scope.Region, &at, &c.Actor, &c.Text)
		c.At = store.Time(at)
		return c, err
	})
}
