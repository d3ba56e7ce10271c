// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"sesame/internal/core/zone"
)

// Purpose says what a DNS record is for.
type Purpose string

// The purposes.
const (
	ForDKIM     Purpose = "DKIM"      // a key that signs, or is to sign
	ForNextKey  Purpose = "DKIM-NEXT" // a key that takes over when it is found; the old one counts until then
	ForEd25519  Purpose = "DKIM-ED25519"
	ForToken    Purpose = "OWNERSHIP" // proves the domain without DKIM (API v1)
	ForMailFrom Purpose = "MAIL-FROM" // custom MAIL FROM domain
	ForSPF      Purpose = "SPF"
	ForDMARC    Purpose = "DMARC"
)

// Record is a DNS record that the owner of an identity publishes. Name and Value have no
// trailing dots.
type Record struct {
	Name, Type, Value string
	Purpose           Purpose
	Required          bool // a status depends on it
}

// Records are the DKIM records of a domain identity with the keys themselves: a TXT
// record at each token's name (RFC 6376 §3.6.2).
func (i Identity) Records() []Record {
	var rs []Record
	for _, k := range i.Keys {
		p := ForDKIM
		switch {
		case k.Algorithm == Ed25519:
			p = ForEd25519
		case k.Replaces != "":
			p = ForNextKey
		}
		rs = append(rs, Record{Name: keyName(k.Selector, i.Name), Type: "TXT", Value: k.Record(), Purpose: p, Required: p == ForDKIM})
	}
	return rs
}

// Expected are all records that the owner of an identity should publish: CNAMEs to the
// keys below n, or the keys themselves without a zone and where the customer brought
// them; the MX and the SPF record of the custom MAIL FROM domain; the TXT record that
// proves a domain by itself; and as advice a DMARC policy.
func (s *Identities) Expected(i Identity, n zone.Names) []Record {
	var rs []Record
	if i.Kind == Domain {
		for k, r := range i.Records() {
			if key := i.Keys[k]; key.External {
				r.Value = "p=" + key.PublicKey
			} else if n.Configured() {
				r.Type, r.Value = "CNAME", n.DKIMTarget(key.Selector)
				r.Required = key.Algorithm == RSA
				if r.Purpose == ForNextKey {
					r.Purpose = ForDKIM // nothing changes for who follows our name
				}
			}
			rs = append(rs, r)
		}
		rs = append(rs,
			Record{Name: "_amazonses." + i.Name, Type: "TXT", Value: i.Token, Purpose: ForToken, Required: i.DKIM == NotStarted},
			Record{Name: "_dmarc." + i.Name, Type: "TXT", Value: "v=DMARC1; p=none;", Purpose: ForDMARC})
	}
	if host := s.feedbackHost(i.Scope.Region); i.MailFrom.Domain != "" && host != "" {
		spf := n.SPF()
		if spf == "" {
			spf = "v=spf1 a:" + host + " ~all"
		}
		rs = append(rs,
			Record{Name: i.MailFrom.Domain, Type: "MX", Value: "10 " + host, Purpose: ForMailFrom, Required: true},
			Record{Name: i.MailFrom.Domain, Type: "TXT", Value: spf, Purpose: ForSPF})
	}
	return rs
}

// Names are the names of the service's zone; the zero value without one.
func (s *Identities) Names() zone.Names { return s.o.Names }
