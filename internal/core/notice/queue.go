// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"context"
	"encoding/json"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/core/store"
)

// Leased is a notice that one node is about to send. If the node does not say Done, the
// notice can be leased again when the lease has run out: it is sent at least once.
type Leased struct {
	Notice
	Attempt int // 1 for the first

	seq int64
}

// Queue is the notices that are still to be sent. Any number of nodes may take from one
// database: each notice is leased to one of them at a time. It is safe for concurrent use.
type Queue struct {
	DB       *store.DB
	Clock    clock.Clock
	LeaseFor time.Duration // longer than sending a batch takes
}

// Bell receives a value when this node has committed a notice. Notices of other nodes,
// and those put off, ring no bell: whoever listens must also look from time to time.
func (q *Queue) Bell() <-chan struct{} { return q.DB.Bell(bell) }

// Lease takes up to limit notices that are due, oldest first.
func (q *Queue) Lease(ctx context.Context, limit int) ([]Leased, error) {
	now := q.Clock()
	var taken []Leased
	err := q.DB.Write(ctx, func(tx *store.Tx) error {
		taken = nil
		due, err := q.due(tx, now, limit)
		if err != nil {
			return err
		}
		for _, l := range due {
			// Another node may have taken it since: the condition is checked under the row's lock.
			n, err := tx.Exec(`UPDATE notices SET lease_until = ?, attempts = attempts + 1 WHERE seq = ? AND lease_until <= ?`,
				store.Millis(now.Add(q.LeaseFor)), l.seq, store.Millis(now))
			if err != nil {
				return err
			}
			if n == 1 {
				taken = append(taken, l)
			}
		}
		return nil
	})
	return taken, store.Wrap("notice.Lease", err)
}

func (q *Queue) due(tx *store.Tx, now time.Time, limit int) (due []Leased, err error) {
	rows, err := tx.Query(`SELECT seq, account, region, kind, identity, detail, created_at, attempts FROM notices
		WHERE lease_until <= ? ORDER BY seq LIMIT ?`, store.Millis(now), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l Leased
		var detail string
		var at int64
		if err := rows.Scan(&l.seq, &l.Scope.Account, &l.Scope.Region, &l.Kind, &l.Identity, &detail, &at, &l.Attempt); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(detail), &l.Detail); err != nil {
			return nil, err
		}
		l.At, l.Attempt = store.Time(at), l.Attempt+1
		due = append(due, l)
	}
	return due, rows.Err()
}

// Done removes a notice that was sent, or that nobody can be told.
func (q *Queue) Done(ctx context.Context, l Leased) error {
	err := q.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM notices WHERE seq = ?`, l.seq)
		return err
	})
	return store.Wrap("notice.Done", err)
}

// Later ends the lease of a notice that could not be sent: it is due again at the given
// time. Where the lease has run out and somebody else has a new one, nothing changes.
func (q *Queue) Later(ctx context.Context, l Leased, at time.Time) error {
	err := q.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE notices SET lease_until = ? WHERE seq = ? AND attempts = ?`, store.Millis(at), l.seq, l.Attempt)
		return err
	})
	return store.Wrap("notice.Later", err)
}
