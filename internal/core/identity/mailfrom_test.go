// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

func (w *world) setMailFrom(name, domain string, b identity.Behavior) {
	w.t.Helper()
	if err := w.SetMailFrom(ctx, sc, name, domain, b); err != nil {
		w.t.Fatal(err)
	}
	w.serve()
}

func TestMailFromFollowsItsMX(t *testing.T) {
	t.Parallel()
	const ours = "10 feedback-smtp.us-east-1.ses.example.net."
	type step struct {
		after  time.Duration
		mx     string // separated by commas; "-" for no change, "broken" for a server that fails
		status identity.Status
		told   []notice.Kind
	}
	set := []notice.Kind{notice.MailFromSuccess}
	found := step{0, ours, success, set}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, steps := range map[string][]step{
			"found at once": {found},
			"not found in 72 hours, and not looked for again": {
				{72*hour - second, "", pending, nil},
				{second, "-", failed, []notice.Kind{notice.MailFromFailed}},
				{hour, ours, failed, nil},
			},
			"the host of another region": {{0, "0 FEEDBACK-smtp.eu-west-1.ses.example.net.", success, set}},
			"two MX": {
				{0, ours + "," + "20 mail.example.com.", pending, nil},
				{0, ours, success, set},
			},
			"two MX, both ours":               {{0, ours + ",20 feedback-smtp.eu-west-1.ses.example.net.", pending, nil}},
			"another host":                    {{0, "10 mail.example.com.", pending, nil}},
			"a host below ours":               {{0, "10 x.feedback-smtp.us-east-1.ses.example.net.", pending, nil}},
			"a host that is none of a region": {{0, "10 feedback-smtp.U_S.ses.example.net.", pending, nil}},
			"Amazon's own host":               {{0, "10 feedback-smtp.us-east-1.amazonses.com.", pending, nil}},
			"a null MX":                       {{0, "0 .", pending, nil}},
			"a second MX appears, and goes": {
				found,
				{50 * hour, ours + "," + "20 mail.example.com.", trouble, []notice.Kind{notice.MailFromTemporary}},
				{50 * hour, ours, success, set},
			},
			"gone for 72 hours": {
				found,
				{50 * hour, "", trouble, []notice.Kind{notice.MailFromTemporary}},
				{72*hour - second, "-", trouble, nil},
				{second, "-", failed, []notice.Kind{notice.MailFromFailed}},
			},
			"the server fails for a day": {
				found,
				{50 * hour, "broken", success, nil},
				{24*hour - second, "-", success, nil},
				{second, "-", trouble, []notice.Kind{notice.MailFromTemporary}},
				{hour, ours, success, set},
			},
		} {
			w := newWorld(t, db)
			domain := strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(strings.ToLower(name)) + ".example"
			id := w.create(domain, identity.Settings{TokenOnly: true})
			w.set("_amazonses."+domain, "TXT", id.Token)
			w.setMailFrom(domain, "bounce."+domain, identity.RejectMessage)
			if told := w.told(domain); !slices.Equal(told, []notice.Kind{notice.MailFromPending}) {
				t.Errorf("%s: told %v", name, told)
			}
			w.check(domain)
			w.told(domain)
			for n, s := range steps {
				w.clock.Advance(s.after)
				switch s.mx {
				case "-":
				case "broken":
					w.broken = []string{"MX bounce." + domain}
					w.serve()
				default:
					w.broken = nil
					w.set("bounce."+domain, "MX", slices.DeleteFunc(strings.Split(s.mx, ","), func(s string) bool { return s == "" })...)
				}
				got := w.check(domain)
				if told := w.told(domain); got.MailFrom.Status != s.status || !slices.Equal(told, s.told) || got.MailFrom.Behavior != identity.RejectMessage {
					t.Errorf("%s, step %d: %+v, told %v; want %+v", name, n, got.MailFrom, told, s)
				}
			}
		}
	})
}

