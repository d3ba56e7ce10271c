// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

// rsaKeys are private keys of 1024 bits that customers bring, made once for all tests.
var rsaKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	keys := make([]*rsa.PrivateKey, 3)
	for n := range keys {
		var err error
		if keys[n], err = rsa.GenerateKey(rand.Reader, 1024); err != nil {
			panic(err)
		}
	}
	return keys
})

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func pkcs1(key *rsa.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key))
}

func external(selector, key string) identity.DKIMSetup {
	return identity.DKIMSetup{Origin: identity.OriginExternal, Selector: selector, PrivateKey: key}
}

func (w *world) setDKIM(name string, d identity.DKIMSetup) identity.Identity {
	w.t.Helper()
	id, err := w.SetDKIM(ctx, sc, name, d)
	if err != nil {
		w.t.Fatal(err)
	}
	w.serve()
	return id
}

func TestKeyLengthMayChange(t *testing.T) {
	t.Parallel()
	type step struct {
		after time.Duration
		bits  int
		text  string
	}
	const same, soon = "key length is RSA_%_BIT already", "changed less than 24 hours ago"
	for name, c := range map[string]struct {
		first int
		steps []step
	}{
		"not to the length that is set":          {2048, []step{{hour, 2048, strings.Replace(same, "%", "2048", 1)}}},
		"down at once":                           {2048, []step{{0, 1024, ""}}},
		"up at once, if never changed":           {1024, []step{{0, 2048, ""}}},
		"up not within a day of the change down": {2048, []step{{0, 1024, ""}, {24*hour - second, 2048, soon}, {second, 2048, ""}}},
		"down within a day of the change up":     {1024, []step{{0, 2048, ""}, {hour, 1024, ""}, {hour, 1024, strings.Replace(same, "%", "1024", 1)}, {hour, 2048, soon}}},
		"to no other length":                     {2048, []step{{0, 4096, "1024 or 2048"}, {0, 512, "1024 or 2048"}}},
		"nothing is asked":                       {2048, []step{{0, 0, ""}}},
	} {
		w := newWorld(t, storetest.SQLite(t))
		w.create("example.com", identity.Settings{DKIM: identity.DKIMSetup{NextBits: c.first}})
		for n, s := range c.steps {
			w.clock.Advance(s.after)
			id, err := w.SetDKIM(ctx, sc, "example.com", identity.DKIMSetup{NextBits: s.bits})
			if s.text == "" {
				if err != nil || s.bits != 0 && id.DKIMInfo.NextBits != s.bits || id.CurrentBits() != c.first {
					t.Errorf("%s, step %d: %+v, %v", name, n, id.DKIMInfo, err)
				}
				continue
			}
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.PeerText(err), "The input you provided is invalid: ") || !strings.Contains(fault.PeerText(err), s.text) {
				t.Errorf("%s, step %d: %v", name, n, err)
			}
		}
	}
}

