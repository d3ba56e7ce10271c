// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

// step is a time, what DNS shows then, and what becomes of a domain: its own status and
// that of its DKIM.
type step struct {
	after       time.Duration
	dns         string // all, none, two, wrong, broken, token, bare, prefixed, shouted; "" for no change
	status      identity.Status
	dkim        identity.Status
	reason      string
	told        []notice.Kind
	mayBeSigned bool
}

const (
	hour   = time.Hour
	second = time.Second

	pending = identity.Pending
	success = identity.Success
	failed  = identity.Failed
	trouble = identity.TemporaryFailure
)

var (
	found   = step{0, "all", success, success, "", []notice.Kind{notice.DKIMSuccess, notice.DomainVerified}, true}
	refound = []notice.Kind{notice.DKIMSuccess}
	lapsed  = []notice.Kind{notice.DKIMFailed, notice.DomainFailed}
	warned  = []notice.Kind{notice.DKIMWarning}
)

func domainCases() map[string][]step {
	return map[string][]step{
		"found at once": {found},
		"found after days, the last moment but one": {
			{0, "none", pending, pending, "HOST_NOT_FOUND", nil, false},
			{72*hour - second, "all", success, success, "", found.told, true},
		},
		"not found in 72 hours, and not looked for again": {
			{72*hour - second, "none", pending, pending, "HOST_NOT_FOUND", nil, false},
			{second, "", failed, failed, "HOST_NOT_FOUND", lapsed, false},
			{hour, "all", failed, failed, "", nil, false},
		},
		"two of three records are not enough": {
			{0, "two", pending, pending, "HOST_NOT_FOUND", nil, false},
			{hour, "all", success, success, "", found.told, true},
		},
		"keys that are not ours": {{0, "wrong", pending, pending, "INVALID_VALUE", nil, false}},
		"names without TXT":      {{0, "empty", pending, pending, "TYPE_NOT_FOUND", nil, false}},
		"a CNAME is there, but the server fails at TXT": {
			{0, "broken", pending, pending, "DNS_SERVER_ERROR", nil, false},
			{72 * hour, "", failed, failed, "DNS_SERVER_ERROR", lapsed, false},
		},
		"gone for two days and back: warned, but verified and signed all the time": {
			found,
			{100 * hour, "none", trouble, trouble, "HOST_NOT_FOUND", warned, false},
			{48 * hour, "", trouble, trouble, "HOST_NOT_FOUND", nil, false},
			{hour, "all", success, success, "", refound, true},
		},
		"gone for 72 hours: failed, and unsigned": {
			found,
			{100 * hour, "none", trouble, trouble, "HOST_NOT_FOUND", warned, false},
			{72*hour - second, "", trouble, trouble, "HOST_NOT_FOUND", nil, false},
			{second, "", failed, failed, "HOST_NOT_FOUND", lapsed, false},
			{hour, "all", failed, failed, "", nil, false},
		},
		"back at the last moment": {
			found,
			{100 * hour, "none", trouble, trouble, "HOST_NOT_FOUND", warned, false},
			{72*hour - second, "all", success, success, "", refound, true},
		},
		"the server fails for less than a day": {
			found,
			{100 * hour, "broken", success, success, "DNS_SERVER_ERROR", nil, false},
			{24*hour - second, "", success, success, "DNS_SERVER_ERROR", nil, false},
			{0, "all", success, success, "", nil, true},
			{100 * hour, "broken", success, success, "DNS_SERVER_ERROR", nil, false},
			{24*hour - second, "", success, success, "DNS_SERVER_ERROR", nil, false},
		},
		"the server fails for a day, and then counts as having nothing": {
			found,
			{100 * hour, "broken", success, success, "DNS_SERVER_ERROR", nil, false},
			{24 * hour, "", trouble, trouble, "DNS_SERVER_ERROR", warned, false},
			{72 * hour, "", failed, failed, "DNS_SERVER_ERROR", lapsed, false},
		},
		"the TXT token alone proves the domain, not DKIM": {
			{0, "token", success, pending, "HOST_NOT_FOUND", []notice.Kind{notice.DomainVerified}, false},
			{72 * hour, "", success, failed, "HOST_NOT_FOUND", []notice.Kind{notice.DKIMFailed}, false},
			{hour, "none", trouble, failed, "HOST_NOT_FOUND", nil, false},
			{hour, "token", success, failed, "", nil, false},
		},
		"the token at the domain itself":              {{0, "bare", success, pending, "HOST_NOT_FOUND", []notice.Kind{notice.DomainVerified}, false}},
		"the token at the domain itself, with prefix": {{0, "prefixed", success, pending, "HOST_NOT_FOUND", []notice.Kind{notice.DomainVerified}, false}},
		"the token in other letters is another":       {{0, "shouted", pending, pending, "HOST_NOT_FOUND", nil, false}},
		"DKIM records gone, but the token is there: still verified": {
			found,
			{100 * hour, "token", success, trouble, "HOST_NOT_FOUND", warned, false},
			{72 * hour, "", success, failed, "HOST_NOT_FOUND", []notice.Kind{notice.DKIMFailed}, false},
		},
	}
}

