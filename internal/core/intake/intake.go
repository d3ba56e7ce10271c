// SPDX-License-Identifier: Apache-2.0

// Package intake is the one way into the spool. Every door brings a Submission;
// intake checks that it may be sent, makes the message into what leaves, counts it
// against the quotas and has it made durable. What it refuses leaves nothing behind.
package intake

import (
	"context"
	"io"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/content"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/identity"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
)

// Spool makes messages durable.
type Spool interface {
	Accept(ctx context.Context, m *spool.Message) error
}

// Identities tells who may be sent as.
type Identities interface {
	Resolve(ctx context.Context, sc scope.Scope, a address.Address) (identity.Identity, error)
	MailFrom(ctx context.Context, sc scope.Scope, a address.Address) (identity.MailFrom, error)
	Get(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error)
}

// Authorizer decides who may send with which identities.
type Authorizer interface {
	MaySend(ctx context.Context, s access.Send) error
}

// Quotas counts recipients.
type Quotas interface {
	Reserve(ctx context.Context, sc scope.Scope, load quota.Load) (quota.Hold, error)
	Settle(h quota.Hold, accepted bool)
}

// Options configure an Intake.
type Options struct {
	Spool      Spool
	Identities Identities
	Access     Authorizer
	Quotas     Quotas
	Accounts   Accounts   // nil: every account may send to anybody
	Settings   Settings   // nil: the defaults
	Suppressed Suppressed // nil: nobody is
	Contacts   Contacts   // of mail that is sent to a contact list
	Clock      clock.Clock
	Random     io.Reader
	ConfigSets ConfigSets
	Once       Once                                     // nil: what is asked for twice is sent twice
	Templates  Templates                                // nil: no message is made of any
	Tracking   Tracking                                 // nil: nothing is tracked
	MAC        func(purpose string, data []byte) []byte // keyed hash, for opaque values in headers
	Limits     Limits
}

// Intake is safe for concurrent use.
type Intake struct {
	o       Options
	entries *places // of bulk calls
	large   *places // for messages that are much larger than their requests
}

// New returns an intake.
func New(o Options) *Intake {
	o.Limits = o.Limits.orSES()
	return &Intake{o: o, entries: newPlaces(maxEntriesAtOnce), large: newPlaces(maxLargeAtOnce)}
}

// draft is a submission on its way through the steps.
type draft struct {
	Submission
	msg        *content.Message
	source     address.Address // envelope sender before VERP
	returnPath address.Address
	sender     address.Address // first From address
	uses       []access.Use    // the identities of all addresses that it is sent with
	identity   access.Use      // that of sender
	set        configset.Set   // of ConfigSet, where that is not ""
	recipients []address.Address
	settings   setting.Values
	fates      []spool.Fate // of recipients that nothing is sent to
	remember   idempotency.Remember
	subscribed contact.Sending
}

// Accept takes a message or refuses it. When it returns an id the message is
// durable. Refusals are faults in SES's words.
func (i *Intake) Accept(ctx context.Context, s Submission) (string, error) {
	if s.System {
		s = s.asSystem()
	}
	d := &draft{Submission: s}
	for _, step := range []func(context.Context, *draft) error{i.size, i.inspect, i.built} {
		if err := step(ctx, d); err != nil {
			return "", err
		}
	}
	d.identify()
	refused, err := i.check(ctx, d)
	if err != nil {
		return "", err
	}
	return i.once(ctx, d, func() (string, error) {
		if refused != nil {
			return "", refused
		}
		return i.send(ctx, d)
	})
}

// check asks whether the message may be sent. An err is the answer in any case: the message
// is none, or who brings it may not send it. What is refused for the state of the account, of
// a configuration set or of a MAIL FROM domain may have been sent before that changed, and who
// asks again is to get the answer of then.
func (i *Intake) check(ctx context.Context, d *draft) (refused, err error) {
	steps := []struct {
		do     func(context.Context, *draft) error
		always bool // its error is the answer in any case
		ours   bool // asked for the service's own mail, too
	}{
		{do: i.configurationSet, ours: true}, {do: i.sender, always: true, ours: true}, {do: i.envelope, always: true, ours: true},
		{do: i.account}, {do: i.owned, always: true}, {do: i.allowed, always: true},
		{do: i.mailFrom}, {do: i.defaultSet}, {do: i.notPaused}, {do: i.settings},
	}
	for _, s := range steps {
		if d.System && !s.ours || refused != nil && !s.always {
			continue
		}
		switch err := s.do(ctx, d); {
		case err == nil:
		case refused != nil:
			return nil, refused
		case s.always || !d.Idempotency.mayBeKnown(d.msg.IdempotencyKey):
			return nil, err
		default:
			refused = err
		}
	}
	return refused, nil
}

// send finds who is suppressed, takes what the message needs of the quotas and accepts it.
func (i *Intake) send(ctx context.Context, d *draft) (string, error) {
	if d.System {
		return i.commit(ctx, d)
	}
	if d.unrendered != nil {
		return i.keepUnrendered(ctx, d)
	}
	for _, step := range []func(context.Context, *draft) error{i.subscribers, i.suppression} {
		if err := step(ctx, d); err != nil {
			return "", err
		}
	}
	held, err := i.reserve(ctx, d)
	if err != nil {
		return "", err
	}
	id, err := i.commit(ctx, d)
	i.o.Quotas.Settle(held, err == nil)
	if err != nil {
		return "", err
	}
	return id, nil
}

