// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// Type is a type of records (RFC 1035 §3.2.2).
type Type uint16

// The types that Record can show.
const (
	TypeA     = Type(mdns.TypeA)
	TypeNS    = Type(mdns.TypeNS)
	TypeCNAME = Type(mdns.TypeCNAME)
	TypeSOA   = Type(mdns.TypeSOA)
	TypePTR   = Type(mdns.TypePTR)
	TypeMX    = Type(mdns.TypeMX)
	TypeTXT   = Type(mdns.TypeTXT)
	TypeAAAA  = Type(mdns.TypeAAAA)
)

// String is the type's name: "MX".
func (t Type) String() string { return mdns.Type(t).String() }

// Record is a record as a server gave it.
type Record struct {
	Name  string // in lower case, without a trailing dot
	Type  Type
	TTL   time.Duration
	Value string // an address, a host, "10 mx.example.net", the whole text of a TXT record

	// Strings are the character-strings of a TXT record, as it was published in parts;
	// Value is them all, joined without a separator.
	Strings []string
}

// record reads rr; ok is false for types that are not shown.
func record(rr mdns.RR) (Record, bool) {
	h := rr.Header()
	r := Record{Name: hostName(h.Name), Type: Type(h.Rrtype), TTL: time.Duration(h.Ttl) * time.Second}
	switch rr := rr.(type) {
	case *mdns.A, *mdns.AAAA:
		a, ok := addr(rr)
		r.Value = a.String()
		return r, ok
	case *mdns.NS, *mdns.CNAME, *mdns.PTR:
		r.Value, _ = target(rr)
	case *mdns.MX:
		r.Value = strconv.Itoa(int(rr.Preference)) + " " + hostName(rr.Mx)
	case *mdns.SOA:
		r.Value = strings.TrimPrefix(rr.String(), h.String())
	case *mdns.TXT:
		for _, s := range rr.Txt {
			r.Strings = append(r.Strings, unescape(s))
		}
		r.Value = strings.Join(r.Strings, "")
	default:
		return Record{}, false
	}
	return r, true
}

// target is the host that rr names.
func target(rr mdns.RR) (string, bool) {
	switch rr := rr.(type) {
	case *mdns.NS:
		return hostName(rr.Ns), true
	case *mdns.CNAME:
		return hostName(rr.Target), true
	case *mdns.PTR:
		return hostName(rr.Ptr), true
	}
	return "", false
}

// QueryNS returns the name servers of a zone. A name that is no zone has no data.
func (r *Resolver) QueryNS(ctx context.Context, zone string) (Result[string], error) {
	return query(ctx, r, zone, mdns.TypeNS, target)
}

// QueryCNAME returns what name is an alias of. It is one name, if the name's server keeps
// to RFC 1034 §3.6.2.
func (r *Resolver) QueryCNAME(ctx context.Context, name string) (Result[string], error) {
	return query(ctx, r, name, mdns.TypeCNAME, target)
}

// QueryPTR returns the names of an address (RFC 1035 §3.5, RFC 3596 §2.5). Anybody may
// claim any name for an address of theirs: a name counts if it leads back to the address.
func (r *Resolver) QueryPTR(ctx context.Context, a netip.Addr) (Result[string], error) {
	reverse, err := mdns.ReverseAddr(a.Unmap().WithZone("").String())
	if err != nil {
		return Result[string]{}, newError(NotExist, key{a.String(), mdns.TypePTR}, false, err)
	}
	return query(ctx, r, reverse, mdns.TypePTR, target)
}

// SOA is the start of a zone (RFC 1035 §3.3.13).
type SOA struct {
	Primary string // name of the server where the zone is changed
	Admin   string // mailbox of who keeps the zone, as a name: its first label is the local part
	Serial  uint32
}

// QuerySOA returns the start of a zone. A name that is no zone has no data.
func (r *Resolver) QuerySOA(ctx context.Context, zone string) (Result[SOA], error) {
	return query(ctx, r, zone, mdns.TypeSOA, func(rr mdns.RR) (SOA, bool) {
		s, ok := rr.(*mdns.SOA)
		if !ok {
			return SOA{}, false
		}
		return SOA{Primary: hostName(s.Ns), Admin: hostName(s.Mbox), Serial: s.Serial}, true
	})
}
