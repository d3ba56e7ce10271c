// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"cmp"
	"context"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/fresh"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
)

// Bounds of the verification mails: nobody agreed to get the first one. That of all
// accounts together is Options.MailsPerHour.
const (
	mailPause    = time.Minute // between two mails to an address
	mailsPerHour = 1000        // of an account, in all regions
)

// Accounts tells the state of the account that asks for a mail.
type Accounts interface {
	Details(ctx context.Context, sc scope.Scope) (account.Details, error)
}

// mayAsk refuses verification mails to an account that the operator has paused: they
// would be a way round the pause.
func (s *Identities) mayAsk(ctx context.Context, sc scope.Scope) error {
	if s.o.Accounts == nil {
		return nil
	}
	d, err := s.o.Accounts.Details(ctx, sc)
	if err != nil {
		return err
	}
	return d.Paused()
}

// askAddress has an address mailed its link, in the transaction that begins its
// verification. Within mailPause of the last mail it does nothing: the link of that one
// is still good. The caller holds the lock of a change of the account, so that the count
// holds.
func (s *Identities) askAddress(tx *store.Tx, sc scope.Scope, addr string, now time.Time) (refusal, err error) {
	var recent int64
	err = tx.Get([]any{&recent}, `SELECT count(*) FROM verification_mails WHERE account = ? AND region = ? AND address = ? AND sent_at > ?`,
		sc.Account, sc.Region, addr, store.Millis(now.Add(-mailPause)))
	if err != nil || recent > 0 {
		return nil, err
	}
	if refusal, err = s.countMail(tx, sc, addr, now); err != nil || refusal != nil {
		return refusal, err
	}
	return nil, notice.Append(tx, notice.Notice{Scope: sc, Kind: notice.VerifyAddress, Identity: addr, At: now})
}

// countMail counts a mail of the account to addr, unless the account is over mailsPerHour
// or all accounts together are over Options.MailsPerHour. Accounts that ask in the same
// moment may exceed the latter by one each on PostgreSQL.
func (s *Identities) countMail(tx *store.Tx, sc scope.Scope, addr string, now time.Time) (refusal, err error) {
	hourAgo := store.Millis(now.Add(-time.Hour))
	if _, err := tx.Exec(`DELETE FROM verification_mails WHERE account = ? AND sent_at <= ?`, sc.Account, hourAgo); err != nil {
		return nil, err
	}
	own, err := countRows(tx, `SELECT count(*) FROM verification_mails WHERE account = ?`, sc.Account)
	if err != nil {
		return nil, err
	}
	full := own >= mailsPerHour
	if most := s.o.MailsPerHour; most > 0 && !full {
		all, err := countRows(tx, `SELECT count(*) FROM verification_mails WHERE sent_at > ?`, hourAgo)
		if err != nil {
			return nil, err
		}
		full = all >= most
	}
	if full {
		return fault.New(fault.Throttled, "Rate exceeded"), nil
	}
	_, err = tx.Exec(`INSERT INTO verification_mails (account, region, address, sent_at) VALUES (?, ?, ?, ?)`, sc.Account, sc.Region, addr, store.Millis(now))
	return nil, err
}

func countRows(tx *store.Tx, query string, args ...any) (n int, err error) {
	err = tx.Get([]any{&n}, query, args...)
	return n, err
}

// CountCustomMail counts a verification mail that the account is about to send by itself
// (SES: SendCustomVerificationEmail). It is Throttled over the bounds of verification
// mails, and refused where the operator has paused the account.
func (s *Identities) CountCustomMail(ctx context.Context, sc scope.Scope) error {
	if err := s.mayAsk(ctx, sc); err != nil {
		return err
	}
	var refusal error
	err := s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if refusal, err = nil, fresh.Changed(tx, sc.Account); err != nil { // holds the account
			return err
		}
		// Without the address: it may be sent the other mail, too.
		refusal, err = s.countMail(tx, sc, "", s.o.Clock())
		return err
	})
	return cmp.Or(err, refusal)
}
