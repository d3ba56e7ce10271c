// SPDX-License-Identifier: Apache-2.0

package devzone

import (
	"slices"
	"strings"

	mdns "github.com/miekg/dns"
)

// key names an RRset.
type key struct {
	name  string
	rtype uint16
}

func keyOf(rr mdns.RR) key {
	h := rr.Header()
	return key{strings.ToLower(h.Name), h.Rrtype}
}

// set returns the RRset.
func (c *contents) set(k key) []mdns.RR {
	var rrs []mdns.RR
	for _, rr := range c.records {
		if keyOf(rr) == k {
			rrs = append(rrs, rr)
		}
	}
	return rrs
}

func (c *contents) inUse(name string) bool {
	return slices.ContainsFunc(c.records, func(rr mdns.RR) bool { return rr.Header().Name == name })
}

// require checks the prerequisites (RFC 2136 §3.2).
func (c *contents) require(prerequisites []mdns.RR) (rcode int) {
	wanted := map[key][]mdns.RR{}
	for _, rr := range prerequisites {
		h, k := rr.Header(), keyOf(rr)
		switch {
		case h.Ttl != 0:
			return mdns.RcodeFormatError
		case !mdns.IsSubDomain(c.apex, k.name):
			return mdns.RcodeNotZone
		case h.Class == mdns.ClassINET && !meta(h.Rrtype):
			wanted[k] = append(wanted[k], rr)
			continue
		case h.Class != mdns.ClassANY && h.Class != mdns.ClassNONE, h.Rdlength != 0, meta(h.Rrtype) && h.Rrtype != mdns.TypeANY:
			return mdns.RcodeFormatError
		}
		if rcode := c.exists(k, h.Class == mdns.ClassANY); rcode != mdns.RcodeSuccess {
			return rcode
		}
	}
	for k, rrs := range wanted {
		if !sameSet(c.set(k), rrs) {
			return mdns.RcodeNXRrset
		}
	}
	return mdns.RcodeSuccess
}

// exists checks that an RRset, or any at the name, is there or is not (RFC 2136 §2.4.1,
// 2.4.3 to 2.4.5).
func (c *contents) exists(k key, wanted bool) (rcode int) {
	there, missing, present := len(c.set(k)) > 0, mdns.RcodeNXRrset, mdns.RcodeYXRrset
	if k.rtype == mdns.TypeANY {
		there, missing, present = c.inUse(k.name), mdns.RcodeNameError, mdns.RcodeYXDomain
	}
	switch {
	case wanted && !there:
		return missing
	case !wanted && there:
		return present
	}
	return mdns.RcodeSuccess
}

// sameSet compares two RRsets without their TTLs (RFC 2136 §2.4.2).
func sameSet(a, b []mdns.RR) bool {
	within := func(a, b []mdns.RR) bool {
		return !slices.ContainsFunc(a, func(x mdns.RR) bool { return !contains(b, x) })
	}
	return within(a, b) && within(b, a)
}

func contains(set []mdns.RR, rr mdns.RR) bool {
	return slices.ContainsFunc(set, func(x mdns.RR) bool { return same(x, rr) })
}

// same reports whether two records are the same but for class and TTL.
func same(a, b mdns.RR) bool {
	if keyOf(a) != keyOf(b) {
		return false
	}
	b = mdns.Copy(b)
	b.Header().Class = a.Header().Class
	return mdns.IsDuplicate(a, b)
}

// meta reports whether records of the type exist in questions alone, or belong to one
// message (RFC 2136 §3.4.1.2, RFC 6895 §3.1).
func meta(t uint16) bool {
	return t >= 128 && t <= 255 || t == mdns.TypeNone || t == mdns.TypeOPT
}

