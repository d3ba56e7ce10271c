// SPDX-License-Identifier: Apache-2.0

// Package notice is the mail that the service itself sends: verification mails to
// addresses, and warnings to accounts. A notice is a row that is written in the commit
// of the change that it tells of, so none is lost and none is sent for what did not
// happen.
package notice

import (
	"encoding/json"
	"fmt"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Kind says what a notice tells.
type Kind string

// The kinds. All but VerifyAddress go to the account's contact address.
const (
	VerifyAddress     Kind = "VerifyAddress"     // to the address itself: the link that verifies it
	DomainVerified    Kind = "DomainVerified"    // a domain is verified
	DomainFailed      Kind = "DomainFailed"      // a domain was not verified in time
	DKIMSuccess       Kind = "DKIMSuccess"       // the DKIM records were found
	DKIMWarning       Kind = "DKIMWarning"       // the DKIM records are gone; Until says how long they may be
	DKIMFailed        Kind = "DKIMFailed"        // the DKIM records were not found in time; signing is off
	MailFromSuccess   Kind = "MailFromSuccess"   // the custom MAIL FROM domain is in use
	MailFromPending   Kind = "MailFromPending"   // the set-up of a custom MAIL FROM domain has begun
	MailFromTemporary Kind = "MailFromTemporary" // its MX is gone; Until says how long it may be
	MailFromFailed    Kind = "MailFromFailed"    // its MX was not found in time
	SendingPaused     Kind = "SendingPaused"     // the account's sending is paused
	SendingResumed    Kind = "SendingResumed"    // and goes on
	ReviewEnded       Kind = "ReviewEnded"       // the request for production access has its answer; Text is it
	QuotaChanged      Kind = "QuotaChanged"      // a sending quota was raised or lowered; Text says from what to what
)

// Notice is one mail to be sent.
type Notice struct {
	Scope    scope.Scope
	Kind     Kind
	Identity string // the identity concerned; "" for the account itself
	Detail   Detail
	At       time.Time // when it happened
}

// Detail is what the kinds add. Fields that do not apply are left empty.
type Detail struct {
	Domain string    `json:"domain,omitempty"` // the custom MAIL FROM domain
	Until  time.Time `json:"until,omitzero"`   // when what is missing must be back
	Text   string    `json:"text,omitempty"`

	Everywhere bool `json:"everywhere,omitempty"` // it holds for every region of the account
}

// bell is rung when a notice has been committed on this node.
const bell = "notices"

// Append writes n in the transaction of the change that it tells of.
func Append(tx *store.Tx, n Notice) error {
	detail, err := json.Marshal(n.Detail)
	if err != nil {
		return fmt.Errorf("notice: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO notices (account, region, kind, identity, detail, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
		n.Scope.Account, n.Scope.Region, string(n.Kind), n.Identity, string(detail), store.Millis(n.At))
	tx.Ring(bell)
	return err
}
