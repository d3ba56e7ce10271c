// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"slices"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/core/template"
	"sesame/internal/proto/message"
)

// ARNs name the identities whose policies let the caller use addresses that are not his
// account's own (SES: sending authorization). "" leaves it to the account's identities.
type ARNs struct {
	Source     string // for the Source; where the others are "", for From and Return-Path too
	From       string // for the From field
	ReturnPath string // for the Return-Path
}

// or is a, with those of b where a has none.
func (a ARNs) or(b ARNs) ARNs {
	pick := func(first, second string) string {
		if first != "" {
			return first
		}
		return second
	}
	return ARNs{pick(a.Source, b.Source), pick(a.From, b.From), pick(a.ReturnPath, b.ReturnPath)}
}

// claim is an address that a message is sent with, and the identity that is to allow it.
type claim struct {
	address address.Address
	arn     string // "" for whichever identity of the account covers the address
	named   bool   // the ARN was given for this very address: it has to cover it
}

// claims are the addresses that have to be allowed: From, Sender, Source and Return-Path.
func (d *draft) claims() []claim {
	arns := d.ARNs
	from := claim{d.sender, arns.From, arns.From != ""}
	if from.arn == "" {
		from.arn = arns.Source
	}
	source := claim{d.source, arns.Source, arns.Source != ""}
	if source.arn == "" && d.source == d.sender {
		source.arn = arns.From
	}
	back := claim{d.returnPath, arns.ReturnPath, arns.ReturnPath != ""}
	switch {
	case back.arn == "" && d.returnPath == d.sender:
		back.arn = from.arn
	case back.arn == "":
		back.arn = source.arn
	}
	all := append(make([]claim, 0, 4), source, back, from)
	for n, m := range d.msg.From {
		if n > 0 {
			all = append(all, claim{address: m.Address, arn: from.arn})
		}
	}
	if !d.msg.Sender.IsZero() {
		all = append(all, claim{address: d.msg.Sender, arn: source.arn})
	}
	return all
}

// owned finds for each address the identity that it is sent under. What is the account's
// own must be verified. Of others' identities nothing is said before it is known that the
// caller may send with them.
func (i *Intake) owned(ctx context.Context, d *draft) error {
	var failed []string
	done := map[claim]bool{}
	for _, c := range slices.Compact(d.claims()) { // mostly they are all the same
		if done[c] {
			continue
		}
		done[c] = true
		u, err := i.use(ctx, d.Scope, c)
		switch {
		case fault.Is(err, fault.NotFound):
			if u.Identity == "" {
				u.Identity = c.address.Written()
			}
			failed = append(failed, u.Identity)
			continue
		case err != nil:
			return err
		}
		d.uses = append(d.uses, u)
		if c.address == d.sender {
			d.identity = u
		}
	}
	strangers, err := i.strangers(ctx, d, d.Scope)
	if err != nil {
		return err
	}
	return notVerified(d.Scope, append(failed, strangers...))
}

// use finds the identity of one address: NotFound if there is none that is verified. Of
// the account's own identities it is always the most specific one: an ARN, whose identity
// must be verified too, does not choose a wider one to get around what policies say of
// the nearer.
func (i *Intake) use(ctx context.Context, sc scope.Scope, c claim) (access.Use, error) {
	u := access.Use{Owner: sc, Address: c.address}
	if c.arn != "" {
		owner, name, err := identityARN(sc, c.arn)
		if err != nil {
			return u, err
		}
		switch covered := covers(name, c.address); {
		case covered:
			u.Owner, u.Identity = owner, name
			if owner != sc {
				return u, nil
			}
			if err := i.isVerified(ctx, u); err != nil {
				return u, err
			}
		case c.named:
			return u, fault.New(fault.Invalid, "The identity <%s> does not cover the address <%s>.", fault.Printable(c.arn), c.address)
		}
	}
	id, err := i.o.Identities.Resolve(ctx, sc, c.address)
	if fault.Is(err, fault.Invalid) { // no address that could be anybody's identity
		err = &fault.Error{Kind: fault.NotFound, Text: "not verified", Err: err}
	}
	u.Identity, u.Nearest = id.Name, err == nil
	return u, err
}

// isVerified returns NotFound unless the identity is there and verified.
func (i *Intake) isVerified(ctx context.Context, u access.Use) error {
	id, err := i.o.Identities.Get(ctx, u.Owner, u.Identity)
	if err == nil && !id.Verified() {
		err = fault.New(fault.NotFound, "not verified")
	}
	return err
}

