// SPDX-License-Identifier: Apache-2.0

package servicemail

import (
	"context"
	"fmt"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/core/notice"
)

// writer writes the letter of one kind of notice.
type writer func(l *letter, n notice.Notice, about about)

// about is what a letter about an identity may need to know.
type about struct {
	region   string // its display name
	link     string // of a verification mail
	identity identity.Identity
	records  []identity.Record
}

// letter writes the letter of n; it is empty if there is nothing to tell any more.
func (s *Sender) letter(ctx context.Context, n notice.Notice) (letter, error) {
	a := about{region: regionName(n.Scope.Region)}
	if n.Identity != "" {
		// An identity that was deleted since, or that this node does not see yet, is told of all the same.
		id, err := s.o.Identities.Get(ctx, n.Scope, n.Identity)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return letter{}, err
		}
		if err == nil {
			a.identity, a.records = id, s.o.Records(id)
		}
	}
	if n.Kind == notice.VerifyAddress {
		if a.identity.Verified() {
			return letter{}, nil
		}
		var err error
		if a.link, err = s.o.Links.URL(n.Scope, n.Identity, ""); err != nil {
			return letter{}, err
		}
	}
	write := writerOf(n.Kind)
	if write == nil {
		return letter{}, fault.New(fault.Invalid, "no letter for a notice of kind %s", n.Kind)
	}
	var l letter
	write(&l, n, a)
	return l, nil
}

// writerOf is the table of letters.
func writerOf(k notice.Kind) writer {
	switch k {
	case notice.VerifyAddress:
		return verifyAddress
	case notice.DomainVerified:
		return domainVerified
	case notice.DomainFailed:
		return domainFailed
	case notice.DKIMSuccess:
		return dkimSuccess
	case notice.DKIMWarning:
		return dkimWarning
	case notice.DKIMFailed:
		return dkimFailed
	case notice.MailFromSuccess:
		return mailFromSuccess
	case notice.MailFromPending:
		return mailFromPending
	case notice.MailFromTemporary:
		return mailFromTemporary
	case notice.MailFromFailed:
		return mailFromFailed
	case notice.SendingPaused:
		return sendingPaused
	case notice.SendingResumed:
		return sendingResumed
	case notice.ReviewEnded:
		return reviewEnded
	case notice.QuotaChanged:
		return quotaChanged
	}
	return nil
}

// when is a time as people and programs read it.
func when(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04") + " UTC" }

// until is a sentence about the time that is left, if there is one.
func until(format string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(format, when(t))
}

// proofs are the records that a domain's verification depends on.
func (a about) proofs() (rs []identity.Record) {
	for _, r := range a.records {
		if r.Required && r.Purpose != identity.ForMailFrom {
			rs = append(rs, r)
		}
	}
	return rs
}

// dkimRecords and mailFromRecords are those of an identity's records that its DKIM and
// its custom MAIL FROM domain need.
func (a about) dkimRecords() (rs []identity.Record) {
	for _, r := range a.records {
		switch r.Purpose {
		case identity.ForDKIM, identity.ForNextKey, identity.ForEd25519:
			rs = append(rs, r)
		}
	}
	return rs
}

func (a about) mailFromRecords(domain string) (rs []identity.Record) {
	for _, r := range a.records {
		if r.Name == domain {
			rs = append(rs, r)
		}
	}
	return rs
}

func verifyAddress(l *letter, n notice.Notice, a about) {
	// The one subject that SES documents; filters and tests know it.
	l.subject = "Amazon Web Services - Email Address Verification Request in region " + a.region
	l.say(fmt.Sprintf("Account %s asks to send mail as %s in region %s. If you asked for that, confirm that the address is yours:",
		n.Scope.Account, n.Identity, a.region))
	l.link(a.link)
	l.say("The address can't be used before that. The link works for 24 hours; afterwards a new message must be requested.",
		"If you did not ask for it, do not follow the link. Nothing happens then, and you may delete this message.")
}

func domainVerified(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("Domain Verification SUCCESS for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("The domain %s is verified for account %s in region %s. You can send mail from it and from every address and subdomain of it.",
		n.Identity, n.Scope.Account, a.region),
		"Leave its DNS records as they are: they are looked at again from time to time.")
}

func domainFailed(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("Domain Verification FAILURE for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("The domain %s of account %s in region %s is not verified: its DNS records were not found within 72 hours. No mail can be sent from it.",
		n.Identity, n.Scope.Account, a.region))
	l.show("These records must be published:", a.proofs())
	l.say("When they are, delete the identity and create it again, or start its verification anew.")
}

