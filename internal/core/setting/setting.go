// SPDX-License-Identifier: Apache-2.0

// Package setting holds the settings that SES does not have: a small typed set for an
// account in a region, for an identity and for a configuration set. What one leaves
// open it inherits: a configuration set from the identity that sends, an identity from
// the account, the account from the server.
package setting

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/store"
)

// QuotaMode says what happens to a message that is over a sending quota.
type QuotaMode string

// The modes.
const (
	Reject QuotaMode = "reject" // it is refused, as SES does
	Delay  QuotaMode = "delay"  // it waits for a while, and is refused if there is no room then
)

// Values are settings that hold. Every member has one.
type Values struct {
	QuotaMode        QuotaMode
	ServiceSignature bool // a second DKIM signature, by the service's own domain
	Ed25519Signature bool // an Ed25519 signature beside the RSA one

	// DiscardEngagement keeps neither addresses nor agents of who opens and clicks.
	DiscardEngagement bool

	// StrictTemplates refuses a message whose template can't be rendered with its data,
	// instead of telling of it by an event.
	StrictTemplates bool
	// KeepMessageID leaves the Message-ID field that the caller gave; SES replaces it.
	KeepMessageID bool

	// MessageIDDomain is the domain of the Message-ID fields that are made here; "" is SES's
	// of the region.
	MessageIDDomain string

	// SharedReturnPath gives all recipients of a message one return path, and the message to
	// those of a destination in one transaction. A bounce that comes later names no recipient
	// for certain then.
	SharedReturnPath bool
}

// Default is what holds where nothing is set.
func Default() Values { return Values{QuotaMode: Reject, ServiceSignature: true} }

// Own are the settings of one resource; nil members are inherited.
type Own struct {
	QuotaMode        *QuotaMode `json:",omitempty"`
	ServiceSignature *bool      `json:",omitempty"`
	Ed25519Signature *bool      `json:",omitempty"`

	DiscardEngagement *bool `json:",omitempty"`
	StrictTemplates   *bool `json:",omitempty"`
	KeepMessageID     *bool `json:",omitempty"`

	MessageIDDomain  *string `json:",omitempty"`
	SharedReturnPath *bool   `json:",omitempty"`
}

// Members says to people which members Own has.
const Members = "QuotaMode (reject or delay), ServiceSignature, Ed25519Signature, DiscardEngagement, StrictTemplates, KeepMessageID, SharedReturnPath (true or false) " +
	"and MessageIDDomain (a domain)"

// check refuses values that do not exist.
func (o Own) check() error {
	if o.QuotaMode != nil && *o.QuotaMode != Reject && *o.QuotaMode != Delay {
		return fault.InField(fault.Invalid, "QuotaMode", "QuotaMode is %s or %s.", Reject, Delay)
	}
	if o.MessageIDDomain != nil {
		if _, err := address.ParseDomain(*o.MessageIDDomain); err != nil {
			return &fault.Error{Kind: fault.Invalid, Field: "MessageIDDomain", Text: "MessageIDDomain is a domain name.", Err: err}
		}
	}
	return nil
}

// over puts what o sets over v, and notes in from, if there is one, who did.
func (o Own) over(v *Values, from map[string]string, who string) {
	by := setter{from, who}
	set(by, "QuotaMode", o.QuotaMode, &v.QuotaMode)
	set(by, "ServiceSignature", o.ServiceSignature, &v.ServiceSignature)
	set(by, "Ed25519Signature", o.Ed25519Signature, &v.Ed25519Signature)
	set(by, "DiscardEngagement", o.DiscardEngagement, &v.DiscardEngagement)
	set(by, "StrictTemplates", o.StrictTemplates, &v.StrictTemplates)
	set(by, "KeepMessageID", o.KeepMessageID, &v.KeepMessageID)
	set(by, "MessageIDDomain", o.MessageIDDomain, &v.MessageIDDomain)
	set(by, "SharedReturnPath", o.SharedReturnPath, &v.SharedReturnPath)
}

// setter is who sets members.
type setter struct {
	from map[string]string // by member, nil where nobody asks
	who  string
}

func set[T any](by setter, member string, own, over *T) {
	if own == nil {
		return
	}
	*over = *own
	if by.from != nil {
		by.from[member] = by.who
	}
}

// FromServer stands in Report.From for what no resource sets.
const FromServer = "server"

// Report is what holds for a resource, and why.
type Report struct {
	Arn       string
	Own       Own
	Effective Values
	From      map[string]string // by member: the ARN that sets it, or FromServer
}

