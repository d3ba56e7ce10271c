// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
)

// State says what an account may do.
type State string

// The states. A paused account manages its things and sends nothing. A closed one does
// nothing at all, and is purged after KeepClosed.
const (
	Active State = "ACTIVE"
	Paused State = "PAUSED"
	Closed State = "CLOSED"

	// purging is a closed account whose rows go; nothing opens it again.
	purging State = "PURGING"
)

// Account is an account as the operator sees it.
type Account struct {
	ID        string
	Contact   string // where notices to the account go; "" for nowhere
	Org       string // aws:PrincipalOrgID of its principals; "" for none
	State     State
	ClosedAt  time.Time // of a closed account
	CreatedAt time.Time
}

func noAccount(id string) error {
	return fault.New(fault.NotFound, "The account %s does not exist.", id)
}

const selectAccounts = `SELECT id, contact, org, state, closed_at, created_at FROM accounts `

// Account returns an account, or NotFound. It may be a second old.
func (a *Accounts) Account(ctx context.Context, id string) (Account, error) {
	return a.states.Get(ctx, id, id, func() (Account, error) {
		all, err := a.selectAccounts(ctx, selectAccounts+`WHERE id = ?`, id)
		if err == nil && len(all) == 0 {
			err = noAccount(id)
		}
		if err != nil {
			return Account{}, err
		}
		return all[0], nil
	})
}

// List lists all accounts by id.
func (a *Accounts) List(ctx context.Context) ([]Account, error) {
	return a.selectAccounts(ctx, selectAccounts+`ORDER BY id`)
}

func (a *Accounts) selectAccounts(ctx context.Context, sql string, args ...any) ([]Account, error) {
	return list(ctx, a.db, query{"account.List", sql, args}, func(scan func(...any) error) (x Account, err error) {
		var closed, created int64
		err = scan(&x.ID, &x.Contact, &x.Org, &x.State, &closed, &created)
		x.ClosedAt, x.CreatedAt = store.Time(closed), store.Time(created)
		return x, err
	})
}

// Contact is the address that notices to the account go to, "" if it has none.
func (a *Accounts) Contact(ctx context.Context, id string) (string, error) {
	x, err := a.Account(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return x.Contact, err
}

// SetContact sets the address that notices to the account go to; "" removes it.
func (a *Accounts) SetContact(ctx context.Context, id, contact string) error {
	if contact != "" {
		if _, err := address.Parse(contact); err != nil {
			return fault.InField(fault.Invalid, "contact", "The contact is no email address.")
		}
	}
	return a.change(ctx, id, func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE accounts SET contact = ? WHERE id = ?`, contact, id)
		return err
	})
}

// Organization is the organization that an account counts as part of; "" is none.
func (a *Accounts) Organization(ctx context.Context, id string) (string, error) {
	x, err := a.Account(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return x.Org, err
}

var orgForm = regexp.MustCompile(`^(o-[a-z0-9]{10,32})?$`) // AWS Organizations

// SetOrg sets the organization that the account counts as part of (the condition key
// aws:PrincipalOrgID); "" is none.
func (a *Accounts) SetOrg(ctx context.Context, id, org string) error {
	if !orgForm.MatchString(org) {
		return fault.InField(fault.Invalid, "org", "An organization id is o- and 10 to 32 lower-case letters and digits.")
	}
	return a.change(ctx, id, func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE accounts SET org = ? WHERE id = ?`, org, id)
		return err
	})
}

// SetState pauses an account in every region, closes it, or makes it active again. It is
// recorded, and the owner is told of a pause and of its end, with reason, in sc's region,
// as Enforce does for one region. Of a closed account every credential is refused, at once
// on this node and within fresh.Within on others; until it is purged it can be made active
// again, with all that it had.
func (a *Accounts) SetState(ctx context.Context, sc scope.Scope, actor string, to State, reason string) error {
	now, closed := a.now(), time.Time{}
	if to == Closed {
		closed = now
	}
	return a.change(ctx, sc.Account, func(tx *store.Tx) error {
		var from State
		if err := tx.Get([]any{&from}, `SELECT state FROM accounts WHERE id = ?`, sc.Account); err != nil || from == to {
			return err
		}
		if _, err := tx.Exec(`UPDATE accounts SET state = ?, closed_at = ? WHERE id = ?`, string(to), store.Millis(closed), sc.Account); err != nil {
			return err
		}
		e := effect{record: fmt.Sprintf("account %s to %s: %s", from, to, reason), text: reason, everywhere: true}
		switch Paused {
		case to:
			e.notice = notice.SendingPaused
		case from:
			if to == Active {
				e.notice = notice.SendingResumed
			}
		}
		return e.write(tx, sc, actor, now)
	})
}
