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

// Import puts contacts on a list, in place of what is there of their addresses (SES API v2:
// ContactListImportAction PUT), and returns the error of each; nil is success. The last of
// several of one address stays. Without the list, each has its refusal.
func (l *Lists) Import(ctx context.Context, sc scope.Scope, list string, contacts []Contact) []error {
	return l.inBatches(ctx, sc, list, contacts, func(tx *store.Tx, on List, c Contact) error {
		n, err := insert(tx, on, c)
		if err != nil || n > 0 {
			return err
		}
		if err := forget(tx, on, c.Address); err != nil {
			return err
		}
		_, err = update(tx, on, c)
		return err
	})
}

// Remove takes contacts off a list (SES API v2: ContactListImportAction DELETE), by their
// addresses alone, and returns the error of each. One that was not there is as it should
// be.
func (l *Lists) Remove(ctx context.Context, sc scope.Scope, list string, contacts []Contact) []error {
	addresses := make([]Contact, len(contacts))
	for i, c := range contacts {
		addresses[i].Address = c.Address
	}
	return l.inBatches(ctx, sc, list, addresses, func(tx *store.Tx, on List, c Contact) error {
		_, err := remove(tx, on, c.Address)
		return err
	})
}

// inBatches writes the contacts that are in order. In each batch the rows are taken in one
// order, or two imports could wait for each other in a ring.
func (l *Lists) inBatches(ctx context.Context, sc scope.Scope, name string, contacts []Contact, write func(*store.Tx, List, Contact) error) []error {
	errs := make([]error, len(contacts))
	list, err := l.List(ctx, sc, name)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	contacts = slices.Clone(contacts)
	var good []int
	for i := range contacts {
		if errs[i] = l.ready(list, &contacts[i]); errs[i] == nil {
			good = append(good, i)
		}
	}
	for chunk := range slices.Chunk(good, batch) {
		slices.SortStableFunc(chunk, func(a, b int) int { return cmp.Compare(contacts[a].Address, contacts[b].Address) })
		err := l.o.DB.Write(ctx, func(tx *store.Tx) error {
			for _, i := range chunk {
				if err := write(tx, list, contacts[i]); err != nil {
					return err
				}
			}
			return nil
		})
		for _, i := range chunk {
			errs[i] = store.Wrap("contact.Import", err)
		}
	}
	return errs
}

// ready looks at a contact that is to be written, and fills in what it lacks.
func (l *Lists) ready(list List, c *Contact) (err error) {
	if c.Address, err = ParseAddress(c.Address); err != nil {
		return err
	}
	c.CreatedAt = l.now()
	c.UpdatedAt, c.handle = c.CreatedAt, l.newHandle(list, c.Address)
	return cmp.Or(list.checkPreferences(c.Preferences), checkAttributes(c.Attributes))
}