// update applies the changes, and reports whether they changed anything. They are all
// looked at before the first is applied (RFC 2136 §3.4).
func (c *contents) update(changes []mdns.RR) (changed bool, rcode int) {
	for _, rr := range changes {
		h := rr.Header()
		switch {
		case !mdns.IsSubDomain(c.apex, strings.ToLower(h.Name)):
			return false, mdns.RcodeNotZone
		case h.Class == mdns.ClassINET && !meta(h.Rrtype) && h.Rdlength > 0:
		case h.Class == mdns.ClassANY && h.Ttl == 0 && h.Rdlength == 0 && (h.Rrtype == mdns.TypeANY || !meta(h.Rrtype)):
		case h.Class == mdns.ClassNONE && h.Ttl == 0 && !meta(h.Rrtype):
		default:
			return false, mdns.RcodeFormatError
		}
	}
	before, serial := c.text(), c.soa().Serial
	for _, rr := range changes {
		switch rr.Header().Class {
		case mdns.ClassINET:
			c.insert(rr)
		case mdns.ClassANY:
			c.removeSet(keyOf(rr))
		case mdns.ClassNONE:
			c.remove(rr)
		}
	}
	if c.text() == before {
		return false, mdns.RcodeSuccess
	}
	if soa := c.soa(); soa.Serial == serial {
		next := *soa
		next.Serial++
		c.replace(&next)
	}
	return true, mdns.RcodeSuccess
}

// insert adds a record (RFC 2136 §3.4.2.2). An alias and other records do not stand at
// one name: what comes later is left out.
func (c *contents) insert(rr mdns.RR) {
	rr = mdns.Copy(rr)
	h := rr.Header()
	h.Name = strings.ToLower(h.Name)
	k := keyOf(rr)
	at := func(match func(rtype uint16) bool) bool {
		return slices.ContainsFunc(c.records, func(x mdns.RR) bool { return x.Header().Name == k.name && match(x.Header().Rrtype) })
	}
	switch {
	case h.Rrtype == mdns.TypeSOA:
		// Serials are compared as RFC 1982 has it.
		if soa := rr.(*mdns.SOA); k.name == c.apex && int32(soa.Serial-c.soa().Serial) > 0 {
			c.replace(rr)
		}
		return
	case h.Rrtype == mdns.TypeCNAME && at(func(t uint16) bool { return t != mdns.TypeCNAME }),
		h.Rrtype != mdns.TypeCNAME && at(func(t uint16) bool { return t == mdns.TypeCNAME }):
		return
	case h.Rrtype == mdns.TypeCNAME:
		c.removeSet(k)
	}
	known := false
	for i, x := range c.records {
		if keyOf(x) != k {
			continue
		}
		if x.Header().Ttl != h.Ttl { // one TTL for the whole set (RFC 2181 §5.2)
			x = mdns.Copy(x)
			x.Header().Ttl = h.Ttl
			c.records[i] = x
		}
		known = known || same(x, rr)
	}
	if !known {
		c.records = append(c.records, rr)
	}
}

// replace puts a SOA in the place of the one that is there.
func (c *contents) replace(soa mdns.RR) {
	i := slices.IndexFunc(c.records, func(rr mdns.RR) bool { return rr.Header().Rrtype == mdns.TypeSOA })
	c.records[i] = soa
}

// removeSet removes an RRset, or with the type ANY all at the name; the zone's start and
// servers stay (RFC 2136 §3.4.2.3).
func (c *contents) removeSet(k key) {
	c.records = slices.DeleteFunc(c.records, func(rr mdns.RR) bool {
		h := rr.Header()
		if h.Name == c.apex && (h.Rrtype == mdns.TypeSOA || h.Rrtype == mdns.TypeNS) {
			return false
		}
		return h.Name == k.name && (k.rtype == mdns.TypeANY || h.Rrtype == k.rtype)
	})
}

// remove removes one record; the zone's start and its last server stay (RFC 2136
// §3.4.2.4).
func (c *contents) remove(rr mdns.RR) {
	k := keyOf(rr)
	if k.rtype == mdns.TypeSOA || k == (key{c.apex, mdns.TypeNS}) && len(c.set(k)) == 1 {
		return
	}
	c.records = slices.DeleteFunc(c.records, func(x mdns.RR) bool { return same(x, rr) })
}
