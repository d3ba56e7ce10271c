// SPDX-License-Identifier: Apache-2.0

package verification

import (
	"context"
	"errors"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
)

// Outcome is what following a link came to.
type Outcome int

// The outcomes.
const (
	Broken   Outcome = iota // not a link of this server
	Expired                 // it is too old
	Gone                    // the address can't be verified any more; Result.Reason says why
	Already                 // the address is verified already
	Verified                // it is now
)

// String is the outcome's name, for logs.
func (o Outcome) String() string {
	return [...]string{"broken", "expired", "gone", "already", "verified"}[o]
}

// Result is what to show for a link. Link is zero for a broken one.
type Result struct {
	Outcome Outcome
	Link    Link
	Reason  string // of Gone, for people
	To      string // URL to send the browser to instead of a page; "" is a page of ours
}

// Identities are verified by links.
type Identities interface {
	Get(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error)
	Create(ctx context.Context, sc scope.Scope, name string, set identity.Settings) (identity.Identity, error)
	Confirm(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error)
}

// Accounts knows the state of accounts; NotFound is its answer to unknown ones.
type Accounts interface {
	Account(ctx context.Context, id string) (account.Account, error)
}

// Confirmer verifies addresses by links. It is safe for concurrent use.
type Confirmer struct {
	Links      *Links
	Identities Identities
	Templates  *Templates
	Accounts   Accounts
}

// Confirm follows a link. Following it again changes nothing. An error means that nothing
// is known: the database did not answer.
func (c *Confirmer) Confirm(ctx context.Context, token string) (Result, error) {
	link, err := c.Links.Read(token)
	r := Result{Link: link}
	switch {
	case errors.Is(err, ErrBroken):
		return r, nil
	case errors.Is(err, ErrExpired):
		r.Outcome, err = Expired, nil
	case err == nil:
		r.Outcome, r.Reason, err = c.verify(ctx, link)
	}
	if err == nil && link.Template != "" {
		r.To, err = c.destination(ctx, link, r.Outcome)
	}
	return r, err
}

// Reasons of Gone.
const (
	reasonGone   = "Nobody asks for this address to be verified any more."
	reasonNoRoom = "The account that asked for it has no room for another address."
)

// verify verifies the link's address. A custom verification makes the identity (SES:
// custom verification emails, question 3), another must find it. A closed account gets nothing.
func (c *Confirmer) verify(ctx context.Context, link Link) (Outcome, string, error) {
	switch a, err := c.Accounts.Account(ctx, link.Scope.Account); {
	case fault.Is(err, fault.NotFound) || err == nil && a.State == account.Closed:
		return Gone, reasonGone, nil
	case err != nil:
		return Gone, "", err
	}
	id, err := c.Identities.Get(ctx, link.Scope, link.Address)
	if err == nil && id.Verified() {
		return Already, "", nil
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Gone, "", err
	}
	if err != nil && link.Template != "" {
		_, err = c.Identities.Create(ctx, link.Scope, link.Address, identity.Settings{Confirmed: true})
		switch {
		case err == nil:
			return Verified, "", nil
		case fault.Is(err, fault.LimitExceeded):
			return Gone, reasonNoRoom, nil
		case !fault.Is(err, fault.AlreadyExists): // made since, perhaps by a second click
			return Gone, "", err
		}
	}
	if _, err = c.Identities.Confirm(ctx, link.Scope, link.Address); fault.Is(err, fault.NotFound) {
		return Gone, reasonGone, nil
	}
	return Verified, "", err
}

// destination is where the template sends the browser. The request has no say in it. A
// template that was deleted since leaves the browser with our page.
func (c *Confirmer) destination(ctx context.Context, link Link, o Outcome) (string, error) {
	t, err := c.Templates.Get(ctx, link.Scope, link.Template)
	switch {
	case fault.Is(err, fault.NotFound):
		return "", nil
	case err != nil:
		return "", err
	case o == Verified || o == Already:
		return t.SuccessURL, nil
	}
	return t.FailureURL, nil
}
