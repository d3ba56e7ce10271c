// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	own "sesame/internal/proto/dkim"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/message"
	"sesame/internal/proto/rsasign"
	"sesame/internal/testkit/storetest"
)

const day = 24 * time.Hour

// active is the selector that signs.
func (w *world) active(name string) string {
	w.t.Helper()
	for _, k := range w.get(name).Keys {
		if k.Active {
			return k.Selector
		}
	}
	return ""
}

// pass lets time pass in steps, with a look at DNS after each, whose records are those of
// the name server: it knows the keys as soon as they are made.
func (w *world) pass(name string, steps int, each time.Duration) {
	w.t.Helper()
	for range steps {
		w.clock.Advance(each)
		w.check(name)
		w.publish(w.get(name))
	}
}

func TestKeysRotateBySchedule(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, func(o *identity.Options) { o.RotateEvery = 90 * day })
		w.publish(w.create("example.com", easy()))
		id := w.check("example.com")
		tokens := id.Tokens()
		if w.active("example.com") != tokens[0] {
			t.Fatal("the first token signs first")
		}
		for turn := 1; turn <= 4; turn++ {
			was, old := tokens[(turn-1)%3], w.get("example.com").Keys[turn%3]
			w.clock.Advance(90*day - second)
			if id = w.check("example.com"); slices.ContainsFunc(id.Keys, func(k identity.Key) bool { return k.Replaces != "" }) {
				t.Errorf("turn %d began too early", turn)
			}
			w.pass("example.com", 1, second)
			id = w.get("example.com")
			next := id.Keys[turn%3]
			if next.Replaces != old.PublicKey || next.PublicKey == old.PublicKey || next.Selector != old.Selector || w.active("example.com") != was {
				t.Errorf("turn %d: %+v", turn, next)
			}
			w.pass("example.com", 1, second) // seen
			if id = w.get("example.com"); !id.Check.Next.Equal(w.clock.Now().Add(time.Hour)) {
				t.Errorf("turn %d: next %v", turn, id.Check.Next)
			}
			w.pass("example.com", 1, hour-second)
			if w.active("example.com") != was {
				t.Errorf("turn %d: the new key signs while verifiers may remember the old one", turn)
			}
			w.pass("example.com", 1, second)
			if w.active("example.com") != tokens[turn%3] || !slices.Equal(w.get("example.com").Tokens(), tokens) {
				t.Errorf("turn %d: %+v", turn, w.get("example.com").Keys)
			}
			w.signed("a@example.com", "example.com")
		}
		if id.DKIM != success || len(w.told("example.com")) != 2 {
			t.Error("the account was told of a rotation")
		}
	})
}

func TestAKeyThatIsNotFoundNeverSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), func(o *identity.Options) { o.RotateEvery = 30 * day; o.Names.Zone = "" })
	id := w.create("example.com", easy())
	for _, k := range id.Keys { // the customer publishes the keys by hand
		w.set(k.Selector+"._domainkey.example.com", "TXT", k.Record())
	}
	w.check("example.com")
	for range 10 {
		w.clock.Advance(30 * day)
		if id = w.check("example.com"); id.DKIM != success || id.Verification != success || w.active("example.com") != id.Tokens()[0] {
			t.Fatalf("%+v", id)
		}
		w.signed("a@example.com", "example.com")
	}
	var waiting *identity.Record
	for _, r := range w.Expected(id, identity.Options{}.Names) {
		if r.Purpose == identity.ForNextKey {
			waiting = &r
		}
	}
	if waiting == nil || waiting.Required || waiting.Name != id.Tokens()[1]+"._domainkey.example.com" {
		t.Fatalf("what is to be published for the next key: %+v", waiting)
	}
	w.set(waiting.Name, "TXT", waiting.Value)
	w.check("example.com")
	w.clock.Advance(hour / 2)
	w.set(waiting.Name, "TXT", id.Keys[1].Record()+"x") // and taken back
	if id = w.check("example.com"); id.DKIM != trouble || !id.Keys[1].SeenAt.IsZero() {
		t.Errorf("a key that is wrong at a token that counts: %s %+v", id.DKIM, id.Keys[1])
	}
	w.set(waiting.Name, "TXT", waiting.Value)
	w.check("example.com")
	w.clock.Advance(hour - second)
	if w.check("example.com"); w.active("example.com") != id.Tokens()[0] {
		t.Error("the hour began before the key was taken back")
	}
	w.clock.Advance(second)
	if w.check("example.com"); w.active("example.com") != id.Tokens()[1] {
		t.Error("the new key does not sign")
	}
	w.signed("a@example.com", "example.com")
}