// Options configure Settings.
type Options struct {
	DB    *store.DB
	Clock clock.Clock

	// Exists returns NotFound or ConfigSetNotFound for a resource that is not there.
	Exists func(ctx context.Context, r Resource) error
}

// Settings serves the settings of one server. It is safe for concurrent use. A change
// made by another node is seen within a second.
type Settings struct {
	o       Options
	changes *fresh.Changes
	cache   *fresh.Cache[key, Values]
}

type key struct {
	scope               scope.Scope
	identity, configSet string
}

const cacheSize = 50_000 // entries: one for each sender

// New returns the settings kept in o.DB.
func New(o Options) *Settings {
	changes := fresh.NewChanges(o.DB, o.Clock)
	return &Settings{o: o, changes: changes, cache: fresh.NewCache[key](changes, fresh.Options[Values]{Size: cacheSize})}
}

// Effective returns what holds for a message that is sent under an identity with a
// configuration set. Either may be "".
func (s *Settings) Effective(ctx context.Context, sc scope.Scope, identity, configSet string) (Values, error) {
	return s.cache.Get(ctx, sc.Account, key{sc, identity, configSet}, func() (Values, error) {
		line := []Resource{{Scope: sc, Kind: Account}}
		if identity != "" {
			line = append(line, Resource{sc, Identity, identity})
		}
		if configSet != "" {
			line = append(line, Resource{sc, ConfigurationSet, configSet})
		}
		v, _, err := s.resolve(ctx, line, nil)
		return v, err
	})
}

// resolve puts the settings of the resources over each other, the last on top, and
// returns the last one's own.
func (s *Settings) resolve(ctx context.Context, line []Resource, from map[string]string) (v Values, own Own, err error) {
	v = Default()
	for _, r := range line {
		if own, err = s.own(ctx, r); err != nil {
			return Values{}, Own{}, err
		}
		own.over(&v, from, r.ARN())
	}
	return v, own, nil
}

func (s *Settings) own(ctx context.Context, r Resource) (o Own, err error) {
	var text string
	err = s.o.DB.QueryRow(ctx, `SELECT own FROM settings WHERE account = ? AND region = ? AND resource = ?`,
		r.Scope.Account, r.Scope.Region, r.path()).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return Own{}, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &o)
	}
	return o, store.Wrap("setting", err)
}

// Get tells what holds for a resource. Of a configuration set it is what holds unless an
// identity says otherwise.
func (s *Settings) Get(ctx context.Context, r Resource) (Report, error) {
	if err := s.exists(ctx, r); err != nil {
		return Report{}, err
	}
	line := []Resource{{Scope: r.Scope, Kind: Account}}
	if r.Kind != Account {
		line = append(line, r)
	}
	rep := Report{Arn: r.ARN(), From: map[string]string{
		"QuotaMode": FromServer, "ServiceSignature": FromServer, "Ed25519Signature": FromServer, "DiscardEngagement": FromServer,
		"StrictTemplates": FromServer, "KeepMessageID": FromServer, "MessageIDDomain": FromServer,
		"SharedReturnPath": FromServer,
	}}
	var err error
	rep.Effective, rep.Own, err = s.resolve(ctx, line, rep.From)
	return rep, err
}

// Put replaces a resource's own settings: what o leaves open is inherited from now on.
func (s *Settings) Put(ctx context.Context, r Resource, o Own) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := s.exists(ctx, r); err != nil {
		return err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return fault.Wrap("setting.Put", err)
	}
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if err := fresh.Changed(tx, r.Scope.Account); err != nil {
			return err
		}
		if o == (Own{}) {
			return Forget(tx, r)
		}
		_, err := tx.Exec(`INSERT INTO settings (account, region, resource, own) VALUES (?, ?, ?, ?)
			ON CONFLICT (account, region, resource) DO UPDATE SET own = excluded.own`, r.Scope.Account, r.Scope.Region, r.path(), string(text))
		return err
	})
	s.changes.Forget(r.Scope.Account)
	return err
}

func (s *Settings) exists(ctx context.Context, r Resource) error {
	if r.Kind == Account {
		return nil
	}
	return s.o.Exists(ctx, r)
}

// Forget removes the settings of a resource, in the transaction that removes it, which is a
// change of its account (fresh.Changed).
func Forget(tx *store.Tx, r Resource) error {
	_, err := tx.Exec(`DELETE FROM settings WHERE account = ? AND region = ? AND resource = ?`, r.Scope.Account, r.Scope.Region, r.path())
	return err
}
