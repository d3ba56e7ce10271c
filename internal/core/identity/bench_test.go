// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/testkit/storetest"
)

// BenchmarkSendPath is what a message costs that is sent under one of 10,000 identities:
// who it is sent as, and its MAIL FROM domain, at 3,000 messages a second. In the second
// part somebody changes an identity every second, so that all of it is read anew.
func BenchmarkSendPath(b *testing.B) {
	db, c := storetest.SQLite(b), clock.NewFake(time.Now())
	ids := identity.New(identity.Options{DB: db, Seal: keyring.Ephemeral(), Clock: c.Now, Random: rand.Reader, VerifyAtOnce: true})
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			for m := range identity.MaxPerRegion / 50 {
				if _, err := ids.Create(ctx, sc, domain(n+50*m), identity.Settings{TokenOnly: true}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	send := func(b *testing.B, n int) {
		a := address.Address{Local: "a", Domain: address.Domain(domain(n % identity.MaxPerRegion))}
		if id, err := ids.Resolve(ctx, sc, a); err != nil || !id.Verified() {
			b.Fatal(err)
		}
		if _, err := ids.MailFrom(ctx, sc, a); err != nil {
			b.Fatal(err)
		}
	}
	for name, change := range map[string]bool{"quiet": false, "changing": true} {
		b.Run(name, func(b *testing.B) {
			c.Advance(time.Second) // the last change is known
			for n := range identity.MaxPerRegion {
				send(b, n)
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				c.Advance(time.Second / 3000)
				if change && n%3000 == 0 {
					if err := ids.SetSigning(ctx, sc, domain(0), n%2 == 0); err != nil {
						b.Fatal(err)
					}
				}
				send(b, n)
			}
		})
	}
}

func domain(n int) string { return fmt.Sprintf("d%d.example", n) }
