// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/dns/dnstest"
	"sesame/internal/testkit/storetest"
)

func TestNodesShareTheWork(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		const domains = 60
		for n := range domains {
			name := fmt.Sprintf("d%d.example", n)
			id := w.create(name, identity.Settings{TokenOnly: true})
			w.records["_amazonses."+name+" TXT"] = fmt.Sprintf("_amazonses.%s. IN TXT %q\n", name, id.Token)
		}
		w.serve()
		checkers := []*identity.Checker{w.checker}
		for range 3 {
			_, c := w.node()
			checkers = append(checkers, c)
		}
		var wg sync.WaitGroup
		for _, c := range checkers {
			wg.Go(func() {
				if _, err := c.Round(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		asked := map[string]int{}
		for _, q := range w.dns.Asked() {
			asked[q]++
		}
		checks := int64(0)
		for _, c := range checkers {
			checks += c.Stats().Checks
		}
		if checks != domains {
			t.Errorf("%d checks of %d domains", checks, domains)
		}
		w.clock.Advance(2 * second) // a node sees another's changes within a second
		for n := range domains {
			name := fmt.Sprintf("d%d.example", n)
			if id := w.get(name); id.Verification != success || asked["TXT _amazonses."+name+"."] != 1 {
				t.Errorf("%s: %s, asked for %d times", name, id.Verification, asked["TXT _amazonses."+name+"."])
			}
			if told := w.told(name); !slices.Equal(told, []notice.Kind{notice.DomainVerified}) {
				t.Errorf("%s: told %v", name, told)
			}
		}
	})
}

func TestAnotherNodeTakesOverFromOneThatDied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	id := w.create("example.com", identity.Settings{TokenOnly: true})
	w.set("_amazonses.example.com", "TXT", id.Token)
	dying, stop := context.WithCancel(ctx)
	_, dead := w.node(func(o *identity.Options) { o.Resolver = meanwhile{o.Resolver, stop} })
	if _, err := dead.Round(dying); err != nil && dying.Err() == nil {
		t.Fatal(err)
	}
	if id = w.get("example.com"); id.Verification != pending {
		t.Errorf("a node that stops has moved %+v", id)
	}
	if n, err := w.checker.Round(ctx); n != 0 || err != nil {
		t.Errorf("%d checks beside the claim, %v", n, err)
	}
	w.clock.Advance(2 * time.Minute)
	if n, err := w.checker.Round(ctx); n != 1 || err != nil || w.get("example.com").Verification != success {
		t.Errorf("%d checks, %v", n, err)
	}
}

// meanwhile is a resolver during whose first answer something else happens.
type meanwhile struct {
	identity.Resolver
	happens func()
}

func (m meanwhile) QueryTXT(ctx context.Context, name string) (dns.Result[string], error) {
	if strings.HasPrefix(name, "_amazonses.") {
		m.happens()
	}
	return m.Resolver.QueryTXT(ctx, name)
}

func TestACheckNeverOverwritesAChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, c := range map[string]struct {
			change func(w *world)
			want   func(id identity.Identity) bool
		}{
			"another MAIL FROM domain": {
				func(w *world) { w.setMailFrom("example.com", "m.example.com", identity.RejectMessage) },
				func(id identity.Identity) bool {
					return id.MailFrom.Domain == "m.example.com" && id.MailFrom.Status == pending && id.Verification == pending
				},
			},
			"DKIM switched off": {
				func(w *world) {
					if err := w.SetSigning(ctx, sc, "example.com", false); err != nil {
						w.t.Error(err)
					}
				},
				func(id identity.Identity) bool { return !id.Signing && id.Verification == pending },
			},
			"deleted and made again": {
				func(w *world) {
					if err := w.Delete(ctx, sc, "example.com"); err != nil {
						w.t.Error(err)
					}
					w.create("example.com", identity.Settings{TokenOnly: true})
				},
				func(id identity.Identity) bool { return id.Verification == pending },
			},
			"deleted": {
				func(w *world) {
					if err := w.Delete(ctx, sc, "example.com"); err != nil {
						w.t.Error(err)
					}
				},
				nil,
			},
			"verified by the operator": {
				func(w *world) {
					if _, err := w.MarkVerified(ctx, sc, "example.com"); err != nil {
						w.t.Error(err)
					}
				},
				func(id identity.Identity) bool { return id.Vouched && id.Verification == success },
			},
			"checked by another node": {
				func(w *world) { w.check("example.com") },
				func(id identity.Identity) bool { return id.Verification == success },
			},
		} {
			w := newWorld(t, db)
			id := w.create("example.com", identity.Settings{TokenOnly: true})
			w.set("_amazonses.example.com", "TXT", id.Token)
			w.told("example.com")
			slow, _ := w.node(func(o *identity.Options) { o.Resolver = meanwhile{o.Resolver, sync.OnceFunc(func() { c.change(w) })} })
			if _, err := slow.CheckNow(ctx, sc, "example.com"); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
			got, err := w.Get(ctx, sc, "example.com")
			if c.want == nil {
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: %+v, %v", name, got, err)
				}
				continue
			}
			if err != nil || !c.want(got) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			w.told("example.com")
			if err := w.Delete(ctx, sc, "example.com"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTheCheckerRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.checker.Run(running)
	}()
	w.create("example.com", identity.Settings{TokenOnly: true})
	deadline := time.Now().Add(30 * time.Second)
	for w.checker.Stats().Checks == 0 && time.Now().Before(deadline) {
		<-time.After(time.Millisecond)
	}
	stop()
	<-ended
	if s := w.checker.Stats(); s.Checks == 0 || s.Active != 0 || s.MaxActive == 0 {
		t.Errorf("%+v", s)
	}
}

