// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"cmp"
	"slices"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Bounds of one import job (SES: adding and removing addresses in bulk).
const (
	MaxPut    = 100_000
	MaxDelete = 10_000
)

// Record is an address of an import, as it came.
type Record struct {
	Address string
	Reason  string // not for a removal
}

// Adding returns what puts records on the account's list, over what is there of their
// addresses, in the caller's commit, and the error of each record; nil says that it will
// be there. The last of several of one address stays.
func (l *Lists) Adding(sc scope.Scope, records []Record) (write func(*store.Tx) error, errs []error) {
	good, errs := ready(records, func(r Record) error {
		_, err := ParseReason(r.Reason)
		return err
	})
	return func(tx *store.Tx) error {
		now := l.now()
		rows := make([][]any, len(good))
		for i, r := range good {
			l.states.of(sc).add(l.hash(sc.Region, r.Address)) // the filter knows it before anybody can
			rows[i] = Entry{Address: r.Address, Reason: Reason(r.Reason), Source: Imported, UpdatedAt: now}.row(sc)
		}
		_, err := tx.ExecRows(putRows, rows)
		return err
	}, errs
}

// Removing returns what takes the addresses of records off the account's list, in the
// caller's commit, and the error of each record. One that is not there is as it should be.
func (l *Lists) Removing(sc scope.Scope, records []Record) (write func(*store.Tx) error, errs []error) {
	good, errs := ready(records, func(Record) error { return nil })
	return func(tx *store.Tx) error {
		for _, r := range good {
			if _, err := remove(tx, sc, r.Address); err != nil {
				return err
			}
		}
		return nil
	}, errs
}

// ready returns the records that are in order, one for each address, and the errors of all.
// They are in the order of the addresses, or two imports could wait for each other in a ring.
func ready(records []Record, check func(Record) error) (good []Record, errs []error) {
	errs = make([]error, len(records))
	last := map[string]Record{}
	for i, r := range records {
		if r.Address, errs[i] = ParseAddress(r.Address); errs[i] == nil {
			errs[i] = check(r)
		}
		if errs[i] == nil {
			last[r.Address] = r
		}
	}
	for _, r := range last {
		good = append(good, r)
	}
	slices.SortFunc(good, func(a, b Record) int { return cmp.Compare(a.Address, b.Address) })
	return good, errs
}
