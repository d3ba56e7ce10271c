// SPDX-License-Identifier: Apache-2.0

// Package contact keeps who wants which mail (SES: list management, subscription
// management). An account has one contact list in a region; the list has topics, and the
// contacts on it have said which they want, or that they want nothing of it any more. Mail
// that names the list goes to nobody who does not want it, and offers its recipient the
// way out.
//
// What a recipient changes is written in one commit with the event that tells of it.
//
// An address is kept with its domain in lower case and its local part as it is.
package contact

import (
	"context"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/fresh"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
)

// The bounds of SES (service quotas, list management), and ours for what SES does not say.
const (
	MaxTopics      = 20 // of a list
	MaxDescription = 500
	MaxDisplayName = 128
	MaxAttributes  = 10 << 10 // octets of a contact's attributes; ours
	MaxPage        = 1000     // contacts of a page; ours
)

// Status says whether somebody wants the mail of a topic, in API v2's spelling.
type Status string

// The statuses.
const (
	OptIn  Status = "OPT_IN"
	OptOut Status = "OPT_OUT"
)

// List is a contact list. What ForSend works with is shared: it must not be changed.
type List struct {
	Scope       scope.Scope
	Name        string
	Description string
	Topics      []Topic // in the order in which they were given
	Tags        []identity.Tag
	CreatedAt   time.Time
	UpdatedAt   time.Time

	id int64
}

// Topic is something that a list has mail about.
type Topic struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`           // what contacts see
	Description string `json:"description,omitempty"` // likewise
	Default     Status `json:"default"`               // of contacts that have said nothing
}

// topic is a list's topic of a name.
func (l List) topic(name string) (Topic, bool) {
	for _, t := range l.Topics {
		if t.Name == name {
			return t, true
		}
	}
	return Topic{}, false
}

// Preference is what a contact has said of a topic.
type Preference struct {
	Topic  string
	Status Status
}

// Contact is somebody on a list.
type Contact struct {
	Address        string
	UnsubscribeAll bool   // wants nothing of the list, whatever the preferences say
	Attributes     string // a JSON object, or ""
	Preferences    []Preference
	CreatedAt      time.Time
	UpdatedAt      time.Time

	handle int64 // by which links know it
}

// said is what a contact has said of a topic, or "".
func (c Contact) said(topic string) Status {
	for _, p := range c.Preferences {
		if p.Topic == topic {
			return p.Status
		}
	}
	return ""
}

// Defaults are the statuses of the list's topics that a contact has said nothing of (SES
// API v2: TopicDefaultPreferences).
func (l List) Defaults(c Contact) []Preference {
	var all []Preference
	for _, t := range l.Topics {
		if c.said(t.Name) == "" {
			all = append(all, Preference{t.Name, t.Default})
		}
	}
	return all
}

// Wants reports whether a contact gets mail of a topic, or with "" of the list in general.
// Where it has said nothing of the topic, the topic's default holds.
func (l List) Wants(c Contact, topic string) bool {
	if c.UnsubscribeAll || topic == "" {
		return !c.UnsubscribeAll
	}
	if s := c.said(topic); s != "" {
		return s == OptIn
	}
	t, ok := l.topic(topic)
	return ok && t.Default == OptIn
}

// Signer makes and checks keyed hashes; keyring.Ring is one. CheckMAC takes the same time
// wherever a hash is wrong.
type Signer interface {
	MAC(purpose string, data []byte) []byte
	CheckMAC(purpose string, data, mac []byte) bool
}

// Options configure Lists.
type Options struct {
	DB    *store.DB
	Clock clock.Clock
	Sign  Signer

	// Base is where links lead, protocol and host, of mail in a region with a configuration
	// set, whose zero value is none.
	Base func(region string, set configset.Set) string

	// MailDomain is where mail unsubscribes; "" offers no way by mail.
	MailDomain address.Domain
}

// Lists serves the contact lists of one server. It is safe for concurrent use. Contacts
// are read anew for each message; a list that another node has changed is seen within a
// second.
type Lists struct {
	o       Options
	changes *fresh.Changes
	lists   *fresh.Cache[scope.Scope, List]
}

// cacheSize is how many lists are kept in memory.
const cacheSize = 10_000

// New returns the lists kept in o.DB.
func New(o Options) *Lists {
	changes := fresh.NewChanges(o.DB, o.Clock)
	return &Lists{o: o, changes: changes, lists: fresh.NewCache[scope.Scope](changes, fresh.Options[List]{Size: cacheSize})}
}

// now is the wall clock alone: what is compared with times from the database must not
// keep its monotonic reading.
func (l *Lists) now() time.Time { return l.o.Clock().Round(0) }

// ParseAddress reads an address as lists keep it. The fault is in SES's words.
func ParseAddress(s string) (string, error) {
	const field = "EmailAddress"
	if strings.TrimSpace(s) == "" {
		return "", fault.InField(fault.Invalid, field, "EmailAddress can't be blank.")
	}
	a, err := address.Parse(s)
	if err != nil {
		return "", fault.InField(fault.Invalid, field, "EmailAddress <%s> is invalid", fault.Printable(s))
	}
	return a.Folded().String(), nil
}

// current is the account's list for senders.
func (l *Lists) current(ctx context.Context, sc scope.Scope) (List, error) {
	return l.lists.Get(ctx, sc.Account, sc, func() (List, error) { return l.only(ctx, sc) })
}
