// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/core/zone"
	"sesame/internal/testkit/storetest"
)

// written lists records with the tokens, keys and the like by name.
func written(rs []identity.Record, id identity.Identity) string {
	names := strings.NewReplacer(id.Token, "TOKEN")
	if len(id.Keys) > 0 {
		pairs := []string{id.Token, "TOKEN"}
		for n, k := range id.Keys {
			pairs = append(pairs, k.Selector, fmt.Sprintf("T%d", n), k.PublicKey, fmt.Sprintf("KEY%d", n))
		}
		names = strings.NewReplacer(pairs...)
	}
	var b strings.Builder
	for _, r := range rs {
		must := ""
		if r.Required {
			must = " required"
		}
		fmt.Fprintf(&b, "%s %s %q %s%s\n", names.Replace(r.Name), r.Type, names.Replace(r.Value), r.Purpose, must)
	}
	return b.String()
}

func TestRecordsToPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t), func(o *identity.Options) { o.VerifyAtOnce = true })
	bare, _ := w.node(func(o *identity.Options) { o.Names = zone.Names{}; o.VerifyAtOnce = true })
	w.create("easy.example", easy())
	w.create("brought.example", identity.Settings{DKIM: external("sel", pkcs1(rsaKeys()[0]))})
	w.create("token.example", identity.Settings{TokenOnly: true})
	w.create("a@easy.example", identity.Settings{})
	w.setMailFrom("easy.example", "m.easy.example", "")
	w.setMailFrom("a@easy.example", "a.easy.example", "")
	rest := func(domain, must string) string {
		return fmt.Sprintf("_amazonses.%s TXT \"TOKEN\" OWNERSHIP%s\n_dmarc.%s TXT \"v=DMARC1; p=none;\" DMARC\n", domain, must, domain)
	}
	for _, c := range []struct {
		name, want string
		ids        *identity.Identities
		names      zone.Names
	}{
		{"easy.example", `T0._domainkey.easy.example CNAME "T0.dkim.ses.example.net" DKIM required
T1._domainkey.easy.example CNAME "T1.dkim.ses.example.net" DKIM required
T2._domainkey.easy.example CNAME "T2.dkim.ses.example.net" DKIM required
` + rest("easy.example", "") + `m.easy.example MX "10 feedback-smtp.us-east-1.ses.example.net" MAIL-FROM required
m.easy.example TXT "v=spf1 include:ses.example.net ~all" SPF
`, w.Identities, names},
		{"easy.example", `T0._domainkey.easy.example TXT "v=DKIM1; k=rsa; p=KEY0" DKIM required
T1._domainkey.easy.example TXT "v=DKIM1; k=rsa; p=KEY0" DKIM required
T2._domainkey.easy.example TXT "v=DKIM1; k=rsa; p=KEY0" DKIM required
` + rest("easy.example", "") + `m.easy.example MX "10 mail.example.org" MAIL-FROM required
m.easy.example TXT "v=spf1 a:mail.example.org ~all" SPF
`, bare, zone.Names{}},
		{"brought.example", "T0._domainkey.brought.example TXT \"p=KEY0\" DKIM required\n" + rest("brought.example", ""), w.Identities, names},
		{"token.example", rest("token.example", " required"), w.Identities, names},
		{"a@easy.example", "a.easy.example MX \"10 feedback-smtp.us-east-1.ses.example.net\" MAIL-FROM required\n" +
			"a.easy.example TXT \"v=spf1 include:ses.example.net ~all\" SPF\n", w.Identities, names},
	} {
		id := w.get(c.name)
		if got := written(c.ids.Expected(id, c.names), id); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestTheNameServersKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		id := w.create("example.com", easy())
		elsewhere, err := w.Create(ctx, scope.Scope{Account: "999999999999", Region: "eu-west-1"}, "example.com", easy())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range slices.Concat(id.Keys, elsewhere.Keys) {
			if txt, ok, err := w.KeyRecord(ctx, strings.ToUpper(k.Selector)); err != nil || !ok || txt != "v=DKIM1; k=rsa; p="+k.PublicKey {
				t.Errorf("%q, %v, %v", txt, ok, err)
			}
		}
		if err := w.Delete(ctx, sc, "example.com"); err != nil {
			t.Fatal(err)
		}
		for _, selector := range []string{id.Tokens()[0], "", "'; DROP TABLE dkim_keys", strings.Repeat("a", 1<<16)} {
			if txt, ok, err := w.KeyRecord(ctx, selector); ok || err != nil {
				t.Errorf("%.40q: %q, %v", selector, txt, err)
			}
		}
	})
}
