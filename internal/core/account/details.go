// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Enforcement is the reputation status of an account in a region, in API v2's spelling
// (SES API v2: GetAccount, EnforcementStatus).
type Enforcement string

// The statuses. Only Shutdown keeps an account from sending.
const (
	Healthy   Enforcement = "HEALTHY"
	Probation Enforcement = "PROBATION"
	Shutdown  Enforcement = "SHUTDOWN"
)

// Review is the state of the request for production access, in API v2's spelling; ""
// where there was none.
type Review string

// The states. While a review is pending the profile can't be changed.
const (
	ReviewPending Review = "PENDING"
	ReviewGranted Review = "GRANTED"
	ReviewDenied  Review = "DENIED"
)

// Limits are the sending quotas that an account has of its own: recipients in 24 hours
// and recipients a second. 0 is no limit, ServerDefault what the server is configured
// with.
type Limits struct{ Daily, Rate float64 }

// ServerDefault stands for the configured value.
const ServerDefault = -1

// Profile is what the owner says of the account (SES API v2: PutAccountDetails).
type Profile struct {
	MailType   string // MARKETING or TRANSACTIONAL; "" while nothing was said
	WebsiteURL string
	Language   string // EN, JA or ""
	UseCase    string
	Contacts   []string // additional addresses, up to MaxContacts
}

// Details are the state of an account in a region.
type Details struct {
	Sandbox        bool // without production access
	SendingEnabled bool // the owner's own switch
	Enforcement    Enforcement
	Limits         Limits
	LimitsAt       time.Time // when Limits changed last; zero for never
	Profile        Profile
	Review         Review
	CaseID         string
}

// MaySend reports whether the account may send at all.
func (d Details) MaySend() bool { return d.SendingEnabled && d.Enforcement != Shutdown }

// Paused is the refusal of mail where the operator has paused the account, as a whole or
// in the region; else nil. The owner's own switch is not asked.
func (d Details) Paused() error {
	if d.Enforcement != Shutdown {
		return nil
	}
	return fault.New(fault.AccountPaused,
		"Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.")
}

// Defaults are what holds for an account in a region of which nothing else is said.
type Defaults struct {
	Sandbox bool
}

// SetDefaults says what holds for accounts of which nothing else is said. It is called
// before the first use.
func (a *Accounts) SetDefaults(d Defaults) { a.defaults = d }

// Details returns the state of the account in the region. A change made by another
// node is seen within fresh.Within.
func (a *Accounts) Details(ctx context.Context, sc scope.Scope) (Details, error) {
	return a.details.Get(ctx, sc.Account, sc, func() (Details, error) { return a.Current(ctx, sc) })
}

// Current is Details as the database has them now. An account that is paused as a whole
// is so in every region.
func (a *Accounts) Current(ctx context.Context, sc scope.Scope) (Details, error) {
	row := newRow(a.defaults)
	err := a.db.QueryRow(ctx, selectDetails, sc.Account, sc.Region).Scan(row.fields()...)
	if err == nil {
		err = row.read()
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Details{}, store.Wrap("account.Details", err)
	}
	var state State
	err = a.db.QueryRow(ctx, `SELECT state FROM accounts WHERE id = ?`, sc.Account).Scan(&state)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Details{}, store.Wrap("account.Details", err)
	}
	if err == nil && state != Active {
		row.Enforcement = Shutdown
	}
	return row.Details, nil
}

// ProductionAccess reports whether the account is out of the sandbox of the region.
func (a *Accounts) ProductionAccess(ctx context.Context, sc scope.Scope) (bool, error) {
	d, err := a.Details(ctx, sc)
	return !d.Sandbox, err
}

// detailsRow is a row of account_details: the details, and what the columns hold that
// differ from them.
type detailsRow struct {
	Details
	sandbox  int // ServerDefault, 0 or 1
	sending  int
	limitsAt int64
	contacts string
}

// newRow is the row of an account of which nothing is said.
func newRow(def Defaults) detailsRow {
	return detailsRow{sandbox: ServerDefault, Details: Details{
		Sandbox: def.Sandbox, SendingEnabled: true, Enforcement: Healthy, Limits: Limits{ServerDefault, ServerDefault},
	}}
}

const selectDetails = `SELECT sandbox, sending, enforcement, daily_quota, send_rate, limits_at,
	mail_type, website, language, use_case, contacts, review, case_id
	FROM account_details WHERE account = ? AND region = ?`

// fields are what selectDetails is scanned into; read must follow.
func (r *detailsRow) fields() []any {
	return []any{&r.sandbox, &r.sending, &r.Enforcement, &r.Limits.Daily, &r.Limits.Rate, &r.limitsAt,
		&r.Profile.MailType, &r.Profile.WebsiteURL, &r.Profile.Language, &r.Profile.UseCase, &r.contacts, &r.Review, &r.CaseID}
}

// read makes the details of the columns. Sandbox stays what it was where the row leaves
// it to the server.
func (r *detailsRow) read() error {
	if r.sandbox != ServerDefault {
		r.Sandbox = r.sandbox == 1
	}
	r.SendingEnabled, r.LimitsAt = r.sending != 0, store.Time(r.limitsAt)
	return json.Unmarshal([]byte(r.contacts), &r.Profile.Contacts)
}

// write writes the row, or makes it.
func (r *detailsRow) write(tx *store.Tx, sc scope.Scope) error {
	contacts, err := json.Marshal(r.Profile.Contacts)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO account_details (account, region) VALUES (?, ?) ON CONFLICT DO NOTHING`, sc.Account, sc.Region); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE account_details SET sandbox = ?, sending = ?, enforcement = ?, daily_quota = ?, send_rate = ?, limits_at = ?,
		mail_type = ?, website = ?, language = ?, use_case = ?, contacts = ?, review = ?, case_id = ? WHERE account = ? AND region = ?`,
		r.sandbox, store.Flag(r.SendingEnabled), string(r.Enforcement), r.Limits.Daily, r.Limits.Rate, store.Millis(r.LimitsAt),
		r.Profile.MailType, r.Profile.WebsiteURL, r.Profile.Language, r.Profile.UseCase, string(contacts), string(r.Review), r.CaseID,
		sc.Account, sc.Region)
	return err
}