func TestKeysThatCustomersBring(t *testing.T) {
	t.Parallel()
	key := rsaKeys()[0]
	for name, text := range map[string]string{"PKCS #1": pkcs1(key), "PKCS #8": pkcs8(t, key)} {
		w := newWorld(t, storetest.SQLite(t))
		id := w.create("example.com", identity.Settings{DKIM: external("Sel1", text)})
		if id.DKIM != pending || id.DKIMInfo.Origin != identity.OriginExternal || len(id.Tokens()) != 0 || id.CurrentBits() != 0 || !id.KeyMadeAt().IsZero() {
			t.Errorf("%s: %+v", name, id)
		}
		w.signed("a@example.com")
		w.publish(id)
		if id = w.check("example.com"); id.DKIM != success || id.Verification != success {
			t.Errorf("%s: %+v", name, id)
		}
		w.signed("a@example.com", "example.com")
		if _, ok, err := w.KeyRecord(ctx, "Sel1"); ok || err != nil {
			t.Errorf("%s: the service publishes the customer's key, %v", name, err)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	good := rsaKeys()[0]
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(small)}))
	damaged := []byte(pkcs1(small))
	copy(damaged[400:], "AAAAAAAAAAAA")
	const selector, private = "SigningAttributes.DomainSigningSelector", "SigningAttributes.DomainSigningPrivateKey"
	w := newWorld(t, storetest.SQLite(t))
	w.create("example.com", easy())
	for _, c := range []struct{ name, selector, key, field string }{
		{"no key", "sel", "", private},
		{"no selector", "", pkcs1(small), selector},
		{"a selector with a period", "a.b", pkcs1(small), selector},
		{"a selector that begins with a hyphen", "-a", pkcs1(small), selector},
		{"a selector of 64 characters", strings.Repeat("a", 64), pkcs1(small), selector},
		{"a selector with a line break at its end", "sel\n", pkcs1(small), selector},
		{"header and footer", "sel", whole, private},
		{"line breaks", "sel", pkcs1(small)[:64] + "\n" + pkcs1(small)[64:], private},
		{"spaces", "sel", pkcs1(small)[:64] + " " + pkcs1(small)[64:], private},
		{"a public key", "sel", base64.StdEncoding.EncodeToString(public), private},
		{"too long a modulus", "sel", pkcs1(big), private},
		{"an Ed25519 key", "sel", pkcs8(t, ed), private},
		{"a damaged key", "sel", string(damaged), private},
		{"not base64", "sel", "%%%%", private},
		{"a megabyte", "sel", strings.Repeat("QUFB", 1<<18), private},
	} {
		_, err := w.SetDKIM(ctx, sc, "example.com", external(c.selector, c.key))
		var f *fault.Error
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if f, _ = err.(*fault.Error); f == nil || f.Field != c.field || !strings.Contains(f.Text, c.field[len("SigningAttributes."):]) {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(c.key) > 100 && strings.Contains(err.Error(), c.key[64:90]) {
			t.Errorf("%s: the error shows the key", c.name)
		}
	}
	if id := w.get("example.com"); id.DKIMInfo.Origin != identity.OriginEasy || len(id.Tokens()) != 3 {
		t.Errorf("a refused key has changed the identity: %+v", id)
	}
	if id := w.setDKIM("example.com", external(strings.Repeat("a", 63), pkcs1(good))); id.DKIM != pending {
		t.Errorf("a selector of 63 characters: %+v", id)
	}
	if _, err := w.SetDKIM(ctx, sc, "a@example.com", identity.DKIMSetup{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("no identity: %v", err)
	}
	w.create("a@example.com", identity.Settings{})
	if _, err := w.SetDKIM(ctx, sc, "a@example.com", identity.DKIMSetup{}); fault.PeerText(err) != "The EmailIdentity value must be a valid domain." {
		t.Errorf("an address: %v", err)
	}
	if _, err := w.SetDKIM(ctx, sc, "example.com", identity.DKIMSetup{Origin: "AWS_SES_us-east-1"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an origin that is none: %v", err)
	}
}

func TestSwitchingTheOriginLeavesAGap(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		first := w.create("example.com", easy())
		w.publish(first)
		w.check("example.com")
		w.signed("a@example.com", "example.com")

		brought := w.setDKIM("example.com", external("mine", pkcs1(rsaKeys()[0])))
		if brought.DKIM != pending || brought.Verification != success {
			t.Errorf("%+v", brought)
		}
		w.signed("a@example.com") // the old method is no fallback
		if _, ok, err := w.KeyRecord(ctx, first.Tokens()[0]); !ok || err != nil {
			t.Error("mail under way can't be verified: the old key is gone")
		}
		w.publish(brought)
		w.check("example.com")
		w.signed("a@example.com", "example.com")

		back := w.setDKIM("example.com", identity.DKIMSetup{Origin: identity.OriginEasy})
		if !slices.Equal(back.Tokens(), first.Tokens()) || back.DKIM != pending {
			t.Errorf("back with other tokens: %+v", back)
		}
		w.signed("a@example.com")
		w.check("example.com") // the CNAMEs are still there
		w.signed("a@example.com", "example.com")
	})
}

func TestOneExternalKeyTakesOverFromAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.publish(w.create("example.com", identity.Settings{DKIM: external("one", pkcs1(rsaKeys()[0]))}))
	w.check("example.com")
	w.clock.Advance(hour)
	id := w.setDKIM("example.com", external("two", pkcs1(rsaKeys()[1])))
	if id.DKIM != pending {
		t.Errorf("%+v", id)
	}
	w.signed("a@example.com", "example.com") // with the old one
	if id = w.check("example.com"); id.DKIM != pending || id.Verification != success {
		t.Errorf("the new record is not there: %s %s", id.DKIM, id.Verification)
	}
	w.publish(id)
	if id = w.check("example.com"); id.DKIM != success || len(id.Keys) != 1 || id.Keys[0].Selector != "two" {
		t.Errorf("%+v", id)
	}
	w.set("one._domainkey.example.com", "TXT")
	w.signed("a@example.com", "example.com")

	// Another key at the same selector can't be there at the same time as the old one.
	id = w.setDKIM("example.com", external("two", pkcs1(rsaKeys()[2])))
	w.signed("a@example.com")
	w.publish(id)
	w.check("example.com")
	w.signed("a@example.com", "example.com")
}

