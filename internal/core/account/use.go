// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"sesame/internal/core/store"
)

// Use is a credential's last use.
type Use struct {
	At              time.Time
	Service, Region string
}

// maxUses bounds how many credentials' uses wait to be written; more are not noted.
const maxUses = 10_000

// uses are the last uses that are not written yet. The request that uses a key waits
// for no write.
type uses struct {
	mu    sync.Mutex
	byKey map[string]Use
}

func newUses() uses { return uses{byKey: map[string]Use{}} }

// latest is the later of a use that was read and the one that waits to be written.
func (u *uses) latest(id string, read Use) Use {
	u.mu.Lock()
	defer u.mu.Unlock()
	if w, ok := u.byKey[id]; ok && w.At.After(read.At) {
		return w
	}
	return read
}

// take removes and returns all.
func (u *uses) take() map[string]Use {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.byKey
	u.byKey = map[string]Use{}
	return taken
}

// Used notes that a credential (an access key, an SMTP credential) proved a request
// to a service in a region. FlushUses writes what was noted. Temporary keys have no row
// and are not noted.
func (a *Accounts) Used(id, service, region string) {
	if IsTemporary(id) {
		return
	}
	a.uses.mu.Lock()
	defer a.uses.mu.Unlock()
	if _, ok := a.uses.byKey[id]; ok || len(a.uses.byKey) < maxUses {
		a.uses.byKey[id] = Use{a.now(), service, region}
	}
}

// FlushUses writes the last uses that were noted since the last call. Whoever runs the
// server calls it once a minute and at the end, so that a key costs at most one write
// a minute.
func (a *Accounts) FlushUses(ctx context.Context) error {
	taken := a.uses.take()
	if len(taken) == 0 {
		return nil
	}
	return a.db.Write(ctx, func(tx *store.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(taken)) { // all nodes take the rows in one order
			u := taken[id]
			at := store.Millis(u.At)
			n, err := tx.Exec(`UPDATE access_keys SET used_at = ?, used_service = ?, used_region = ? WHERE id = ? AND used_at < ?`,
				at, u.Service, u.Region, id, at)
			if err == nil && n == 0 {
				_, err = tx.Exec(`UPDATE smtp_credentials SET used_at = ? WHERE id = ? AND used_at < ?`, at, id, at)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