// TestSilentNameServersHoldUpNobodyElse gives one account more domains with silent name
// servers than there are checks at once. Another account's domain is checked meanwhile.
func TestSilentNameServersHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	waiting, answered, end := make(chan string, 100), make(chan string, 100), make(chan struct{})
	ids, checker := w.node(func(o *identity.Options) { o.Resolver = blocking{o.Resolver, waiting, answered, end} })
	running, stop := context.WithCancel(ctx)
	for n := range 40 {
		hostile := scope.Scope{Account: "999999999999", Region: sc.Region}
		if _, err := ids.Create(ctx, hostile, fmt.Sprintf("s%d.example", n), identity.Settings{TokenOnly: true}); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		checker.Run(running)
	}()
	for range 8 { // its share
		<-waiting
	}
	if _, err := ids.Create(ctx, sc, "example.com", identity.Settings{TokenOnly: true}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-answered:
	case <-time.After(30 * time.Second):
		t.Error("nobody has asked about example.com")
	}
	if active := checker.Stats().Active; active > 9 {
		t.Errorf("%d checks at once", active)
	}
	stop()
	close(end)
	<-ended
}

// blocking answers about example.com alone; who asks for others waits until the end.
type blocking struct {
	identity.Resolver
	waiting, answered chan string
	end               chan struct{}
}

func (b blocking) QueryTXT(ctx context.Context, name string) (dns.Result[string], error) {
	switch name {
	case "example.com", "_amazonses.example.com":
		b.answered <- name
		return b.Resolver.QueryTXT(ctx, name)
	}
	if strings.HasPrefix(name, "_amazonses.") {
		b.waiting <- name
	}
	<-b.end
	return dns.Result[string]{}, context.Canceled
}

func TestOddDNS(t *testing.T) {
	t.Parallel()
	for name, zone := range map[string]func(id identity.Identity) dnstest.Zone{
		"a loop of CNAMEs": func(id identity.Identity) (z dnstest.Zone) {
			for _, k := range id.Keys {
				at := k.Selector + "._domainkey.example.com."
				z.Records += at + " IN CNAME " + at + "\n"
			}
			return z
		},
		"hundreds of values, none of them ours": func(id identity.Identity) (z dnstest.Zone) {
			for _, k := range id.Keys {
				for n := range 500 {
					z.Records += fmt.Sprintf("%s._domainkey.example.com. IN TXT \"v=DKIM1; p=%d\" %q\n", k.Selector, n, strings.Repeat("A", 100))
				}
			}
			return z
		},
		"silence": func(id identity.Identity) (z dnstest.Zone) {
			for _, k := range id.Keys {
				z.Silent = append(z.Silent, k.Selector+"._domainkey.example.com")
			}
			z.Silent = append(z.Silent, "example.com", "_amazonses.example.com")
			return z
		},
		"a key that is revoked": func(id identity.Identity) dnstest.Zone {
			return texts(id, func(identity.Key) string { return "v=DKIM1; p=" })
		},
		"a key for something else": func(id identity.Identity) dnstest.Zone {
			return texts(id, func(k identity.Key) string { return k.Record() + "; s=other" })
		},
		"a key for SHA-1 alone": func(id identity.Identity) dnstest.Zone {
			return texts(id, func(k identity.Key) string { return k.Record() + "; h=sha1" })
		},
		"a record of another sort": func(id identity.Identity) dnstest.Zone {
			return texts(id, func(k identity.Key) string { return "k=ed25519; p=" + k.PublicKey })
		},
		"a key without its p= name": func(id identity.Identity) dnstest.Zone {
			return texts(id, func(k identity.Key) string { return k.PublicKey })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.SQLite(t))
			id := w.create("example.com", easy())
			if err := w.dns.Set(zone(id)); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if id = w.check("example.com"); id.Verification != pending || id.DKIM != pending || id.Check.Error == "" {
				t.Errorf("%+v", id)
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	for name, text := range map[string]func(identity.Key) string{
		"the key alone": func(k identity.Key) string { return "p=" + k.PublicKey },
		"with white space in it": func(k identity.Key) string {
			return "v=DKIM1;k=rsa;p=" + k.PublicKey[:50] + "  " + k.PublicKey[50:] + " ;"
		},
		"with all that is allowed": func(k identity.Key) string {
			return "v=DKIM1; h=sha1:sha256; k=rsa; n=a note; s=email:x; t=y:s; p=" + k.PublicKey
		},
		"as a record of many pieces": identity.Key.Record,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.SQLite(t))
			id := w.create("example.com", easy())
			if err := w.dns.Set(texts(id, text)); err != nil {
				t.Fatal(err)
			}
			if id = w.check("example.com"); id.DKIM != success {
				t.Errorf("%+v", id)
			}
		})
	}
}

