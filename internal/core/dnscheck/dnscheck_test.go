// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/core/dnscheck"
)

const (
	token = "v3rnz522czcl46quexamplek3efo5o6x"
	key   = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAexamplekeyQzRtCw4YhJkVbB7nExample"
	owner = "bVn3NGGmhB3xExampleTokenOfTheDomain0123456789="
)

// What the owner of example.com is told to publish.
var (
	alias = dnscheck.Wanted{Name: token + "._domainkey.example.com", Type: "CNAME", Value: token + ".dkim.ses.example.net", Required: true, Key: key}
	text  = dnscheck.Wanted{Name: "sel._domainkey.example.com", Type: "TXT", Value: "p=" + key, Required: true, Key: key}
	proof = dnscheck.Wanted{Name: "_amazonses.example.com", Type: "TXT", Value: owner, Required: true}
	mx    = dnscheck.Wanted{Name: "bounce.example.com", Type: "MX", Value: "10 feedback-smtp.us-east-1.ses.example.net", Required: true}
	spf   = dnscheck.Wanted{Name: "bounce.example.com", Type: "TXT", Value: "v=spf1 include:ses.example.net ~all"}
	dmarc = dnscheck.Wanted{Name: "_dmarc.example.com", Type: "TXT", Value: "v=DMARC1; p=none"}
)

// service is what this server's own zone answers.
const service = token + `.dkim.ses.example.net. TXT "v=DKIM1; k=rsa; p=` + key + `"
	ses.example.net. TXT "v=spf1 ip4:198.51.100.7 ~all"`

// check checks one record among those that the identity has.
func check(t *testing.T, w world, want dnscheck.Wanted) dnscheck.Record {
	t.Helper()
	if w.others == "" {
		w.others = service
	}
	s := dnscheck.Subject{Domain: "example.com", Wanted: []dnscheck.Wanted{want}}
	for _, other := range []dnscheck.Wanted{alias, text, proof, mx, spf, dmarc} {
		if other != want {
			s.Wanted = append(s.Wanted, other)
		}
	}
	r := checker(w, func(o *dnscheck.Options) { o.Timeout = 5 * time.Second }).Check(t.Context(), s)
	if len(r.Records) != len(s.Wanted) || r.Records[0].Wanted.Name != want.Name {
		t.Fatalf("the report has %+v", r.Records)
	}
	return r.Records[0]
}

