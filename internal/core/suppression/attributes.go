// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// defaults are the reasons of an account that has said nothing (SES: accounts since
// November 25, 2019).
func defaults() []Reason { return []Reason{Bounce, Complaint} }

const selectReasons = `SELECT reasons FROM suppression_attributes WHERE account = ? AND region = ?`

// Reasons are those for which addresses go on the account's list and stay without mail;
// none means that the account does not use its list.
func (l *Lists) Reasons(ctx context.Context, sc scope.Scope) ([]Reason, error) {
	var text string
	err := l.o.DB.QueryRow(ctx, selectReasons, sc.Account, sc.Region).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return defaults(), nil
	}
	return splitReasons(text), store.Wrap("suppression.Reasons", err)
}

// SetReasons sets the reasons; none ends the use of the account's list, whose entries stay
// (SES: PutAccountSuppressionAttributes).
func (l *Lists) SetReasons(ctx context.Context, sc scope.Scope, reasons []Reason) error {
	reasons = slices.Compact(slices.Sorted(slices.Values(reasons)))
	defer l.states.of(sc).forgetReasons()
	return l.o.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO suppression_attributes (account, region, reasons) VALUES (?, ?, ?)
			ON CONFLICT (account, region) DO UPDATE SET reasons = excluded.reasons`, sc.Account, sc.Region, joinReasons(reasons))
		return err
	})
}

// reasonsIn is Reasons in a transaction.
func reasonsIn(tx *store.Tx, sc scope.Scope) ([]Reason, error) {
	var text string
	err := tx.Get([]any{&text}, selectReasons, sc.Account, sc.Region)
	if errors.Is(err, sql.ErrNoRows) {
		return defaults(), nil
	}
	return splitReasons(text), err
}
