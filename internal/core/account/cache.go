// SPDX-License-Identifier: Apache-2.0

package account

import (
	"errors"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
)

const cacheSize = 10_000 // entries of each cache

// caches keep what each request asks for.
type caches struct {
	changes *fresh.Changes

	keys     *fresh.Cache[string, Key]
	smtp     *fresh.Cache[string, smtpCredential]
	roles    *fresh.Cache[Entity, Role]
	states   *fresh.Cache[string, Account]
	policies *fresh.Cache[Entity, *policy.Set]
	details  *fresh.Cache[scope.Scope, Details]
}

func newCaches(db *store.DB, now clock.Clock) caches {
	changes := fresh.NewChanges(db, now)
	return caches{
		changes: changes,
		keys: fresh.NewCache[string](changes, fresh.Options[Key]{
			Size: cacheSize, Absent: noKey, Owner: func(k Key) string { return k.Account },
		}),
		smtp: fresh.NewCache[string](changes, fresh.Options[smtpCredential]{
			Size: cacheSize, Absent: noKey, Owner: func(c smtpCredential) string { return c.Account },
		}),
		roles:    fresh.NewCache[Entity](changes, fresh.Options[Role]{Size: cacheSize}),
		states:   fresh.NewCache[string](changes, fresh.Options[Account]{Size: cacheSize}),
		policies: fresh.NewCache[Entity](changes, fresh.Options[*policy.Set]{Size: cacheSize}),
		details:  fresh.NewCache[scope.Scope](changes, fresh.Options[Details]{Size: cacheSize}),
	}
}

func noKey(err error) bool { return errors.Is(err, ErrNoKey) }
