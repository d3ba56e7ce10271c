// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"testing"
	"time"

	"sesame/internal/core/quota"
	"sesame/internal/core/store"
	"sesame/internal/testkit/pgtest"
	"sesame/internal/testkit/storetest"
)

// BenchmarkReserve is what the quotas add to the acceptance of a message, on a node
// that has its database for itself and on one of several.
func BenchmarkReserve(b *testing.B) {
	limits := quota.Limits{Daily: 1e12, Rate: 1e9}
	open := map[string]func(*testing.B) *quota.Quotas{
		"alone": func(b *testing.B) *quota.Quotas {
			return quota.New(quota.Options{DB: storetest.SQLite(b), Clock: time.Now, Default: limits})
		},
		"shared": func(b *testing.B) *quota.Quotas {
			db, err := store.Open(ctx, store.Options{URL: pgtest.URL(b)})
			if err != nil {
				b.Fatal(err)
			}
			q := quota.New(quota.Options{DB: db, Clock: time.Now, Default: limits, Shared: true, Node: "a/1"})
			b.Cleanup(func() {
				if err := q.Close(ctx); err != nil {
					b.Error(err)
				}
				if err := db.Close(); err != nil {
					b.Error(err)
				}
			})
			return q
		},
	}
	for name, open := range open {
		b.Run(name, func(b *testing.B) {
			q := open(b)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					h, err := q.Reserve(ctx, sc, quota.Load{Recipients: 1})
					if err != nil {
						b.Fatal(err)
					}
					q.Settle(h, true)
				}
			})
		})
	}
}