// texts is a zone with a text for each key.
func texts(id identity.Identity, text func(identity.Key) string) (z dnstest.Zone) {
	for _, k := range id.Keys {
		s := text(k)
		parts := []string{}
		for len(s) > 100 {
			parts, s = append(parts, fmt.Sprintf("%q", s[:100])), s[100:]
		}
		z.Records += k.Selector + "._domainkey.example.com. IN TXT " + strings.Join(append(parts, fmt.Sprintf("%q", s)), " ") + "\n"
	}
	z.NXDomain = []string{"example.com", "_amazonses.example.com"}
	return z
}

func TestANodeSeesAnothersChangesWithinASecond(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		other, _ := w.node()
		id := w.create("example.com", identity.Settings{TokenOnly: true})
		for name, c := range map[string]struct {
			change func() error
			seen   func(identity.Identity, error) bool
		}{
			"its MAIL FROM domain": {
				func() error { return w.SetMailFrom(ctx, sc, "example.com", "m.example.com", "") },
				func(id identity.Identity, err error) bool { return err == nil && id.MailFrom.Domain != "" },
			},
			"a setting": {
				func() error { return w.SetForwarding(ctx, sc, "example.com", false) },
				func(id identity.Identity, err error) bool { return err == nil && !id.Forwarding },
			},
			"what a check finds": {
				func() error {
					w.set("_amazonses.example.com", "TXT", id.Token)
					_, err := w.CheckNow(ctx, sc, "example.com")
					return err
				},
				func(id identity.Identity, err error) bool { return err == nil && id.Verified() },
			},
		} {
			if got, err := other.Get(ctx, sc, "example.com"); c.seen(got, err) {
				t.Fatalf("%s: %+v, %v", name, got, err)
			}
			if err := c.change(); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Second)
			if got, err := other.Get(ctx, sc, "example.com"); !c.seen(got, err) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		if err := w.Delete(ctx, sc, "example.com"); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Second)
		if got, err := other.Get(ctx, sc, "example.com"); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleted: %+v, %v", got, err)
		}
		w.create("example.com", identity.Settings{TokenOnly: true})
		w.clock.Advance(time.Second)
		if _, err := other.Get(ctx, sc, "example.com"); err != nil {
			t.Errorf("made again: %v", err)
		}
	})
}

// TestACheckKeepsTheStartOfTheZone that the domain is in, whatever else it finds.
func TestACheckKeepsTheStartOfTheZone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.create("example.com", easy())
		w.create("mail.example.com", easy()) // is no zone of its own
		w.set("example.com", "SOA", "ns1.example.net. host\\.master.example.net. 4000000000 3600 600 86400 900")
		want := dns.SOA{Primary: "ns1.example.net", Admin: `host\.master.example.net`, Serial: 4_000_000_000}
		for _, name := range []string{"example.com", "mail.example.com"} {
			if id := w.check(name); id.Check.SOA != want || id.Check.Error == "" {
				t.Errorf("%s: %+v", name, id.Check)
			}
		}
		w.set("example.com", "SOA")
		if id := w.check("example.com"); id.Check.SOA != (dns.SOA{}) {
			t.Errorf("when it is gone: %+v", id.Check.SOA)
		}
	})
}
