// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
)

// Bounds of the verification mails: nobody agreed to get the first one.
const (
	mailPause    = time.Minute // between two mails to an address
	mailsPerHour = 1000        // of an account, in all regions
)

// askAddress has an address mailed its link, in the transaction that begins its
// verification. Within mailPause of the last mail it does nothing: the link of that one
// is still good. An account that is over mailsPerHour is refused. The caller holds the
// lock of a change of the account, so that the count holds.
func askAddress(tx *store.Tx, sc scope.Scope, addr string, now time.Time) (refusal, err error) {
	if _, err := tx.Exec(`DELETE FROM verification_mails WHERE account = ? AND sent_at <= ?`, sc.Account, store.Millis(now.Add(-time.Hour))); err != nil {
		return nil, err
	}
	var all, recent int64
	err = tx.Get([]any{&all, &recent}, `SELECT count(*), count(CASE WHEN region = ? AND address = ? AND sent_at > ? THEN 1 END)
		FROM verification_mails WHERE account = ?`, sc.Region, addr, store.Millis(now.Add(-mailPause)), sc.Account)
	switch {
	case err != nil:
		return nil, err
	case recent > 0:
		return nil, nil
	case all >= mailsPerHour:
		return fault.New(fault.Throttled, "Rate exceeded"), nil
	}
	_, err = tx.Exec(`INSERT INTO verification_mails (account, region, address, sent_at) VALUES (?, ?, ?, ?)`, sc.Account, sc.Region, addr, store.Millis(now))
	if err != nil {
		return nil, err
	}
	return nil, notice.Append(tx, notice.Notice{Scope: sc, Kind: notice.VerifyAddress, Identity: addr, At: now})
}
