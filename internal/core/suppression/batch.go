// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"slices"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Bounds of one import job (SES: adding and removing addresses in bulk).
const (
	MaxPut    = 100_000
	MaxDelete = 10_000
)

// batch is how many records one commit takes, so that senders never wait long for it.
const batch = 500

// Record is an address of an import, as it came.
type Record struct {
	Address string
	Reason  string // not for a removal
}

// Import puts records on the account's list, over what is there of their addresses, and
// returns the error of each; nil is success. The last of several of one address stays.
func (l *Lists) Import(ctx context.Context, sc scope.Scope, records []Record) []error {
	return l.inBatches(ctx, records, func(tx *store.Tx, r Record) error {
		return l.putIn(tx, sc, Entry{Address: r.Address, Reason: Reason(r.Reason), Source: Imported, UpdatedAt: l.now()})
	}, func(r Record) error {
		_, err := ParseReason(r.Reason)
		return err
	})
}

// Remove takes the addresses of records off the account's list and returns the error of
// each. One that was not there is as it should be.
func (l *Lists) Remove(ctx context.Context, sc scope.Scope, records []Record) []error {
	return l.inBatches(ctx, records, func(tx *store.Tx, r Record) error {
		_, err := remove(tx, sc, r.Address)
		return err
	}, func(Record) error { return nil })
}

// inBatches writes the records that are in order.
func (l *Lists) inBatches(ctx context.Context, records []Record, write func(*store.Tx, Record) error, check func(Record) error) []error {
	errs := make([]error, len(records))
	var good []int
	records = slices.Clone(records)
	for i, r := range records {
		if records[i].Address, errs[i] = ParseAddress(r.Address); errs[i] == nil {
			errs[i] = check(r)
		}
		if errs[i] == nil {
			good = append(good, i)
		}
	}
	for chunk := range slices.Chunk(good, batch) {
		err := l.o.DB.Write(ctx, func(tx *store.Tx) error {
			for _, i := range chunk {
				if err := write(tx, records[i]); err != nil {
					return err
				}
			}
			return nil
		})
		for _, i := range chunk {
			errs[i] = err
		}
	}
	return errs
}
