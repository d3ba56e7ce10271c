// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
	"sesame/internal/core/zone"
	own "sesame/internal/proto/dkim"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/dns/dnstest"
	"sesame/internal/proto/message"
	"sesame/internal/proto/rsasign"
)

// names are those of the service's zone in tests.
var names = zone.Names{Zone: "ses.example.net"}

// world is a server's identities with a clock and a DNS that stand still until a test
// moves them.
type world struct {
	*identity.Identities

	t       *testing.T
	db      *store.DB
	ring    *keyring.Ring
	clock   *clock.Fake
	dns     *dnstest.Server
	checker *identity.Checker
	signers *identity.Signers

	records map[string]string // "NAME TYPE" to the lines of a master file
	broken  []string          // questions that fail
}

func newWorld(t *testing.T, db *store.DB, change ...func(*identity.Options)) *world {
	t.Helper()
	w := &world{
		t: t, db: db, ring: keyring.Ephemeral(), clock: clock.NewFake(time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)),
		dns: dnstest.New(t, dnstest.Zone{}), records: map[string]string{},
	}
	w.Identities, w.checker = w.node(change...)
	w.signers = identity.NewSigners(w.Identities, rsasign.Open(rsasign.Options{}))
	return w
}

// node is another node on the same database.
func (w *world) node(change ...func(*identity.Options)) (*identity.Identities, *identity.Checker) {
	w.t.Helper()
	// Answers are not remembered: DNS is what the test says now.
	r, err := dns.New(dns.Options{Servers: []string{w.dns.Addr()}, Timeout: 500 * time.Millisecond, Rounds: 1,
		MaxTTL: 1, NegativeTTL: 1, TemporaryTTL: 1, Clock: clock.System})
	if err != nil {
		w.t.Fatal(err)
	}
	o := identity.Options{DB: w.db, Seal: w.ring, Clock: w.clock.Now, Random: rand.Reader, Resolver: r, Names: names, FeedbackHost: "mail.example.org"}
	for _, c := range change {
		c(&o)
	}
	ids := identity.New(o)
	return ids, identity.NewChecker(ids, slog.New(slog.DiscardHandler))
}

// easy is Easy DKIM with keys that are made quickly.
func easy() identity.Settings { return identity.Settings{DKIM: identity.DKIMSetup{NextBits: 1024}} }

func (w *world) create(name string, set identity.Settings) identity.Identity {
	w.t.Helper()
	id, err := w.Create(ctx, sc, name, set)
	if err != nil {
		w.t.Fatalf("create %s: %v", name, err)
	}
	return id
}

func (w *world) get(name string) identity.Identity {
	w.t.Helper()
	id, err := w.Get(ctx, sc, name)
	if err != nil {
		w.t.Fatalf("get %s: %v", name, err)
	}
	return id
}

// check looks at DNS for name now.
func (w *world) check(name string) identity.Identity {
	w.t.Helper()
	id, err := w.CheckNow(ctx, sc, name)
	if err != nil {
		w.t.Fatalf("check %s: %v", name, err)
	}
	return id
}

// set makes DNS show values at name, and nothing of the type without any.
func (w *world) set(name, qtype string, values ...string) {
	w.t.Helper()
	key := name + " " + qtype
	delete(w.records, key)
	for _, v := range values {
		if qtype == "TXT" {
			var parts []string
			for part := range slices.Chunk([]byte(v), 200) {
				parts = append(parts, fmt.Sprintf("%q", part))
			}
			v = strings.Join(parts, " ")
		}
		w.records[key] += fmt.Sprintf("%s. IN %s %s\n", name, qtype, v)
	}
	w.serve()
}

// serve hands the records to the name server, with every other name of the identities as
// one that does not exist.
func (w *world) serve() {
	w.t.Helper()
	z := dnstest.Zone{ServFail: w.broken}
	have := map[string]bool{}
	for key, lines := range w.records {
		z.Records += lines
		have[strings.Fields(key)[0]] = true
	}
	ids, _, err := w.List(ctx, sc, "", "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, id := range ids {
		id := w.get(id.Name)
		all := []string{"_amazonses." + id.Name, id.Name, id.MailFrom.Domain}
		for _, k := range id.Keys {
			all = append(all, k.Selector+"._domainkey."+id.Name)
		}
		for _, name := range all {
			if name != "" && !have[name] {
				z.NXDomain = append(z.NXDomain, name)
			}
		}
	}
	if err := w.dns.Set(z); err != nil {
		w.t.Fatal(err)
	}
}

