// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
)

// MaxContacts is how many additional contact addresses a profile has (SES API v2:
// PutAccountDetails).
const MaxContacts = 4

// PutProfile replaces the profile. If production is asked for by an account in the
// sandbox, a review begins, which the operator ends by EndReview; until then PutProfile
// is refused with ErrInReview.
func (a *Accounts) PutProfile(ctx context.Context, sc scope.Scope, actor string, p Profile, production bool) error {
	if err := p.check(); err != nil {
		return err
	}
	caseID, err := a.newCase()
	if err != nil {
		return err
	}
	return a.changeDetails(ctx, sc, actor, func(d *detailsRow) effect {
		if d.Review == ReviewPending {
			return effect{refusal: inReview(d.CaseID)}
		}
		d.Profile = p
		if !production || !d.Sandbox {
			return effect{record: "account details put"}
		}
		d.Review, d.CaseID = ReviewPending, caseID
		return effect{record: "production access requested, case " + caseID}
	})
}

// ErrInReview is the cause of a refusal to change a profile while it is reviewed.
var ErrInReview = errors.New("account: a review is pending")

func inReview(caseID string) error {
	return &fault.Error{Kind: fault.Conflict, Err: ErrInReview,
		Text: fmt.Sprintf("The account details are under review (case %s) and can't be changed until the review ends.", caseID)}
}

// EndReview answers the request for production access. Granted, the account leaves the
// sandbox. The owner is told, with text.
func (a *Accounts) EndReview(ctx context.Context, sc scope.Scope, actor string, grant bool, text string) error {
	return a.changeDetails(ctx, sc, actor, func(d *detailsRow) effect {
		if d.Review != ReviewPending {
			return effect{refusal: fault.New(fault.NotFound, "No review of the account %s is pending in %s.", sc.Account, sc.Region)}
		}
		d.Review = ReviewDenied
		if grant {
			d.Review, d.sandbox = ReviewGranted, 0
		}
		said := fmt.Sprintf("case %s: %s", d.CaseID, d.Review)
		if text != "" {
			said += ": " + text
		}
		return effect{record: "review " + said, notice: notice.ReviewEnded, text: said}
	})
}

// newCase makes the id of a review up: ten digits, as those of Amazon's cases.
func (a *Accounts) newCase() (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(a.random, b[:]); err != nil {
		return "", store.Wrap("account.PutProfile", err)
	}
	return fmt.Sprintf("%010d", binary.BigEndian.Uint64(b[:])%1e10), nil
}

// check finds what no reviewer could work with. Lengths and enumerations are checked at
// the door.
func (p Profile) check() error {
	if !websiteURL(p.WebsiteURL) {
		return fault.InField(fault.Invalid, "WebsiteURL", "The WebsiteURL is not valid.")
	}
	if !utf8.ValidString(p.UseCase) || strings.ContainsRune(p.UseCase, 0) { // no database would take it
		return fault.InField(fault.Invalid, "UseCaseDescription", "The UseCaseDescription has characters that are not text.")
	}
	if len(p.Contacts) > MaxContacts {
		return fault.InField(fault.Invalid, "AdditionalContactEmailAddresses", "At most %d additional contact addresses can be given.", MaxContacts)
	}
	for _, c := range p.Contacts {
		if _, err := address.Parse(c); err != nil {
			return fault.InField(fault.Invalid, "AdditionalContactEmailAddresses", "An additional contact address is not valid.")
		}
	}
	return nil
}

// websiteURL reports whether s leads to a web site: an http or https URL, or a host
// name, which may have a path.
func websiteURL(s string) bool {
	if strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) >= 0 {
		return false
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	d, err := address.ParseDomain(u.Hostname())
	return err == nil && d.Parent() != ""
}
