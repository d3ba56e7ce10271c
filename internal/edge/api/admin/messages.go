// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"net/http"
	"time"

	"sesame/internal/core/event"
	"sesame/internal/core/spool"
)

// MessageRecord is all that is known of a message.
type MessageRecord struct {
	MessageId            string
	OriginalMessageId    string `json:",omitempty"` // the Message-ID that the caller gave
	AcceptedAt           float64
	Operation            string
	Caller               string
	SourceIp             string
	From                 string
	ReturnPath           string
	Identity             string
	IdentityAccount      string `json:",omitempty"` // whose that is, if it is another account's
	Subject              string
	ConfigurationSetName string       `json:",omitempty"`
	Tags                 []MessageTag `json:",omitempty"`
	Size                 int64
	Recipients           []MessageRecipient
	Check                *MessageCheck `json:",omitempty"` // absent: nobody has looked at the content
	Events               []MessageEvent
}

// MessageTag is a tag of a message.
type MessageTag struct{ Name, Value string }

// MessageRecipient is where a recipient stands.
type MessageRecipient struct {
	EmailAddress string
	State        string           // queued, leased, delivered, bounced, rejected, suppressed, expired or cancelled
	DueAt        float64          `json:",omitempty"` // of the next attempt
	SettledAt    float64          `json:",omitempty"`
	Attempts     []MessageAttempt `json:",omitempty"`
}

// MessageAttempt is one attempt. Number 0 says why nothing was sent.
type MessageAttempt struct {
	Number       int
	StartedAt    float64
	Milliseconds int64
	Host         string  `json:",omitempty"`
	Remote       string  `json:",omitempty"`
	TLS          string  `json:",omitempty"`
	Class        string  `json:",omitempty"`
	Cause        string  `json:",omitempty"`
	Command      string  `json:",omitempty"` // of SMTP, that the reply is to
	Reply        string  `json:",omitempty"`
	Reason       string  // for the next time, or for there being none
	NextAt       float64 `json:",omitempty"`
}

// MessageCheck is what scanners found in the content.
type MessageCheck struct {
	CheckedAt float64
	Virus     string `json:",omitempty"`
	Spam      bool
	Score     float64 `json:",omitempty"`
	Rules     string  `json:",omitempty"`
	Unscanned string  `json:",omitempty"` // why a scanner had no say
	Rejected  string  `json:",omitempty"` // virus or spam, if the message was rejected for it
}

// MessageEvent is an event of a message.
type MessageEvent struct {
	Type   event.Kind
	At     float64
	Detail event.Detail
}

// NewMessageRecord is a record as the API has it.
func NewMessageRecord(r spool.Record) MessageRecord {
	m := r.Message
	out := MessageRecord{
		MessageId: m.ID, OriginalMessageId: m.OriginalID, AcceptedAt: epoch(m.AcceptedAt), Operation: m.Operation, Caller: m.Caller, SourceIp: m.SourceIP,
		From: m.Sender.Written(), ReturnPath: m.ReturnPath.String(), Identity: m.Identity, IdentityAccount: m.IdentityAccount, Subject: m.Subject,
		ConfigurationSetName: m.ConfigSet, Size: r.Size, Recipients: []MessageRecipient{}, Events: []MessageEvent{},
	}
	for _, t := range m.Tags {
		out.Tags = append(out.Tags, MessageTag(t))
	}
	for _, to := range r.Recipients {
		out.Recipients = append(out.Recipients, messageRecipient(to))
	}
	for _, e := range r.Events {
		out.Events = append(out.Events, MessageEvent{Type: e.Kind, At: epoch(e.At), Detail: e.Detail})
	}
	if c := r.Check; c != nil {
		out.Check = &MessageCheck{
			CheckedAt: epoch(c.At), Virus: c.Virus, Spam: c.Spam, Score: c.Score, Rules: c.Rules, Unscanned: c.Unscanned, Rejected: c.Cause,
		}
	}
	return out
}

func messageRecipient(r spool.Recipient) MessageRecipient {
	out := MessageRecipient{EmailAddress: r.Address, State: r.State.String(), DueAt: epochOrNone(r.Due), SettledAt: epochOrNone(r.Settled)}
	for _, t := range r.Tries {
		out.Attempts = append(out.Attempts, MessageAttempt{
			Number: t.Number, StartedAt: epoch(t.Started), Milliseconds: t.Duration.Milliseconds(), Host: t.Host, Remote: t.Remote, TLS: t.TLS,
			Class: t.Class, Cause: t.Cause, Command: t.Command, Reply: t.Reply, Reason: t.Reason, NextAt: epochOrNone(t.Next),
		})
	}
	return out
}

// epochOrNone is epoch with 0 for the zero time, which is left out.
func epochOrNone(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return epoch(t)
}

// Messages are the routes of what became of messages.
func Messages(s *spool.Spool) []Route {
	return []Route{{
		Method: http.MethodGet, Pattern: "/messages/{MessageId}", Action: "sesame:GetMessage",
		Doc: "Tells all that is known of a message, found by its id, by the Message-ID that it left with or by the one that its caller gave: " +
			"the request, the state of each recipient with every attempt and its reason (number 0: why nothing was sent), what scanners found, and the first 1,000 events.",
		Handle: func(ctx context.Context, r Request) (any, error) {
			record, err := s.Record(ctx, r.Scope, r.Path["MessageId"])
			if err != nil {
				return nil, err
			}
			return NewMessageRecord(record), nil
		},
	}}
}