func TestKeysRotateOnDemand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.publish(w.create("example.com", easy()))
	if _, err := w.RotateKeys(ctx, sc, "example.com"); !fault.Is(err, fault.Invalid) {
		t.Errorf("before DKIM is in use: %v", err)
	}
	tokens := w.check("example.com").Tokens()
	for n := 1; n < 3; n++ {
		if _, err := w.RotateKeys(ctx, sc, "example.com"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.RotateKeys(ctx, sc, "example.com"); !fault.Is(err, fault.Conflict) {
			t.Errorf("while a key waits: %v", err)
		}
		w.publish(w.get("example.com"))
		w.pass("example.com", 2, hour)
		if w.active("example.com") != tokens[n] {
			t.Fatalf("turn %d: %+v", n, w.get("example.com").Keys)
		}
	}
	if _, err := w.RotateKeys(ctx, sc, "example.com"); !fault.Is(err, fault.Conflict) {
		t.Errorf("the first token has signed two hours ago, and mail with its key may be under way: %v", err)
	}
	w.clock.Advance(7 * day)
	if _, err := w.RotateKeys(ctx, sc, "example.com"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"none.example", "a@example.com"} {
		if _, err := w.RotateKeys(ctx, sc, name); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANewLengthRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.publish(w.create("example.com", easy()))
	w.check("example.com")
	id := w.setDKIM("example.com", identity.DKIMSetup{NextBits: 2048})
	if id.CurrentBits() != 1024 || id.DKIMInfo.NextBits != 2048 {
		t.Errorf("%+v", id)
	}
	w.pass("example.com", 1, second)
	// Another length while the key waits: it is made anew at the same token.
	w.setDKIM("example.com", identity.DKIMSetup{NextBits: 1024})
	w.clock.Advance(day)
	w.setDKIM("example.com", identity.DKIMSetup{NextBits: 2048})
	w.pass("example.com", 3, hour)
	if id = w.get("example.com"); id.CurrentBits() != 2048 || w.active("example.com") != id.Tokens()[1] || !id.KeyMadeAt().After(id.CreatedAt) {
		t.Errorf("%d, %+v", id.CurrentBits(), id.Keys)
	}
	w.signed("a@example.com", "example.com")
}

func TestInDevKeysRotateAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), func(o *identity.Options) { o.VerifyAtOnce = true })
	w.create("example.com", easy())
	id := w.setDKIM("example.com", identity.DKIMSetup{NextBits: 2048})
	if id.CurrentBits() != 2048 || w.active("example.com") != id.Tokens()[1] || !id.Check.Next.IsZero() {
		t.Errorf("%+v", id)
	}
	for range 3 {
		if _, err := w.RotateKeys(ctx, sc, "example.com"); err != nil {
			t.Error(err)
		}
	}
	w.publish(w.get("example.com"))
	w.signed("a@example.com", "example.com")
	if id := w.setDKIM("example.com", external("mine", pkcs1(rsaKeys()[0]))); id.DKIM != success {
		t.Errorf("%+v", id)
	}
}

// verifier is a mail server elsewhere, which remembers key records for as long as they
// may be.
type verifier struct{ dns *dns.Resolver }

func (v verifier) verify(mail []byte) error {
	found, err := msgauth.VerifyWithOptions(bytes.NewReader(mail), &msgauth.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return v.dns.LookupTXT(ctx, name) },
	})
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("%d signatures", len(found))
	}
	return found[0].Err
}

// TestNoMailFailsWhileKeysRotate has two nodes sign all the time while the keys go round
// more than once. What they sign is verified by servers that remember nothing, and by
// others that remember the old keys for an hour.
func TestNoMailFailsWhileKeysRotate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, func(o *identity.Options) { o.RotateEvery = 30 * day })
		other, _ := w.node()
		w.publish(w.create("example.com", easy()))
		w.check("example.com")
		var verifiers []verifier
		for _, ttl := range []time.Duration{1, time.Hour} {
			r, err := dns.New(dns.Options{Servers: []string{w.dns.Addr()}, MaxTTL: ttl, NegativeTTL: 1, TemporaryTTL: 1, Clock: w.clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			verifiers = append(verifiers, verifier{r})
		}
		raw := []byte("From: a@example.com\r\nSubject: x\r\n\r\nhello\r\n")
		header, body, err := message.Split(raw)
		if err != nil {
			t.Fatal(err)
		}
		var signed atomic.Int64
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for n, ids := range []*identity.Identities{w.Identities, other} {
			signers := identity.NewSigners(ids, rsasign.Open(rsasign.Options{}))
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					list, err := signers.For(ctx, sc, address.Address{Local: "a", Domain: "example.com"}, "")
					if err != nil || len(list) != 1 {
						t.Errorf("node %d: %v, %v", n, list, err)
						return
					}
					field, err := own.Sign(header, body, own.Options{Domain: list[0].Domain, Selector: list[0].Selector, Key: list[0].Key})
					if err != nil {
						t.Error(err)
						return
					}
					mail := append(field, raw...)
					for _, v := range verifiers {
						if err := v.verify(mail); err != nil {
							t.Errorf("node %d at %v with %s: %v", n, w.clock.Now(), list[0].Selector, err)
						}
					}
					signed.Add(1)
				}
			})
		}
		used := []string{w.active("example.com")}
		for range 5 {
			w.clock.Advance(30 * day)
			w.pass("example.com", 8, 10*time.Minute)
			w.await(&signed, 20)
			used = append(used, w.active("example.com"))
		}
		close(stop)
		wg.Wait()
		tokens := w.get("example.com").Tokens()
		if want := []string{tokens[0], tokens[1], tokens[2], tokens[0], tokens[1], tokens[2]}; !slices.Equal(used, want) {
			t.Errorf("the tokens signed in the order %s, want %s", strings.Join(used, " "), strings.Join(want, " "))
		}
	})
}

// await waits until n more messages have been signed.
func (w *world) await(signed *atomic.Int64, n int64) {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for want := signed.Load() + n; signed.Load() < want && !w.t.Failed(); {
		if time.Now().After(deadline) {
			w.t.Fatal("nobody signs")
		}
		<-time.After(time.Millisecond)
	}
}
