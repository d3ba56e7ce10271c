// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/notice"
	"sesame/internal/proto/dns"
)

// How long a status waits (SES: identity statuses, custom MAIL FROM set-up states).
const (
	window        = 72 * time.Hour // for DNS records to be found, or to be back
	addressWindow = 24 * time.Hour // for the link of the verification mail
	// patience is how long the name servers of a domain in use may fail before what they
	// do not answer counts as missing: a broken server is no revoked record.
	patience = 24 * time.Hour
)

// How often DNS is asked.
const (
	firstWait   = 5 * time.Second // and then a quarter of the time waited so far
	searchWait  = 15 * time.Minute
	confirmWait = 4 * time.Hour // of what was found
)

func zeroTime() time.Time { return time.Time{} }

// finding is what a look at DNS gave about one status. The zero value is: nothing there.
type finding struct {
	found  bool
	unsure bool   // DNS did not answer
	reason string // why it was not found, as API v2 names it (VerificationError)
}

// watched reports whether DNS is asked about a status: after a failure no more.
func watched(s Status) bool { return s == Pending || good(s) }

// move is the status that follows from a finding, and since when DNS has not answered.
func move(s Status, since, unsure time.Time, f finding, now time.Time) (Status, time.Time) {
	switch {
	case f.found:
		return Success, time.Time{}
	case !f.unsure:
		unsure = time.Time{}
	case unsure.IsZero():
		unsure = now
	}
	switch {
	case s != Success && now.Sub(since) >= window:
		return Failed, unsure
	case s == Success && (unsure.IsZero() || now.Sub(unsure) >= patience):
		return TemporaryFailure, unsure
	}
	return s, unsure
}

// findings are all that a look at DNS gave for one identity.
type findings struct {
	dkim     finding
	token    finding
	mailFrom finding
	shown    map[string]finding // by selector: DNS shows the key itself
	soa      dns.SOA
}

// apply moves the identity by what was found, and returns what its account is told.
func (i *Identity) apply(f findings, now time.Time, o Options) (told []notice.Notice) {
	tell := func(kind notice.Kind, d notice.Detail) {
		if i.Scope.Account != scope.ServiceAccount { // which has nobody who could be told
			told = append(told, notice.Notice{Scope: i.Scope, Kind: kind, Identity: i.Name, Detail: d, At: now})
		}
	}
	i.Check.At, i.Check.Error, i.Check.SOA = now, "", f.soa
	for _, since := range []*time.Time{&i.Check.StatusSince, &i.DKIMInfo.Since} {
		if since.IsZero() { // made before there was a clock for it
			*since = now
		}
	}
	dkim := watched(i.DKIM)
	if dkim && i.Kind == Domain {
		i.moveDKIM(f, now, tell)
	}
	i.moveVerification(f, dkim, now, tell)
	i.moveMailFrom(f.mailFrom, now, tell)
	i.followKeys(f.shown, now, o)
	i.Check.Next = i.next(now, o)
	return told
}

type teller func(notice.Kind, notice.Detail)

func (i *Identity) moveDKIM(f findings, now time.Time, tell teller) {
	i.Check.Error = f.dkim.reason
	old := i.DKIM
	status, unsure := move(old, i.DKIMInfo.Since, i.unsure.dkim, f.dkim, now)
	i.unsure.dkim = unsure
	if status == old || i.Vouched && old == Success {
		return
	}
	i.DKIM, i.DKIMInfo.Since = status, now
	switch status {
	case Success:
		i.firstKey(f.shown, now)
		tell(notice.DKIMSuccess, notice.Detail{})
	case TemporaryFailure:
		tell(notice.DKIMWarning, notice.Detail{Until: now.Add(window)})
	case Failed:
		for n := range i.stored {
			i.stored[n].stop(now)
		}
		tell(notice.DKIMFailed, notice.Detail{})
	}
}

