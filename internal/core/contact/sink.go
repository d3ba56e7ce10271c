// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"cmp"
	"context"
	"slices"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// MaxImport is how many contacts one import job has (SES: import contacts).
const MaxImport = 1_000_000

// Adding returns what puts contacts on a list, in place of what is there of their addresses
// (SES API v2: ContactListImportAction PUT), in the caller's commit, and the error of each
// contact; nil says that it will be there. The last of several of one address stays. Without
// the list it fails as a whole.
func (l *Lists) Adding(ctx context.Context, sc scope.Scope, name string, contacts []Contact) (write func(*store.Tx) error, errs []error, err error) {
	list, err := l.List(ctx, sc, name)
	if err != nil {
		return nil, nil, err
	}
	good, errs := l.ready(list, contacts)
	return func(tx *store.Tx) error { return replace(tx, list, good) }, errs, nil
}

// Removing returns what takes contacts off a list (SES API v2: ContactListImportAction
// DELETE), by their addresses alone, in the caller's commit, and the error of each. One that
// is not there is as it should be.
func (l *Lists) Removing(ctx context.Context, sc scope.Scope, name string, contacts []Contact) (write func(*store.Tx) error, errs []error, err error) {
	list, err := l.List(ctx, sc, name)
	if err != nil {
		return nil, nil, err
	}
	addresses := make([]Contact, len(contacts))
	for i, c := range contacts {
		addresses[i].Address = c.Address
	}
	good, errs := l.ready(list, addresses)
	return func(tx *store.Tx) error {
		for _, c := range good {
			if _, err := remove(tx, list, c.Address); err != nil {
				return err
			}
		}
		return nil
	}, errs, nil
}

const insertContacts = `INSERT INTO contacts (account, region, list, address, handle, unsubscribed, attributes, created_at, updated_at)
	VALUES {{rows}} ON CONFLICT (account, region, list, address) DO `

// replace writes contacts over what is there of their addresses. Those that are all new, as
// most are, take few statements.
func replace(tx *store.Tx, list List, contacts []Contact) error {
	rows := make([][]any, len(contacts))
	var said [][]any
	for i, c := range contacts {
		at := store.Millis(c.CreatedAt)
		rows[i] = []any{list.Scope.Account, list.Scope.Region, list.id, c.Address, c.handle, store.Flag(c.UnsubscribeAll), c.Attributes, at, at}
		for _, p := range c.Preferences {
			said = append(said, []any{list.Scope.Account, list.Scope.Region, list.id, c.Address, p.Topic, store.Flag(p.Status == OptOut)})
		}
	}
	n, err := tx.ExecRows(insertContacts+`NOTHING`, rows)
	if err != nil {
		return err
	}
	if n < int64(len(rows)) {
		_, err := tx.ExecRows(insertContacts+`UPDATE SET unsubscribed = excluded.unsubscribed, attributes = excluded.attributes, updated_at = excluded.updated_at`, rows)
		if err != nil {
			return err
		}
		for _, c := range contacts {
			if err := forget(tx, list, c.Address); err != nil {
				return err
			}
		}
	}
	_, err = tx.ExecRows(`INSERT INTO contact_preferences (account, region, list, address, topic, opted_out) VALUES {{rows}}`, said)
	return err
}

// ready returns the contacts that are in order, one for each address, with what they lack
// filled in, and the errors of all. They are in the order of the addresses, or two imports
// could wait for each other in a ring.
func (l *Lists) ready(list List, contacts []Contact) (good []Contact, errs []error) {
	errs = make([]error, len(contacts))
	last := map[string]Contact{}
	for i, c := range contacts {
		if c.Address, errs[i] = ParseAddress(c.Address); errs[i] == nil {
			errs[i] = cmp.Or(list.checkPreferences(c.Preferences), checkAttributes(c.Attributes))
		}
		if errs[i] != nil {
			continue
		}
		c.CreatedAt, c.handle = l.now(), l.newHandle(list, c.Address)
		c.Preferences = lastOfEach(c.Preferences)
		last[c.Address] = c
	}
	for _, c := range last {
		good = append(good, c)
	}
	slices.SortFunc(good, func(a, b Contact) int { return cmp.Compare(a.Address, b.Address) })
	return good, errs
}

// lastOfEach are the preferences with the last of several for one topic alone.
func lastOfEach(all []Preference) (kept []Preference) {
	for i, p := range all {
		if !slices.ContainsFunc(all[i+1:], func(later Preference) bool { return later.Topic == p.Topic }) {
			kept = append(kept, p)
		}
	}
	return kept
}