func TestMailFromDomains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), func(o *identity.Options) { o.VerifyAtOnce = true })
	for _, name := range []string{"example.com", "sub.example.com", "a@example.com"} {
		w.create(name, easy())
	}
	for _, c := range []struct{ identity, domain, text string }{
		{"example.com", "example.com", "Provided MAIL-FROM domain <example.com> is not subdomain of the domain of the identity <example.com>."},
		{"example.com", "bounce.example.org", "is not subdomain"},
		{"example.com", "notexample.com", "is not subdomain"},
		{"sub.example.com", "bounce.example.com", "is not subdomain"},
		{"a@example.com", "bounce.example.org", "is not subdomain of the domain of the identity <a@example.com>."},
		{"example.com", "a b.example.com", "Invalid MAIL-FROM domain name <a b.example.com>."},
		{"example.com", "ü.example.com", "Invalid MAIL-FROM domain name"},
		{"example.com", "bounce.example.com.", "Invalid MAIL-FROM domain name"},
		{"example.com", strings.Repeat("a.", 127) + "example.com", "Invalid MAIL-FROM domain name"},
	} {
		err := w.SetMailFrom(ctx, sc, c.identity, c.domain, "")
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.PeerText(err), c.text) {
			t.Errorf("%s for %s: %v", c.domain, c.identity, err)
		}
	}
	if err := w.SetMailFrom(ctx, sc, "example.com", "bounce.example.com", "PANIC"); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown behavior: %v", err)
	}
	if err := w.SetMailFrom(ctx, sc, "none.example", "bounce.none.example", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown identity: %v", err)
	}
	w.setMailFrom("example.com", "Bounce.example.com", "")
	if got := w.get("example.com").MailFrom; got.Domain != "bounce.example.com" || got.Status != success || got.Behavior != identity.UseDefault {
		t.Errorf("at once: %+v", got)
	}
	w.setMailFrom("a@example.com", "a.example.com", identity.RejectMessage)
	for from, want := range map[string]string{
		"a@example.com":     "a.example.com", // its own
		"b@example.com":     "bounce.example.com",
		"b@sub.example.com": "bounce.example.com", // the most specific identity that has one
		"b@x.example.com":   "bounce.example.com",
		"b@example.org":     "",
	} {
		a, err := address.Parse(from)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.MailFrom(ctx, sc, a); err != nil || got.Domain != want {
			t.Errorf("mail from %s leaves as %q, %v; want %q", from, got.Domain, err, want)
		}
	}
	w.setMailFrom("example.com", "", "")
	if got := w.get("example.com").MailFrom; got != (identity.MailFrom{Behavior: identity.UseDefault}) {
		t.Errorf("taken away: %+v", got)
	}
}

func TestTheSameMailFromDomainAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.create("example.com", identity.Settings{TokenOnly: true})
	w.setMailFrom("example.com", "bounce.example.com", "")
	w.set("bounce.example.com", "MX", "10 feedback-smtp.us-east-1.ses.example.net.")
	w.check("example.com")
	w.setMailFrom("example.com", "bounce.example.com", identity.RejectMessage)
	if got := w.get("example.com").MailFrom; got.Status != success || got.Behavior != identity.RejectMessage {
		t.Errorf("only the behavior was to change: %+v", got)
	}
	w.set("bounce.example.com", "MX")
	for range 2 {
		w.clock.Advance(72 * hour)
		w.check("example.com")
	}
	if got := w.get("example.com").MailFrom; got.Status != failed {
		t.Fatalf("%+v", got)
	}
	w.setMailFrom("example.com", "bounce.example.com", identity.RejectMessage)
	if got := w.get("example.com").MailFrom; got.Status != pending {
		t.Errorf("one that failed starts anew: %+v", got)
	}
}

func TestMailFromHosts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*identity.Options)
		host   string
		want   identity.Status
	}{
		{"in dev Amazon's own names lead here, too", func(o *identity.Options) { o.AmazonNames = true }, "feedback-smtp.eu-west-1.amazonses.com.", success},
		{"without a zone the server's own name", func(o *identity.Options) { o.Names.Zone = "" }, "mail.example.org.", success},
		{"which counts no longer with one", func(*identity.Options) {}, "mail.example.org.", pending},
		{"no zone is not the root zone", func(o *identity.Options) { o.Names.Zone = "" }, "feedback-smtp.eu-west-1.", pending},
	} {
		w := newWorld(t, storetest.SQLite(t), c.change)
		w.create("example.com", identity.Settings{TokenOnly: true})
		w.setMailFrom("example.com", "bounce.example.com", "")
		w.set("bounce.example.com", "MX", "10 "+c.host)
		if got := w.check("example.com").MailFrom; got.Status != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