func dkimSuccess(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("DKIM Setup SUCCESS for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("The DKIM records of %s (account %s, region %s) were found. Mail from it is signed from now on, unless signing is switched off.",
		n.Identity, n.Scope.Account, a.region))
}

func dkimWarning(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("DKIM Revocation WARNING for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("The DKIM records of %s (account %s, region %s) are not found in DNS any more.", n.Identity, n.Scope.Account, a.region),
		until("If they are not back by %s, DKIM is revoked: mail is not signed any more, and DKIM must be set up again from the start.", n.Detail.Until))
	l.show("Publish these records again:", a.dkimRecords())
}

func dkimFailed(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("DKIM Setup FAILURE for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("The DKIM records of %s (account %s, region %s) were not found in time. Its mail is not signed.", n.Identity, n.Scope.Account, a.region))
	l.show("These records were looked for:", a.dkimRecords())
	l.say("Set DKIM up again from the start.")
}

// fallback says what happens to mail while the custom MAIL FROM domain can't be used.
func (a about) fallback() string {
	if a.identity.MailFrom.Behavior == identity.RejectMessage {
		return "Until then mail of this identity is refused, as you have set for this case."
	}
	return "Until then mail of this identity leaves with the service's own MAIL FROM domain, as you have set for this case."
}

func mailFromSuccess(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("Custom MAIL FROM Domain Setup SUCCESS for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("The MX record of %s was found. It is the MAIL FROM domain of %s (account %s, region %s) from now on.",
		n.Detail.Domain, n.Identity, n.Scope.Account, a.region),
		"Leave the record as it is: it is looked at again from time to time.")
}

func mailFromPending(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("Custom MAIL FROM Domain Setup PENDING for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("%s shall be the MAIL FROM domain of %s (account %s, region %s). Its MX record is being looked for.",
		n.Detail.Domain, n.Identity, n.Scope.Account, a.region),
		until("It must be found by %s.", n.Detail.Until), a.fallback())
	l.show("Publish these records, and no other MX record for that name:", a.mailFromRecords(n.Detail.Domain))
}

func mailFromTemporary(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("Custom MAIL FROM Domain WARNING for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("The MX record of %s, the MAIL FROM domain of %s (account %s, region %s), is not found any more.",
		n.Detail.Domain, n.Identity, n.Scope.Account, a.region),
		until("If it is not back by %s, the set-up fails and must be done again from the start.", n.Detail.Until), a.fallback())
	l.show("Publish these records again, and no other MX record for that name:", a.mailFromRecords(n.Detail.Domain))
}

func mailFromFailed(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("Custom MAIL FROM Domain Setup FAILURE for %s in region %s", n.Identity, a.region)
	l.say(fmt.Sprintf("The MX record of %s, the MAIL FROM domain of %s (account %s, region %s), was not found in time. It is not looked for any more.",
		n.Detail.Domain, n.Identity, n.Scope.Account, a.region),
		"Set the MAIL FROM domain again to start anew.", a.fallback())
	l.show("These records must be there then:", a.mailFromRecords(n.Detail.Domain))
}

func sendingPaused(l *letter, n notice.Notice, a about) {
	where := a.where(n, "any region")
	l.subject = fmt.Sprintf("Sending PAUSED for account %s in %s", n.Scope.Account, a.where(n, "every region"))
	l.say(fmt.Sprintf("Account %s can't send mail in %s for the time being: each try is answered with \"Sending paused for this account\". Everything else still works.",
		n.Scope.Account, where), n.Detail.Text)
}

func sendingResumed(l *letter, n notice.Notice, a about) {
	where, but := a.where(n, "every region"), ""
	if n.Detail.Everywhere {
		but = ", but for a region where its sending is paused as such"
	}
	l.subject = fmt.Sprintf("Sending RESUMED for account %s in %s", n.Scope.Account, where)
	l.say(fmt.Sprintf("Account %s can send mail in %s again%s.", n.Scope.Account, where, but), n.Detail.Text)
}

// where is the region of a notice, or everywhere if it holds for all.
func (a about) where(n notice.Notice, everywhere string) string {
	if n.Detail.Everywhere {
		return everywhere
	}
	return "region " + a.region
}

func reviewEnded(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("Production access of account %s in region %s", n.Scope.Account, a.region)
	l.say(fmt.Sprintf("The request for production access of account %s in region %s was decided.", n.Scope.Account, a.region), n.Detail.Text)
}

func quotaChanged(l *letter, n notice.Notice, a about) {
	l.subject = fmt.Sprintf("Sending quota CHANGED for account %s in region %s", n.Scope.Account, a.region)
	l.say(fmt.Sprintf("The sending quota of account %s in region %s has changed.", n.Scope.Account, a.region), n.Detail.Text)
}
