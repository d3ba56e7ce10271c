// SPDX-License-Identifier: Apache-2.0

// Package suppression keeps the addresses that nothing is sent to, and why (SES:
// suppression lists). There are two lists. The service's own, the global one, has the
// addresses that bounced lately for anybody, for a time that grows with each bounce. The
// account's has, for as long as its owner wants, what bounced or complained in its mail and
// what was put there by hand. One of them decides about a message, or none: see Policy.
//
// An address is kept with its domain in lower case and its local part as it is.
//
// Entries that the service makes by itself are written in the commit that settles the
// recipient; the package opens no transaction for them.
package suppression

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/store"
)

// Reason is why an address is suppressed, in API v2's spelling.
type Reason string

// The reasons.
const (
	Bounce    Reason = "BOUNCE"
	Complaint Reason = "COMPLAINT"
)

// ParseReason reads a reason.
func ParseReason(s string) (Reason, error) {
	switch r := Reason(s); r {
	case Bounce, Complaint:
		return r, nil
	}
	return "", fault.InField(fault.Invalid, "Reason", "A reason is %s or %s.", Bounce, Complaint)
}

// Source is who put an entry on a list.
type Source string

// The sources.
const (
	Manual        Source = "MANUAL"    // PutSuppressedDestination
	Imported      Source = "IMPORT"    // an import job
	FromBounce    Source = "BOUNCE"    // the service, for a hard bounce
	FromComplaint Source = "COMPLAINT" // the service, for a complaint
)

// List is one of the lists.
type List string

// The lists. NoList stands where none is asked.
const (
	NoList      List = ""
	AccountList List = "ACCOUNT"
	GlobalList  List = "GLOBAL"
)

// Entry is an address on a list. FeedbackID, MessageID and Response, which is the remote
// server's, are of entries that the service made.
type Entry struct {
	List       List
	Address    string
	Reason     Reason
	Source     Source
	UpdatedAt  time.Time // when it was put there last
	FeedbackID string
	MessageID  string
	Response   string

	// Of the global list.
	ExpiresAt time.Time
	Bounces   int    // how often it has bounced
	CausedBy  string // account whose mail bounced last
}

// seenBy is the entry as an account may see it: of a bounce of another account's mail it
// sees the codes alone. The text may name the sender.
func (e Entry) seenBy(account string) Entry {
	if e.List == GlobalList && e.CausedBy != account {
		e.CausedBy, e.MessageID = "", ""
		if end := strings.IndexFunc(e.Response, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ' ' }); end >= 0 {
			e.Response = e.Response[:end]
		}
		e.Response = strings.TrimSpace(e.Response)
	}
	return e
}

// Why is the entry for people.
func (e Entry) Why() string {
	s := fmt.Sprintf("on the account's suppression list since %s, reason %s", e.UpdatedAt.UTC().Format(time.RFC3339), e.Reason)
	if e.List == GlobalList {
		s = "on the global suppression list until " + e.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if e.MessageID != "" {
		s += ", by message " + e.MessageID
	}
	if e.Response != "" {
		s += ": " + e.Response
	}
	return s
}

// ParseAddress reads an address as the lists keep it. White space around it does not
// count.
func ParseAddress(s string) (string, error) {
	s = strings.TrimSpace(s)
	a, err := address.Parse(s)
	if err != nil {
		return "", fault.InField(fault.Invalid, "EmailAddress", "The email address is not valid.")
	}
	return a.Folded().String(), nil
}

// ConfigSets knows the configuration sets.
type ConfigSets interface {
	Get(ctx context.Context, sc scope.Scope, name string) (configset.Set, error)
	List(ctx context.Context, sc scope.Scope, after, containing string, limit int) (names []string, more bool, err error)
}

// Accounts tells who is paused.
type Accounts interface {
	Current(ctx context.Context, sc scope.Scope) (account.Details, error)
}

// Options configure Lists.
type Options struct {
	DB     *store.DB
	Clock  clock.Clock
	Random io.Reader
	Log    *slog.Logger // nil discards

	ConfigSets ConfigSets
	Accounts   Accounts // for Clean
}

// Lists serves the suppression lists of one server. It is safe for concurrent use. A
// change that this node makes is seen at once, one of another node within a second.
type Lists struct {
	o      Options
	seed   maphash.Seed
	states states
	global *filter // of all regions
}

// New returns the lists kept in o.DB.
func New(o Options) *Lists {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Lists{o: o, seed: maphash.MakeSeed(), states: states{own: map[scope.Scope]*own{}}, global: newFilter()}
}

// now is the wall clock alone: what is compared with times from the database must not
// keep its monotonic reading.
func (l *Lists) now() time.Time { return l.o.Clock().Round(0) }