// moveVerification moves the identity's own status: a domain is verified by its DKIM
// records or by its token, an address fails if its link is not used in time.
func (i *Identity) moveVerification(f findings, dkim bool, now time.Time, tell teller) {
	if i.Kind == Address {
		if i.Verification == Pending && now.Sub(i.Check.StatusSince) >= addressWindow {
			i.Verification, i.Check.StatusSince = Failed, now
		}
		return
	}
	if !watched(i.Verification) {
		return
	}
	got := f.token
	if dkim {
		got = either(f.dkim, f.token)
	}
	if got.found {
		i.Check.SucceededAt = now
	} else {
		i.Check.Error = got.reason
	}
	old := i.Verification
	if good(old) && i.DKIM == Pending && !got.found {
		return // what proved the domain is being replaced, and has its own 72 hours
	}
	status, unsure := move(old, i.Check.StatusSince, i.unsure.verification, got, now)
	i.unsure.verification = unsure
	if status == old || i.Vouched && old == Success {
		return
	}
	i.Verification, i.Check.StatusSince = status, now
	switch {
	case old == Pending && status == Success:
		i.VerifiedAt = now
		tell(notice.DomainVerified, notice.Detail{})
	case status == Failed:
		tell(notice.DomainFailed, notice.Detail{})
	}
}

// either is what two findings say of something that one of them is enough for. If none
// is, a's reason counts.
func either(a, b finding) finding {
	a.unsure = a.unsure || b.unsure
	if b.found {
		return b
	}
	return a
}

func (i *Identity) moveMailFrom(f finding, now time.Time, tell teller) {
	m := &i.MailFrom
	if !watched(m.Status) {
		return
	}
	status, unsure := move(m.Status, m.Since, i.unsure.mailFrom, f, now)
	i.unsure.mailFrom = unsure
	if status == m.Status {
		return
	}
	m.Status, m.Since = status, now
	d := notice.Detail{Domain: m.Domain}
	switch status {
	case Success:
		tell(notice.MailFromSuccess, d)
	case TemporaryFailure:
		d.Until = now.Add(window)
		tell(notice.MailFromTemporary, d)
	case Failed:
		tell(notice.MailFromFailed, d)
	}
}

// next is when DNS is to be asked again; zero for never.
func (i Identity) next(now time.Time, o Options) (next time.Time) {
	if o.VerifyAtOnce {
		return time.Time{}
	}
	at := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	watch := func(s Status, since, unsure time.Time) {
		switch {
		case s == Pending:
			at(earlier(now.Add(searching(now.Sub(since))), since.Add(window), now))
		case s == TemporaryFailure:
			at(earlier(now.Add(searchWait), since.Add(window), now))
		case s == Success && !unsure.IsZero():
			at(now.Add(searchWait))
		case s == Success:
			at(now.Add(confirmWait))
		}
	}
	if i.Kind == Domain {
		watch(i.Verification, i.Check.StatusSince, i.unsure.verification)
		watch(i.DKIM, i.DKIMInfo.Since, i.unsure.dkim)
	} else if i.Verification == Pending {
		at(i.Check.StatusSince.Add(addressWindow))
	}
	watch(i.MailFrom.Status, i.MailFrom.Since, i.unsure.mailFrom)
	for _, k := range i.stored {
		switch {
		case k.Replaces == "" || !good(i.DKIM):
		case !k.SeenAt.IsZero():
			at(earlier(now.Add(confirmWait), k.SeenAt.Add(o.KeyTTL), now))
		case now.Sub(k.CreatedAt) < window:
			at(now.Add(searching(now.Sub(k.CreatedAt))))
		}
	}
	return next
}

// searching is how long to wait after having waited for age.
func searching(age time.Duration) time.Duration {
	return min(max(age/4, firstWait), searchWait)
}

// earlier is a, or b if that comes first and is still to come.
func earlier(a, b, now time.Time) time.Time {
	if b.After(now) && b.Before(a) {
		return b
	}
	return a
}