func TestReplicasShareTheKeysOfTheirParent(t *testing.T) {
	t.Parallel()
	away := scope.Scope{Account: sc.Account, Region: "eu-west-1"}
	replica := identity.Settings{DKIM: identity.DKIMSetup{Origin: identity.ReplicaOf(sc.Region)}}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		parent := w.create("example.com", easy())
		w.serve()
		id, err := w.Create(ctx, away, "example.com", replica)
		if err != nil || id.DKIMInfo.Origin != "AWS_SES_US_EAST_1" || !slices.Equal(id.Tokens(), parent.Tokens()) || id.DKIM != pending {
			t.Fatalf("%+v, %v", id, err)
		}
		w.publish(parent)
		if id, err = w.CheckNow(ctx, away, "example.com"); err != nil || id.DKIM != success || id.Verification != success {
			t.Errorf("%+v, %v", id, err)
		}
		w.check("example.com")
		if got := w.verify(w.sign(away, "a@example.com")); !slices.Equal(got, []string{"example.com"}) {
			t.Errorf("signed by %v", got)
		}
		if err := w.Delete(ctx, sc, "example.com"); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(2 * second)
		if id, err = w.CheckNow(ctx, away, "example.com"); err != nil || id.DKIM != trouble || id.Check.Error != "REPLICATION_PRIMARY_NOT_FOUND" {
			t.Errorf("without its parent: %+v, %v", id, err)
		}
		if got := w.verify(w.sign(away, "a@example.com")); len(got) != 0 {
			t.Errorf("without its parent signed by %v", got)
		}
	})
}

func TestReplicasThatCantBe(t *testing.T) {
	t.Parallel()
	away := scope.Scope{Account: sc.Account, Region: "eu-west-1"}
	for _, c := range []struct {
		name   string
		parent func(w *world)
		of     string
		want   string
	}{
		{"of nothing", func(*world) {}, sc.Region, "REPLICATION_PRIMARY_NOT_FOUND"},
		{"of a domain without DKIM", func(w *world) { w.create("example.com", identity.Settings{TokenOnly: true}) }, sc.Region, "REPLICATION_PRIMARY_NOT_FOUND"},
		{"of a key that a customer brought", func(w *world) {
			w.create("example.com", identity.Settings{DKIM: external("sel", pkcs1(rsaKeys()[0]))})
		}, sc.Region, "REPLICATION_PRIMARY_BYO_DKIM_NOT_SUPPORTED"},
		{"of a replica", func(w *world) {
			w.create("example.com", identity.Settings{DKIM: identity.DKIMSetup{Origin: identity.ReplicaOf("us-west-2")}})
		}, sc.Region, "REPLICATION_REPLICA_AS_PRIMARY_NOT_SUPPORTED"},
		{"of its own region", func(*world) {}, away.Region, "REPLICATION_PRIMARY_INVALID_REGION"},
	} {
		w := newWorld(t, storetest.SQLite(t))
		c.parent(w)
		id, err := w.Create(ctx, away, "example.com", identity.Settings{DKIM: identity.DKIMSetup{Origin: identity.ReplicaOf(c.of)}})
		if err != nil || len(id.Tokens()) != 0 {
			t.Fatalf("%s: %+v, %v", c.name, id, err)
		}
		w.records["example.com TXT"] = "example.com. IN TXT \"x\"\n_amazonses.example.com. IN TXT \"x\"\n"
		w.serve()
		if id, err = w.CheckNow(ctx, away, "example.com"); err != nil || id.DKIM != pending || id.Check.Error != c.want {
			t.Errorf("%s: %s %q, %v", c.name, id.DKIM, id.Check.Error, err)
		}
	}
}

func TestSigningOfAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), func(o *identity.Options) { o.VerifyAtOnce = true })
	for _, name := range []string{"example.com", "a@example.com", "a@sub.example.com", "a@gmail.com"} {
		w.create(name, easy())
	}
	w.publish(w.get("example.com"))
	set := func(name string, on bool) error { return w.SetSigning(ctx, sc, name, on) }
	w.signed("a@example.com", "example.com")
	w.signed("b@sub.example.com", "example.com")
	w.signed("a@sub.example.com") // an address's own domain counts, and no other
	if err := set("a@example.com", false); err != nil {
		t.Fatal(err)
	}
	w.signed("a@example.com")
	w.signed("b@example.com", "example.com")
	if id := w.get("a@example.com"); id.Signing || !id.DKIMInfo.Override || id.DKIM != success {
		t.Errorf("%+v", id)
	}
	if err := set("a@example.com", true); err != nil {
		t.Fatal(err)
	}
	w.signed("a@example.com", "example.com")
	for _, name := range []string{"a@gmail.com", "a@sub.example.com"} {
		if err := set(name, true); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.PeerText(err), "can't be enabled for "+name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := set(name, false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := set("example.com", false); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * second) // an address sees its domain's change within a second
	for _, from := range []string{"a@example.com", "b@example.com", "b@sub.example.com"} {
		w.signed(from)
	}
	if err := set("a@example.com", true); !fault.Is(err, fault.Invalid) {
		t.Errorf("while the domain does not sign: %v", err)
	}
	if err := set("example.com", true); err != nil {
		t.Fatal(err)
	}
	w.signed("b@example.com", "example.com")
	if err := set("none.example", true); !fault.Is(err, fault.NotFound) {
		t.Errorf("no identity: %v", err)
	}
}

func TestEd25519SignsOnceItIsInDNS(t *testing.T) {
	t.Parallel()
	wanted := true
	w := newWorld(t, storetest.SQLite(t), func(o *identity.Options) {
		o.Names.Zone = ""
		o.Signatures = func(context.Context, scope.Scope, string, string) (identity.Signatures, error) {
			return identity.Signatures{Ed25519: wanted}, nil
		}
	})
	w.publish(w.create("example.com", easy()))
	id := w.check("example.com")
	if len(id.Keys) != 4 || id.Keys[3].Algorithm != identity.Ed25519 || len(id.Tokens()) != 3 {
		t.Fatalf("%+v", id.Keys)
	}
	w.serve()
	id = w.check("example.com")
	w.signed("a@example.com", "example.com")
	if id.DKIM != success || id.Verification != success {
		t.Errorf("the second key is needed: %+v", id)
	}
	ed := id.Keys[3]
	w.set(ed.Selector+"._domainkey.example.com", "TXT", ed.Record())
	w.check("example.com")
	w.signed("a@example.com", "example.com", "example.com")
	if mail := string(w.sign(sc, "a@example.com")); !strings.Contains(mail, "a=rsa-sha256") || !strings.Contains(mail, "a=ed25519-sha256") {
		t.Errorf("%s", mail)
	}
	if txt, ok, err := w.KeyRecord(ctx, ed.Selector); !ok || err != nil || !strings.HasPrefix(txt, "v=DKIM1; k=ed25519; p=") {
		t.Errorf("%q, %v, %v", txt, ok, err)
	}
	wanted = false
	w.signed("a@example.com", "example.com")
	wanted = true
	w.set(ed.Selector+"._domainkey.example.com", "TXT")
	w.check("example.com")
	w.signed("a@example.com", "example.com")
}

func TestTheServiceSignsAllMail(t *testing.T) {
	t.Parallel()
	wanted := true
	w := newWorld(t, storetest.SQLite(t), func(o *identity.Options) {
		o.Signatures = func(context.Context, scope.Scope, string, string) (identity.Signatures, error) {
			return identity.Signatures{Service: wanted}, nil
		}
	})
	for range 2 {
		if err := w.EnsureService(ctx); err != nil {
			t.Fatal(err)
		}
	}
	service, err := w.Get(ctx, scope.Scope{Account: scope.ServiceAccount, Region: "service"}, string(names.Zone))
	if err != nil {
		t.Fatal(err)
	}
	w.publish(w.create("example.com", easy()))
	w.check("example.com")
	w.signed("a@example.com", "example.com") // the service's key is not in DNS yet
	for _, k := range service.Keys {
		txt, ok, err := w.KeyRecord(ctx, k.Selector)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		w.set(names.ServiceKey(k.Selector), "TXT", txt)
	}
	if _, err := w.CheckNow(ctx, service.Scope, service.Name); err != nil {
		t.Fatal(err)
	}
	w.signed("a@example.com", "example.com", "ses.example.net")
	w.signed("a@unsigned.example", "ses.example.net")
	if told := w.told(service.Name); len(told) != 0 {
		t.Errorf("nobody can be told of the service's own domain: %v", told)
	}
	wanted = false
	w.signed("a@example.com", "example.com")
}