func TestDomainsFollowTheirDNS(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, steps := range domainCases() {
			w := newWorld(t, db)
			domain := strings.ReplaceAll(strings.Trim(strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
					return r
				}
				return '-'
			}, strings.ToLower(name)), "-"), "--", "-")
			domain = strings.TrimRight(domain[:min(len(domain), 50)], "-") + ".example"
			id := w.create(domain, easy())
			for n, s := range steps {
				w.clock.Advance(s.after)
				w.show(id, s.dns)
				got := w.check(domain)
				told := w.told(domain)
				if got.Verification != s.status || got.DKIM != s.dkim || got.Check.Error != s.reason || !slices.Equal(told, s.told) {
					t.Errorf("%s, step %d: %s %s %q, told %v; want %+v", name, n, got.Verification, got.DKIM, got.Check.Error, told, s)
				}
				if watched := s.status != failed || s.dkim != failed; got.Check.Next.After(w.clock.Now()) != watched {
					t.Errorf("%s, step %d: the next check is at %v, now is %v", name, n, got.Check.Next, w.clock.Now())
				}
				if !got.Check.At.Equal(w.clock.Now()) || got.Verified() != (s.status == success || s.status == trouble) {
					t.Errorf("%s, step %d: %+v", name, n, got)
				}
				w.signs(domain, got, s)
			}
		}
	})
}

// signs checks that mail is signed as the status says, and well where the keys are in DNS.
func (w *world) signs(domain string, id identity.Identity, s step) {
	w.t.Helper()
	mail := w.sign(sc, "a@"+domain)
	want := id.Verified() && (s.dkim == success || s.dkim == trouble)
	if got := strings.HasPrefix(string(mail), "DKIM-Signature:"); got != want {
		w.t.Errorf("%s: signed %v, want %v", domain, got, want)
	}
	if s.mayBeSigned {
		w.signed("a@"+domain, domain)
	}
}

// show makes DNS show what a step wants.
func (w *world) show(id identity.Identity, what string) {
	w.t.Helper()
	if what == "" {
		return
	}
	w.broken = nil
	w.unpublish(id)
	for _, name := range []string{"_amazonses." + id.Name, id.Name} {
		w.set(name, "TXT")
	}
	switch what {
	case "all":
		w.publish(id)
	case "two":
		two := id
		two.Keys = id.Keys[:2]
		w.publish(two)
	case "wrong":
		for n, k := range id.Keys {
			w.set(k.Selector+"._domainkey."+id.Name, "TXT", "v=DKIM1; p="+strings.Repeat("A", 40+n), "something else", "p=")
		}
	case "empty":
		for _, k := range id.Keys {
			w.set(k.Selector+"._domainkey."+id.Name, "A", "192.0.2.1")
		}
	case "broken":
		w.breakDNS(id)
	case "token":
		w.set("_amazonses."+id.Name, "TXT", "another region's", id.Token)
	case "bare":
		w.set(id.Name, "TXT", "v=spf1 -all", id.Token)
	case "prefixed":
		w.set(id.Name, "TXT", "amazonses:"+id.Token)
	case "shouted":
		w.set("_amazonses."+id.Name, "TXT", strings.ToUpper(id.Token), id.Token+" ")
	}
}

func TestAddressesFollowTheirLink(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.create("a@late.example", identity.Settings{})
		w.create("a@quick.example", identity.Settings{})
		if told := w.told("a@late.example"); !slices.Equal(told, []notice.Kind{notice.VerifyAddress}) {
			t.Errorf("told %v", told)
		}
		w.clock.Advance(24*hour - second)
		if id := w.check("a@late.example"); id.Verification != pending || !id.Check.Next.Equal(w.clock.Now().Add(second)) {
			t.Errorf("before 24 hours: %s, next %v", id.Verification, id.Check.Next)
		}
		if id, err := w.Confirm(ctx, sc, "a@quick.example"); err != nil || !id.Verified() || id.VerifiedAt.IsZero() {
			t.Errorf("%+v, %v", id, err)
		}
		w.clock.Advance(second)
		if n, err := w.checker.Round(ctx); n != 1 || err != nil {
			t.Errorf("%d checks, %v", n, err)
		}
		if id := w.get("a@late.example"); id.Verification != failed || !id.Check.Next.IsZero() {
			t.Errorf("after 24 hours: %s, next %v", id.Verification, id.Check.Next)
		}
		w.clock.Advance(1000 * hour)
		if id := w.check("a@quick.example"); id.Verification != success {
			t.Errorf("a verified address is %s after weeks", id.Verification)
		}
		id, err := w.Resend(ctx, sc, "a@late.example")
		if told := w.told("a@late.example"); err != nil || id.Verification != pending || !slices.Equal(told, []notice.Kind{notice.VerifyAddress}) {
			t.Errorf("resent: %+v, told %v, %v", id, told, err)
		}
		if _, err := w.Resend(ctx, sc, "a@quick.example"); err != nil || len(w.told("a@quick.example")) != 1 {
			t.Errorf("a verified address was asked again, %v", err)
		}
		if _, err := w.Confirm(ctx, sc, "b@quick.example"); !fault.Is(err, fault.NotFound) {
			t.Errorf("an address that was deleted: %v", err)
		}
		if id := w.create("c@quick.example", identity.Settings{Confirmed: true}); !id.Verified() || len(w.told("c@quick.example")) != 0 {
			t.Errorf("an address that has proven itself: %+v", id)
		}
	})
}