func (i *Intake) size(_ context.Context, d *draft) error {
	if most := i.o.Limits.bytes(d.Submission); len(d.Raw) > most {
		return fault.New(fault.TooLarge, "Message length is more than %d bytes long: '%d'.", most, len(d.Raw))
	}
	if len(d.Raw) == 0 && !d.HeaderOptional {
		return fault.InField(fault.Invalid, "RawMessage.Data", "Empty message")
	}
	return nil
}

func (i *Intake) inspect(ctx context.Context, d *draft) (err error) {
	d.msg, err = content.Inspect(d.Raw, content.Limits{
		MaxParts: i.o.Limits.Parts, Blocked: i.o.Limits.BlockedExtensions, Envelope: len(d.Recipients) > 0,
	})
	if err == nil {
		d.ARNs = d.ARNs.or(ARNs{d.msg.SourceARN, d.msg.FromARN, d.msg.ReturnPathARN})
		return nil
	}
	if d.SourceFirst && !d.Source.IsZero() && d.ARNs == (ARNs{}) {
		if _, unverified := i.use(ctx, d.Scope, claim{address: d.Source}); fault.Is(unverified, fault.NotFound) {
			return notVerified(d.Scope, []string{d.Source.String()})
		}
	}
	return err
}

// built refuses the control fields that no part of this server heeds yet: to ignore
// one would send something else than was asked for.
func (i *Intake) built(_ context.Context, d *draft) error {
	if d.msg.Tenant != "" {
		const name = "X-SES-TENANT"
		return fault.InField(fault.NotImplemented, name, "The header %s is not implemented by this server.", name)
	}
	return nil
}

// sender finds who the message is from.
func (i *Intake) sender(_ context.Context, d *draft) error {
	switch {
	case len(d.msg.From) > 0:
		d.sender = d.msg.From[0].Address
	case d.HeaderOptional && !d.Source.IsZero():
		d.sender = d.Source
	default:
		return fault.New(fault.Invalid, "Missing required header 'From'.")
	}
	d.source = d.Source
	if d.source.IsZero() {
		d.source = d.sender
	}
	// Feedback goes to the Return-Path of the parameter, of the header, else to the
	// source (SES: header fields, Return-Path).
	switch {
	case !d.ReturnPath.IsZero():
		d.returnPath = d.ReturnPath
	case !d.msg.ReturnPath.IsZero():
		d.returnPath = d.msg.ReturnPath
	default:
		d.returnPath = d.source
	}
	return nil
}

// envelope finds the recipients: those given, else those of the header fields. Each
// address gets one copy, however often it is named.
func (i *Intake) envelope(_ context.Context, d *draft) error {
	all := d.Recipients
	if len(all) == 0 {
		all = d.msg.Recipients()
	}
	seen := make(map[address.Address]bool, len(all))
	for _, a := range all {
		if a = a.Folded(); !seen[a] {
			seen[a] = true
			d.recipients = append(d.recipients, a)
		}
	}
	switch {
	case len(d.recipients) == 0:
		return fault.InField(fault.Invalid, "Destinations", "There are no recipients specified")
	case len(all) > i.o.Limits.Recipients:
		return fault.InField(fault.Invalid, "Destinations", "Recipient count exceeds %d.", i.o.Limits.Recipients)
	}
	return nil
}

// commit makes the message into what leaves and has it stored.
func (i *Intake) commit(ctx context.Context, d *draft) (string, error) {
	now := i.o.Clock()
	id, err := msgid.New(d.Scope.Region, now, i.o.Random)
	if err != nil {
		return "", fault.Wrap("intake.Accept", err)
	}
	out := d.waysOut(id)
	if err := i.editText(ctx, d, id, out); err != nil {
		return "", err
	}
	domain := d.settings.MessageIDDomain
	if domain == "" {
		domain = msgid.MailDomain(d.Scope.Region)
	}
	header, body, err := d.msg.Rewrite(content.Rewrite{
		MessageID: id, MailDomain: domain, Date: now, FeedbackID: i.feedbackID(d), From: d.sender,
		Unsubscribe: uris(out), KeepMessageID: d.settings.KeepMessageID,
	})
	if err != nil {
		return "", err
	}
	// The one copy: what came in belongs to the door.
	whole := make([]byte, 0, len(header)+len(body))
	whole = append(append(whole, header...), body...)
	m := d.record(id, now)
	m.EightBit, m.HeaderSize, m.Content, m.Fates = d.msg.EightBit, len(header), whole, d.fates
	m.SharedReturnPath = d.settings.SharedReturnPath
	if d.msg.TestVirus {
		withTestVirus(m)
	}
	return id, i.o.Spool.Accept(ctx, m)
}

// record is what is on record of a message, without its content.
func (d *draft) record(id string, now time.Time) *spool.Message {
	m := &spool.Message{
		Scope: d.Scope, ID: id, AcceptedAt: now, Operation: d.Operation, Caller: d.Principal.ARN(), SourceIP: d.SourceIP,
		ReturnPath: d.returnPath, Sender: d.sender, Identity: d.identity.Identity, Subject: storable(d.msg.Subject), OriginalID: storable(d.msg.MessageID),
		ConfigSet: d.ConfigSet, Tags: d.Tags, Recipients: d.recipients,
	}
	if d.subscribed.Enlist != nil {
		m.Also = append(m.Also, d.subscribed.Enlist)
	}
	if owner := d.identity.Owner.Account; owner != d.Scope.Account {
		m.IdentityAccount = owner
	}
	return d.remembered(m)
}

// storable is s as every database takes it: valid UTF-8 without NUL.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\ufffd")
}
