// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"sesame/internal/core/dnscheck"
	"sesame/internal/core/identity"
)

// TestTheZoneFileIsOne reads what was written with a parser of zone files.
func TestTheZoneFileIsOne(t *testing.T) {
	t.Parallel()
	long := text
	long.Value = "v=DKIM1; p=" + strings.Repeat("a", 300) + `"\` + "\x01"
	var b strings.Builder
	if err := (dnscheck.Subject{Wanted: []dnscheck.Wanted{alias, long, mx, dmarc}}).WriteZone(&b); err != nil {
		t.Fatal(err)
	}
	zp := mdns.NewZoneParser(strings.NewReader(b.String()), "", "")
	var got []string
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		got = append(got, strings.ReplaceAll(rr.String(), "\t", " "))
		if txt, ok := rr.(*mdns.TXT); ok && unescape(strings.Join(txt.Txt, "")) != long.Value {
			t.Errorf("%q", txt.Txt)
		}
	}
	if err := zp.Err(); err != nil || len(got) != 3 || got[0] != alias.Name+". 3600 IN CNAME "+alias.Value+"." ||
		got[2] != "bounce.example.com. 3600 IN MX 10 feedback-smtp.us-east-1.ses.example.net." {
		t.Errorf("%v, %q", err, got)
	}
	if !strings.HasSuffix(b.String(), "; advice: _dmarc.example.com. 3600 IN TXT \"v=DMARC1; p=none\"\n") {
		t.Errorf("%s", b.String())
	}
}

func TestTheSubjectOfAnIdentity(t *testing.T) {
	t.Parallel()
	id := identity.Identity{Name: "example.com", Keys: []identity.Key{{Selector: "a", Algorithm: identity.RSA, PublicKey: "KEYA"}, {Selector: "b", Algorithm: identity.RSA, PublicKey: "KEYB"}},
		MailFrom: identity.MailFrom{Domain: "bounce.example.com"}}
	s := dnscheck.SubjectOf(id, id.Records())
	if s.Domain != "example.com" || s.MailFrom != "bounce.example.com" || len(s.Wanted) != 2 || s.Wanted[1].Key != "KEYB" || !s.Wanted[1].Required || s.Wanted[1].Purpose != "DKIM" {
		t.Errorf("%+v", s)
	}
	if s := dnscheck.SubjectOf(identity.Identity{Name: `"a@b"@example.com`}, nil); s.Domain != "example.com" {
		t.Errorf("the domain of an address is %s", s.Domain)
	}
}