func TestAFailedDomainStartsAnew(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(w *world) (identity.Identity, error){
		"by DKIM's set-up": func(w *world) (identity.Identity, error) {
			return w.SetDKIM(ctx, sc, "example.com", identity.DKIMSetup{NextBits: 1024})
		},
		"by asking again": func(w *world) (identity.Identity, error) { return w.Resend(ctx, sc, "example.com") },
	} {
		w := newWorld(t, storetest.SQLite(t))
		made := w.create("example.com", easy())
		w.serve()
		w.clock.Advance(72 * hour)
		if id := w.check("example.com"); id.Verification != failed || id.DKIM != failed {
			t.Fatalf("%+v", id)
		}
		id, err := start(w)
		if err != nil || id.Verification != pending || id.DKIM != pending || !slices.Equal(id.Tokens(), made.Tokens()) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
		w.publish(id)
		if n, err := w.checker.Round(ctx); n != 1 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		w.signed("a@example.com", "example.com")
	}
}

func TestTheOperatorsWordHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	made := w.create("example.com", easy())
	w.serve()
	if _, err := w.MarkVerified(ctx, sc, "example.com"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.clock.Advance(72 * hour)
		id := w.check("example.com")
		if id.Verification != success || id.DKIM != success || id.Check.Error != "HOST_NOT_FOUND" || len(w.told("example.com")) != 0 {
			t.Errorf("%+v", id)
		}
	}
	w.publish(made)
	if id := w.check("example.com"); id.Check.Error != "" {
		t.Errorf("%+v", id)
	}
	w.signed("a@example.com", "example.com")
}

func TestChecksAreFrequentAtFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	id := w.create("example.com", identity.Settings{TokenOnly: true})
	w.serve()
	start, last := w.clock.Now(), time.Duration(0)
	checks := 0
	for id.Verification == pending && checks < 1000 {
		wait := id.Check.Next.Sub(w.clock.Now())
		if wait < last && w.clock.Now().Sub(start)+wait != 72*hour || wait > 15*time.Minute {
			t.Fatalf("after %v: the next check is in %v, the last wait was %v", w.clock.Now().Sub(start), wait, last)
		}
		last = wait
		w.clock.Advance(wait)
		if n, err := w.checker.Round(ctx); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		id = read(t, w.Identities, "example.com")
		checks++
	}
	if w.clock.Now().Sub(start) != 72*hour || id.Verification != failed || checks > 350 || checks < 300 {
		t.Errorf("%s after %v and %d checks", id.Verification, w.clock.Now().Sub(start), checks)
	}
	if n, err := w.checker.Round(ctx); n != 0 || err != nil {
		t.Errorf("a failed domain is checked again: %d, %v", n, err)
	}
}

// TestIdentitiesOlderThanTheClock are those of a database that was made before identities
// were checked: their 72 and 24 hours begin with the first look.
func TestIdentitiesOlderThanTheClock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.create("example.com", easy())
		w.create("a@example.org", identity.Settings{})
		w.serve()
		err := db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE identities SET status_since = 0, dkim_since = 0, next_check_at = 1`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(100 * 24 * hour)
		if n, err := w.checker.Round(ctx); n != 2 || err != nil {
			t.Fatalf("%d checks, %v", n, err)
		}
		if id := w.get("example.com"); id.Verification != pending || id.DKIM != pending {
			t.Errorf("%s %s", id.Verification, id.DKIM)
		}
		if id := read(t, w.Identities, "a@example.org"); id.Verification != pending || !id.Check.Next.Equal(w.clock.Now().Add(24*hour)) {
			t.Errorf("%s, next %v", id.Verification, id.Check.Next)
		}
		w.clock.Advance(72 * hour)
		if _, err := w.checker.Round(ctx); err != nil {
			t.Fatal(err)
		}
		if id := w.get("example.com"); id.Verification != failed {
			t.Errorf("after 72 hours: %s", id.Verification)
		}
	})
}