// lent returns NotFound unless another account's identity is verified, and its owner
// neither closed nor paused: what he may not send, nobody sends for him.
func (i *Intake) lent(ctx context.Context, u access.Use) error {
	if err := i.isVerified(ctx, u); err != nil {
		return err
	}
	owner, err := i.details(ctx, u.Owner)
	if err == nil && owner.Enforcement == account.Shutdown {
		err = fault.New(fault.NotFound, "not verified")
	}
	return err
}

// identityARN takes apart the ARN of an identity in the region of the call: SES knows the
// identities of no other (SES: sending authorization, regions).
func identityARN(sc scope.Scope, arn string) (owner scope.Scope, name string, err error) {
	owner, resource, ok := scope.ParseARN(arn)
	name, is := strings.CutPrefix(resource, "identity/")
	if !ok || !is {
		return owner, "", fault.New(fault.Invalid, "Invalid identity ARN <%s>.", fault.Printable(arn))
	}
	if owner.Region != sc.Region {
		return owner, "", fault.New(fault.Invalid, "The identity <%s> is not in the region %s.", fault.Printable(arn), sc.Region)
	}
	if name, _, err = identity.ParseName(name); err != nil {
		return owner, "", fault.New(fault.Invalid, "Invalid identity ARN <%s>.", fault.Printable(arn))
	}
	return owner, name, nil
}

// covers reports whether an identity is that of the address: the address itself, with or
// without a label, or a domain that the address is in or below.
func covers(name string, a address.Address) bool {
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		local, domain := name[:at], name[at+1:]
		written := a.Written()[len(a.Local)+1:] // SES compares every letter of an address
		return domain == written && (a.Local == local || strings.HasPrefix(a.Local, local+"+"))
	}
	return string(a.Domain) == name || strings.HasSuffix(string(a.Domain), "."+name)
}

// allowed asks whether the caller may send this message with these identities. That an
// identity of another account is not verified, or its owner paused, which reads the same,
// is said only to who may send with it.
func (i *Intake) allowed(ctx context.Context, d *draft) error {
	s := access.Send{
		Request: access.Request{
			Scope: d.Scope, Principal: d.Principal, SourceIP: d.SourceIP, UserAgent: d.UserAgent, Secure: d.Secure, APIVersion: d.APIVersion,
		},
		Action: d.Action, Uses: d.uses, From: d.msg.From, ReturnPath: d.returnPath, Recipients: d.recipients, Resources: d.resources(),
	}
	if len(s.From) == 0 {
		s.From = []message.Mailbox{{Address: d.sender}}
	}
	if err := i.o.Access.MaySend(ctx, s); err != nil {
		return err
	}
	var failed []string
	for _, u := range d.uses {
		if u.Owner == d.Scope {
			continue
		}
		switch err := i.lent(ctx, u); {
		case fault.Is(err, fault.NotFound):
			failed = append(failed, u.Identity)
		case err != nil:
			return err
		}
		strangers, err := i.strangers(ctx, d, u.Owner)
		if err != nil {
			return err
		}
		failed = append(failed, strangers...)
	}
	return notVerified(d.Scope, failed)
}

// resources are what the message names beside identities: its template and its
// configuration set (SES: IAM, resources of the operations that send).
func (d *draft) resources() (arns []string) {
	if d.template != "" {
		arns = append(arns, d.Scope.ARN(template.Kind+d.template))
	}
	if d.ConfigSet != "" {
		arns = append(arns, d.Scope.ARN("configuration-set/"+d.ConfigSet))
	}
	return arns
}

// maxListed bounds the text that lists unverified identities, so that it fits an
// SMTP reply line (RFC 5321 §4.5.3.1.5); a list that is cut ends with three periods.
const maxListed = 300

// notVerified names what is no verified identity; nil if all are.
func notVerified(sc scope.Scope, failed []string) error {
	if len(failed) == 0 {
		return nil
	}
	var names []string
	for _, name := range failed {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	list := strings.Join(names, ", ")
	if len(list) > maxListed {
		list = list[:maxListed] + "..."
	}
	return fault.New(fault.Rejected, "Email address is not verified. The following identities failed the check in region %s: %s",
		strings.ToUpper(sc.Region), list)
}