func TestRecordsAsTheyShouldBe(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		want dnscheck.Wanted
		ns   string
	}{
		{"an alias to the service's zone", alias, alias.Name + ". CNAME " + alias.Value + "."},
		{"the key itself in place of the alias", alias, alias.Name + `. TXT "v=DKIM1; p=` + key + `"`},
		{"an alias by another name to the same key", alias, alias.Name + ". CNAME key.other.example.\n"},
		{"an alias within the zone to the same key", alias, alias.Name + ". CNAME k.example.com.\nk.example.com. CNAME " + alias.Value + "."},
		{"a key without v= and k=", text, text.Name + `. TXT "p=` + key + `"`},
		{"a key in two strings", text, text.Name + `. TXT "v=DKIM1; p=` + key[:40] + `" "` + key[40:] + `"`},
		{"a key with a space, which RFC 6376 lets stand", text, text.Name + `. TXT "p=` + key[:40] + ` ` + key[40:] + `"`},
		{"the proof among other values", proof, proof.Name + `. TXT "another"` + "\n" + proof.Name + `. TXT "` + owner + `"`},
		{"the MX with another preference", mx, "bounce.example.com. MX 5 feedback-smtp.us-east-1.ses.example.net."},
		{"SPF with more in it, in other letters", spf, `bounce.example.com. TXT "v=SPF1 ip4:192.0.2.9 INCLUDE:ses.example.net -all"`},
		{"a DMARC record of the owner's own", dmarc, `_dmarc.example.com. TXT "v=DMARC1; p=reject; rua=mailto:d@example.com"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := check(t, world{ns1: tc.ns, others: service + "\nkey.other.example. TXT \"p=" + key + "\""}, tc.want)
			if r.Verdict != dnscheck.OK || len(r.Mistakes) != 0 || len(r.Servers) != 2 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	other := strings.Replace(key, "MIIB", "MIIC", 1)
	for _, tc := range []struct {
		name    string
		want    dnscheck.Wanted
		world   world
		verdict dnscheck.Verdict
		code    string
		words   string
	}{
		{"nothing is published", alias, world{ns1: "example.com. A 192.0.2.5"}, dnscheck.Missing,
			dnscheck.NegativeCached, "resolvers that have asked before may go on saying that it is not there, for up to 900 s"},
		{"nothing is published that is not required", dmarc, world{ns1: "example.com. A 192.0.2.5"}, dnscheck.Advice, dnscheck.NegativeCached, "for up to 900 s"},
		{"the provider appends the zone to the name", alias, world{ns1: alias.Name + ".example.com. CNAME " + alias.Value + "."}, dnscheck.Missing,
			dnscheck.ZoneDoubled, "stands at " + alias.Name + ".example.com instead: the DNS provider appends the zone"},
		{"the same of a TXT key", text, world{ns1: text.Name + `.example.com. TXT "p=` + key + `"`}, dnscheck.Missing, dnscheck.ZoneDoubled, "example.com.example.com instead"},
		{"the same of the MAIL FROM domain", mx, world{ns1: "bounce.example.com.example.com. MX 10 feedback-smtp.us-east-1.ses.example.net."}, dnscheck.Missing,
			dnscheck.ZoneDoubled, "bounce.example.com.example.com instead"},
		{"the underscore is missing", alias, world{ns1: token + ".domainkey.example.com. CNAME " + alias.Value + "."}, dnscheck.Missing,
			dnscheck.NoUnderscore, token + ".domainkey.example.com instead: the underscore is missing"},
		{"the underscore of the proof is missing", proof, world{ns1: `amazonses.example.com. TXT "` + owner + `"`}, dnscheck.Missing, dnscheck.NoUnderscore, "amazonses.example.com instead"},
		{"the underscore of DMARC is missing", dmarc, world{ns1: `dmarc.example.com. TXT "v=DMARC1; p=none"`}, dnscheck.Advice, dnscheck.NoUnderscore, "dmarc.example.com instead"},
		{"the record lacks _domainkey", alias, world{ns1: token + ".example.com. CNAME " + alias.Value + "."}, dnscheck.Missing,
			dnscheck.WrongHost, token + `.example.com instead: "._domainkey" is missing`},
		{"the record lacks its token", text, world{ns1: `_domainkey.example.com. TXT "p=` + key + `"`}, dnscheck.Missing, dnscheck.WrongHost, "the token before"},
		{"the proof stands at the domain", proof, world{ns1: `example.com. TXT "` + owner + `"` + "\n" + `example.com. TXT "x"`}, dnscheck.Missing, dnscheck.WrongHost, "example.com instead"},
		{"the MX stands at the domain", mx, world{ns1: "example.com. MX 10 mx.example.com.\nexample.com. MX 10 feedback-smtp.us-east-1.ses.example.net."}, dnscheck.Missing,
			dnscheck.WrongHost, "it belongs to the MAIL FROM domain"},
		{"the key stands at another selector", alias, world{ns1: alias.Name + ". CNAME b.dkim.ses.example.net.\n"}, dnscheck.Wrong,
			dnscheck.WrongHost, "leads to b.dkim.ses.example.net, where the key is not found"},
		{"the value of another record", proof, world{ns1: proof.Name + `. TXT "` + strings.ToLower(owner) + `"`}, dnscheck.Wrong, dnscheck.LowerCased, "between small and capital"},
		{"a key in small letters", text, world{ns1: text.Name + `. TXT "p=` + strings.ToLower(key) + `"`}, dnscheck.Wrong, dnscheck.LowerCased, "between small and capital"},
		{"the first string alone", text, world{ns1: text.Name + `. TXT "p=` + key[:60] + `"`}, dnscheck.Wrong, dnscheck.TextCut, "60 of 77 characters are there"},
		{"the last string alone", proof, world{ns1: proof.Name + `. TXT "` + owner[10:] + `"`}, dnscheck.Wrong, dnscheck.TextCut, "is cut"},
		{"a space where the value was split", proof, world{ns1: proof.Name + `. TXT "` + owner[:20] + " " + owner[20:] + `"`}, dnscheck.Wrong, dnscheck.TextSplit, "has a space in it"},
		{"quotation marks where the value was split", text, world{ns1: text.Name + `. TXT "\"p=` + key[:40] + `\" \"` + key[40:] + `\""`}, dnscheck.Wrong, dnscheck.TextSplit, "quotation marks inside it"},
		{"quotation marks around the value", text, world{ns1: text.Name + `. TXT "\"p=` + key + `\""`}, dnscheck.Wrong, dnscheck.TextQuoted, "holds quotation marks as characters"},
		{"quotation marks around the proof", proof, world{ns1: proof.Name + `. TXT "\"` + owner + `\""`}, dnscheck.Wrong, dnscheck.TextQuoted, "without them"},
		{"another key", text, world{ns1: text.Name + `. TXT "p=` + other + `"`}, dnscheck.Wrong, dnscheck.OtherKey, "holds another key"},
		{"a revoked key", text, world{ns1: text.Name + `. TXT "v=DKIM1; p="`}, dnscheck.Wrong, dnscheck.KeyRevoked, "the key is revoked"},
		{"an alias to the name that Amazon would use", alias, world{ns1: alias.Name + ". CNAME " + token + ".dkim.amazonses.com."}, dnscheck.Wrong,
			dnscheck.AmazonName, "leads to " + token + ".dkim.amazonses.com, a name that Amazon SES would use"},
		{"the provider appends the zone to the target", alias, world{ns1: alias.Name + ". CNAME " + alias.Value + ".example.com."}, dnscheck.Wrong,
			dnscheck.ZoneAppended, "End the value with a dot: " + alias.Value},
		{"the provider appends the zone to the exchange", mx, world{ns1: "bounce.example.com. MX 10 feedback-smtp.us-east-1.ses.example.net.example.com."}, dnscheck.Wrong, dnscheck.ZoneAppended, "End the value with a dot"},
		{"a TXT record with the target in it", alias, world{ns1: alias.Name + `. TXT "` + alias.Value + `"`}, dnscheck.Wrong, dnscheck.TextForAlias, "It must be a CNAME record"},
		{"an alias in a circle", alias, world{ns1: alias.Name + ". CNAME a.example.com.\na.example.com. CNAME " + alias.Name + "."}, dnscheck.Wrong, dnscheck.AliasLoop, "back to itself"},
		{"CNAME is answered and TXT is not", alias, world{ns1: alias.Name + ". CNAME " + alias.Value + ".",
			fails: []string{"ns1 TXT " + alias.Name, "ns2 TXT " + alias.Name, "resolver TXT " + alias.Name}}, dnscheck.Wrong,
			dnscheck.AliasOnly, "answers the CNAME " + alias.Name + ", but fails at TXT (answered SERVFAIL)"},
		{"two MX records", mx, world{ns1: "bounce.example.com. MX 10 feedback-smtp.us-east-1.ses.example.net.\nbounce.example.com. MX 20 mx.example.com."}, dnscheck.Wrong,
			dnscheck.SeveralMX, "has 2 MX records. A MAIL FROM domain must have exactly one"},
		{"another MX", mx, world{ns1: "bounce.example.com. MX 10 mx.example.com."}, dnscheck.Wrong, dnscheck.WrongHost, "leads to mx.example.com, not to feedback-smtp"},
		{"Amazon's MX", mx, world{ns1: "bounce.example.com. MX 10 feedback-smtp.us-east-1.amazonses.com."}, dnscheck.Wrong, dnscheck.AmazonName, "bounces would go to Amazon"},
		{"Amazon's SPF", spf, world{ns1: `bounce.example.com. TXT "v=spf1 include:amazonses.com ~all"`}, dnscheck.Wrong, dnscheck.AmazonName, "allows Amazon's servers, not this one"},
		{"SPF without the service", spf, world{ns1: `bounce.example.com. TXT "v=spf1 mx ~all"`}, dnscheck.Wrong, dnscheck.SPFIncomplete, "lacks include:ses.example.net"},
		{"two SPF records", spf, world{ns1: `bounce.example.com. TXT "v=spf1 include:ses.example.net ~all"` + "\n" + `bounce.example.com. TXT "v=spf1 ~all"`}, dnscheck.Wrong, dnscheck.SeveralSPF, "has 2 SPF records"},
		{"two DMARC records", dmarc, world{ns1: `_dmarc.example.com. TXT "v=DMARC1; p=none"` + "\n" + `_dmarc.example.com. TXT "v=DMARC1; p=reject"`}, dnscheck.Wrong, dnscheck.SeveralDMARC, "ignore all of them"},
		{"one name server lacks it", alias, world{ns1: alias.Name + ". CNAME " + alias.Value + ".", ns2: "example.com. A 192.0.2.5"}, dnscheck.Partial,
			dnscheck.ServersDisagree, "ns1.example.com have the record and ns2.example.com do not"},
		{"resolvers remember its absence", alias, world{ns1: alias.Name + ". CNAME " + alias.Value + ".", resolver: service}, dnscheck.Partial,
			dnscheck.NotSeenYet, "the resolver does not see it yet (no such name)"},
		{"resolvers remember what is gone", text, world{ns1: "example.com. A 192.0.2.5", resolver: text.Name + `. TXT "p=` + key + `"`}, dnscheck.Partial, dnscheck.StillRemembered, "no longer have"},
		{"the service's own zone is silent", alias, world{ns1: alias.Name + ". CNAME " + alias.Value + ".",
			fails: []string{"resolver TXT " + alias.Name, "resolver TXT " + alias.Value}}, dnscheck.Partial, dnscheck.TargetSilent, "a name of this server's own zone, has no answer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := check(t, tc.world, tc.want)
			if r.Verdict != tc.verdict {
				t.Errorf("the verdict is %s, want %s: %+v", r.Verdict, tc.verdict, r)
			}
			says(t, r.Mistakes, tc.code, tc.words)
			for _, m := range r.Mistakes {
				if !strings.HasSuffix(m.Text, ".") || strings.Contains(m.Text, "%!") {
					t.Errorf("%q is no sentence", m.Text)
				}
			}
		})
	}
}

// TestAKeyAtTheNextSelectorIsNamed has the aliases of two tokens exchanged.
func TestAKeyAtTheNextSelectorIsNamed(t *testing.T) {
	t.Parallel()
	first, second := alias, alias
	second.Name, second.Value = "b._domainkey.example.com", "b.dkim.ses.example.net"
	second.Key = strings.Replace(key, "MIIB", "MIIC", 1)
	w := world{ns1: first.Name + ". CNAME " + second.Value + ".\n" + second.Name + `. TXT "p=` + key + `"`,
		others: service + "\n" + second.Value + `. TXT "p=` + second.Key + `"`}
	r := checker(w, nil).Check(t.Context(), dnscheck.Subject{Domain: "example.com", Wanted: []dnscheck.Wanted{first, second}})
	for n, words := range []string{"leads to b.dkim.ses.example.net, which belongs at b._domainkey.example.com", "holds the key that belongs at " + first.Name} {
		if r.Records[n].Verdict != dnscheck.Wrong {
			t.Errorf("%+v", r.Records[n])
		}
		says(t, r.Records[n].Mistakes, dnscheck.WrongSelector, words)
	}
	if r.Verdict != dnscheck.Wrong {
		t.Errorf("the whole is %s", r.Verdict)
	}
}

func TestServersThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	good := alias.Name + ". CNAME " + alias.Value + "."
	for _, tc := range []struct {
		name    string
		world   world
		verdict dnscheck.Verdict
		errors  []string // of ns1, ns2, the resolver
	}{
		{"one is silent, the other has it", world{ns1: good, fails: []string{"ns2 silent " + alias.Name}}, dnscheck.OK, []string{"", "did not answer in time", ""}},
		{"one is lame, the other has it", world{ns1: good, fails: []string{"ns1 lame " + alias.Name}}, dnscheck.OK, []string{"the server is not authoritative for the name", "", ""}},
		{"both fail, the resolver knows", world{ns1: good, fails: []string{"ns1 silent " + alias.Name, "ns2 silent " + alias.Name}}, dnscheck.OK,
			[]string{"did not answer in time", "did not answer in time", ""}},
		{"the zone is not found, the resolver says no", world{zone: "example.org", ns1: "example.org. A 192.0.2.1"}, dnscheck.Missing,
			[]string{"can't be found: no such name", "no such name"}},
		{"nobody answers", world{ns1: good, fails: []string{"ns1 silent " + alias.Name, "ns2 silent " + alias.Name, "resolver TXT " + alias.Name}}, dnscheck.Unreachable,
			[]string{"did not answer in time", "did not answer in time", "10.0.0.53:53 answered SERVFAIL"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.world.others = service
			asker := slow{tc.world}
			c := dnscheck.New(dnscheck.Options{Asker: asker, Resolver: tc.world})
			r := c.Check(t.Context(), dnscheck.Subject{Domain: "example.com", Wanted: []dnscheck.Wanted{alias}}).Records[0]
			got := []string{}
			for _, f := range append(slices.Clone(r.Servers), r.Resolver) {
				got = append(got, f.Error)
			}
			if r.Verdict != tc.verdict || !slices.Equal(got, tc.errors) {
				t.Errorf("%s, %q", r.Verdict, got)
			}
		})
	}
}

func TestAHostileZoneIsBounded(t *testing.T) {
	t.Parallel()
	var zone strings.Builder
	for n := range 200 {
		fmt.Fprintf(&zone, "%s. TXT \"%d %s\" \"%s\" \"%s\" \"%s\"\n", proof.Name, n, strings.Repeat("x", 200), strings.Repeat("y", 255), strings.Repeat("z", 255), strings.Repeat("w", 255))
	}
	many := make([]dnscheck.Wanted, 1000)
	for n := range many {
		many[n] = proof
	}
	r := checker(world{ns1: zone.String()}, nil).Check(t.Context(), dnscheck.Subject{Domain: "example.com", Wanted: many})
	if len(r.Records) != 50 {
		t.Errorf("%d records were looked at", len(r.Records))
	}
	if v := r.Records[0].Servers[0].Values; len(v) != 20 || len(v[0]) > 610 {
		t.Errorf("%d values of %d octets are shown", len(v), len(v[0]))
	}
}
