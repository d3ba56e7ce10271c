// SPDX-License-Identifier: Apache-2.0

// Package event is the outbox: what happens to a message is written as a row in the
// commit that makes it happen, and sent to its destinations afterwards. An event can
// be made only through a transaction.
package event

import (
	"encoding/json"
	"fmt"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Kind is an event type in SES's spelling (SES: event publishing).
type Kind string

// The kinds, as events spell them in eventType.
const (
	Send             Kind = "Send"     // accepted
	Reject           Kind = "Reject"   // not sent for its content
	Delivery         Kind = "Delivery" // the remote server took it
	Bounce           Kind = "Bounce"   // refused for good, given up, or suppressed
	Complaint        Kind = "Complaint"
	Delay            Kind = "DeliveryDelay"
	RenderingFailure Kind = "Rendering Failure" // no message could be made of a template
	Open             Kind = "Open"
	Click            Kind = "Click"
	Subscription     Kind = "Subscription" // the recipient changed what it wants to get
)

// Event is one thing that happened to a message.
type Event struct {
	Scope     scope.Scope
	Kind      Kind
	MessageID string
	At        time.Time
	Detail    Detail
}

// Detail is what the kinds add. Fields that do not apply are left empty.
type Detail struct {
	Recipients []string `json:"recipients,omitempty"`
	Code       int      `json:"code,omitempty"`     // SMTP reply code
	Enhanced   string   `json:"enhanced,omitempty"` // RFC 3463 code
	Reply      string   `json:"reply,omitempty"`    // the remote server's text
	Remote     string   `json:"remote,omitempty"`   // the remote server's name
	Cause      string   `json:"cause,omitempty"`
	Attempt    int      `json:"attempt,omitempty"`
	Expired    bool     `json:"expired,omitempty"` // given up after the last retry

	BounceType    string `json:"bounceType,omitempty"`    // of bounces that no server made, such as Permanent
	BounceSubType string `json:"bounceSubType,omitempty"` // such as Suppressed

	ComplaintSubType string `json:"complaintSubType,omitempty"` // of complaints that no mailbox provider made

	Reason   string `json:"reason,omitempty"`   // of Reject
	Template string `json:"template,omitempty"` // of Rendering Failure
	Error    string `json:"error,omitempty"`    // of Rendering Failure

	Engagement   *Engagement         `json:"engagement,omitempty"`   // of Open and Click
	Subscription *SubscriptionChange `json:"subscription,omitempty"` // of Subscription
}

// Append writes e in the transaction of the change that it tells of.
func Append(tx *store.Tx, e Event) error {
	payload, err := json.Marshal(e.Detail)
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO outbox (account, region, kind, message_id, at, payload) VALUES (?, ?, ?, ?, ?, ?)`,
		e.Scope.Account, e.Scope.Region, string(e.Kind), e.MessageID, store.Millis(e.At), string(payload))
	return err
}
