// SPDX-License-Identifier: Apache-2.0

package suppression_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/core/suppression"
	"sesame/internal/testkit/storetest"
)

// BenchmarkCheck is what one message to one recipient costs that is on no list: with an
// empty list and with one of ten thousand addresses.
func BenchmarkCheck(b *testing.B) {
	for _, size := range []int{0, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			now := clock.NewFake(start)
			db := storetest.SQLite(b)
			l := suppression.New(suppression.Options{DB: db, Clock: now.Now, Random: rand.Reader, ConfigSets: sets{}})
			var records []suppression.Record
			for n := range size {
				records = append(records, suppression.Record{Address: fmt.Sprintf("r%d@example.com", n), Reason: "BOUNCE"})
			}
			write, _ := l.Adding(sc, records)
			must(b, db.Write(ctx, write))
			now.Advance(time.Hour)
			for range 3 { // it reads the list
				_ = check(b, l, sc, suppression.Policy{}, "free@example.net")
				now.Advance(time.Second)
			}
			to := []address.Address{parse(b, "free@example.net")}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if hits, err := l.Check(ctx, sc, suppression.Policy{}, to); err != nil || len(hits) != 0 {
					b.Fatal(hits, err)
				}
			}
		})
	}
}