// publish makes DNS show the keys of an identity as they are, behind CNAMEs to the
// service's zone if it has one.
func (w *world) publish(id identity.Identity) {
	w.t.Helper()
	for _, k := range id.Keys {
		at := k.Selector + "._domainkey." + id.Name
		if !k.External {
			w.set(at, "CNAME", names.DKIMTarget(k.Selector)+".")
			at = names.DKIMTarget(k.Selector)
		}
		w.set(at, "TXT", k.Record())
	}
}

// unpublish takes away all that publish made.
func (w *world) unpublish(id identity.Identity) {
	w.t.Helper()
	for _, k := range id.Keys {
		w.set(k.Selector+"._domainkey."+id.Name, "CNAME")
		w.set(k.Selector+"._domainkey."+id.Name, "TXT")
	}
}

// breakDNS makes every question about the keys of id fail.
func (w *world) breakDNS(id identity.Identity) {
	w.t.Helper()
	for _, k := range id.Keys {
		w.broken = append(w.broken, "TXT "+k.Selector+"._domainkey."+id.Name)
	}
	w.broken = append(w.broken, "TXT _amazonses."+id.Name, "TXT "+id.Name)
	w.serve()
}

// told returns the kinds of the notices about name since the last call, in their order.
func (w *world) told(name string) []notice.Kind {
	w.t.Helper()
	rows, err := w.db.Query(ctx, `SELECT kind, detail FROM notices WHERE identity = ? ORDER BY seq`, name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	kinds := []notice.Kind{}
	for rows.Next() {
		var kind notice.Kind
		var text []byte
		var d notice.Detail
		if err := rows.Scan(&kind, &text); err != nil {
			w.t.Fatal(err)
		}
		if err := json.Unmarshal(text, &d); err != nil {
			w.t.Fatal(err)
		}
		warns := kind == notice.DKIMWarning || kind == notice.MailFromTemporary
		if warns != !d.Until.IsZero() || warns && d.Until.Sub(w.clock.Now()) > 72*time.Hour {
			w.t.Errorf("%s until %v", kind, d.Until)
		}
		kinds = append(kinds, kind)
	}
	if err := rows.Close(); err != nil {
		w.t.Fatal(err)
	}
	err = w.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM notices WHERE identity = ?`, name)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return kinds
}

// sign returns a message from addr with its signatures, as it leaves.
func (w *world) sign(sc scope.Scope, addr string) []byte {
	w.t.Helper()
	a, err := address.Parse(addr)
	if err != nil {
		w.t.Fatal(err)
	}
	signers, err := w.signers.For(ctx, sc, a, "")
	if err != nil {
		w.t.Fatal(err)
	}
	raw := []byte("From: " + addr + "\r\nTo: b@example.net\r\nSubject: x\r\n\r\nhello\r\n")
	header, body, err := message.Split(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	var fields []byte
	for _, s := range signers {
		f, err := own.Sign(header, body, own.Options{Domain: s.Domain, Selector: s.Selector, Key: s.Key})
		if err != nil {
			w.t.Fatal(err)
		}
		fields = append(fields, f...)
	}
	return append(fields, raw...)
}

// verify has another implementation check every signature with what DNS shows now, and
// returns their domains.
func (w *world) verify(mail []byte) []string {
	w.t.Helper()
	r, err := dns.New(dns.Options{Servers: []string{w.dns.Addr()}, MaxTTL: 1, NegativeTTL: 1, TemporaryTTL: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	found, err := msgauth.VerifyWithOptions(bytes.NewReader(mail), &msgauth.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return r.LookupTXT(ctx, name) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	domains := []string{}
	for _, v := range found {
		if v.Err != nil {
			w.t.Errorf("signature of %s: %v", v.Domain, v.Err)
		}
		domains = append(domains, v.Domain)
	}
	return domains
}

// signed checks which domains have signed mail from addr, and that they did so well.
func (w *world) signed(addr string, want ...string) {
	w.t.Helper()
	if got := w.verify(w.sign(sc, addr)); !slices.Equal(got, want) {
		w.t.Errorf("mail from %s is signed by %q, want %q", addr, got, want)
	}
}
