// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
)

// SetMailFrom gives an identity a custom MAIL FROM domain, or takes it away with "" (SES
// API v2: PutEmailIdentityMailFromAttributes). The domain must be below the identity's
// own. A new one, or one that failed, waits for its MX record; with the domain that is
// set already only the behaviour changes.
func (s *Identities) SetMailFrom(ctx context.Context, sc scope.Scope, name, domain string, b Behavior) error {
	norm, kind, err := ParseName(name)
	if err != nil {
		return err
	}
	if b == "" {
		b = UseDefault
	}
	if b != UseDefault && b != RejectMessage {
		return fault.InField(fault.Invalid, "BehaviorOnMxFailure", "The value %s is no behavior on MX failure.", safe(string(b)))
	}
	mailFrom, err := mailFromDomain(norm, kind, domain)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, sc, norm, func(tx *store.Tx, id *Identity) (refusal, err error) {
		now := s.o.Clock()
		switch {
		case mailFrom == "":
			id.MailFrom, id.unsure.mailFrom = MailFrom{Behavior: UseDefault}, zeroTime()
			return nil, nil
		case mailFrom == id.MailFrom.Domain && id.MailFrom.Status != Failed:
			id.MailFrom.Behavior = b
			return nil, nil
		}
		id.MailFrom, id.unsure.mailFrom = MailFrom{Domain: mailFrom, Status: Pending, Since: now, Behavior: b}, zeroTime()
		if s.o.VerifyAtOnce {
			id.MailFrom.Status = Success
			return nil, nil
		}
		id.Check.Next = now
		return nil, notice.Append(tx, notice.Notice{Scope: sc, Kind: notice.MailFromPending, Identity: norm, Detail: notice.Detail{Domain: mailFrom}, At: now})
	})
	return err
}

// mailFromDomain is the custom MAIL FROM domain that an identity of this name may have.
func mailFromDomain(name string, kind Kind, domain string) (string, error) {
	if domain == "" {
		return "", nil
	}
	own := name
	if kind == Address {
		own = strings.ToLower(name[strings.LastIndexByte(name, '@')+1:])
	}
	d, err := address.ParseDomain(domain)
	if err != nil {
		return "", fault.InField(fault.Invalid, "MailFromDomain", "Invalid MAIL-FROM domain name <%s>.", safe(domain))
	}
	if !strings.HasSuffix(string(d), "."+own) {
		return "", fault.InField(fault.Invalid, "MailFromDomain",
			"Provided MAIL-FROM domain <%s> is not subdomain of the domain of the identity <%s>.", d, name)
	}
	return string(d), nil
}

// MailFrom is the custom MAIL FROM domain of mail from a: that of the most specific
// verified identity that has one (SES: a domain's setting covers its addresses). Its zero
// value says that there is none.
func (s *Identities) MailFrom(ctx context.Context, sc scope.Scope, a address.Address) (MailFrom, error) {
	id, err := s.nearest(ctx, sc, withoutLabels(make([]string, 0, maxNames), a), a.Domain, (*Identity).hasMailFrom)
	if id == nil {
		return MailFrom{}, err
	}
	return id.MailFrom, nil
}

func (i *Identity) hasMailFrom() bool { return i.Verified() && i.MailFrom.Domain != "" }

// feedbackHost is the MX of custom MAIL FROM domains of a region; "" where the server has
// neither a zone nor a name.
func (s *Identities) feedbackHost(region string) string {
	if s.o.Names.Configured() {
		return s.o.Names.FeedbackHost(region)
	}
	return string(s.o.FeedbackHost)
}

// isFeedbackHost accepts the host of any region: one MAIL FROM domain has one MX, and may
// be used in several regions (SES: regions and custom MAIL FROM).
func (s *Identities) isFeedbackHost(host string) bool {
	label, zone, _ := strings.Cut(host, ".")
	region, zone, _ := strings.Cut(zone, ".")
	if label == "feedback-smtp" && scope.ValidRegion(region) {
		if s.o.Names.Configured() && zone == string(s.o.Names.Zone) || s.o.AmazonNames && zone == "amazonses.com" {
			return true
		}
	}
	return !s.o.Names.Configured() && s.o.FeedbackHost != "" && host == string(s.o.FeedbackHost)
}
