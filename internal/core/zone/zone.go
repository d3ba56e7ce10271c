// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
)

// How long others may keep what they were told.
const (
	// DefaultKeyTTL is short: a key that is rotated must be seen where its forerunner was, and
	// a key whose identity is deleted must stop to vouch for anybody.
	DefaultKeyTTL = 5 * time.Minute
	// hostTTL lets an operator move a host within the hour.
	hostTTL = time.Hour
	// negativeTTL is for names that do not exist (RFC 2308 §5): whoever asked for a key just
	// before it was made asks again soon.
	negativeTTL = time.Minute
)

// Timers of the SOA, for secondary servers (RFC 1912 §2.2).
const (
	refresh = time.Hour
	retry   = 10 * time.Minute
	expire  = 14 * 24 * time.Hour
)

// Key is a DKIM key as DNS shows it.
type Key struct {
	Selector string // a token of Easy DKIM, or a selector of the service's own
	TXT      string // the record's text (RFC 6376 §3.6.1)
}

// Keys are the public keys that the zone publishes.
type Keys interface {
	// KeyRecord is the text of the record at SELECTOR.dkim.ZONE; ok is false where there is
	// no such key.
	KeyRecord(ctx context.Context, selector string) (txt string, ok bool, err error)
	// KeyRecords are up to limit keys whose selectors come after the given one, in order.
	KeyRecords(ctx context.Context, after string, limit int) ([]Key, error)
	// ServiceKeys are those of the service's own signature, at SELECTOR._domainkey.ZONE. It
	// is called often.
	ServiceKeys(ctx context.Context) ([]Key, error)
}

// Options describe a zone.
type Options struct {
	Names       Names          // with a zone
	Regions     []string       // whose hosts there are, the first is the apex' MX; none: of any region that is asked for
	NameServers []string       // host names; one below the zone has the addresses of Addresses
	Addresses   []netip.Addr   // of the API, SMTP and tracking hosts
	Mail        []netip.Addr   // of the hosts that mail comes back to; none: Addresses
	Senders     []netip.Prefix // where mail leaves from; none: Addresses
	DMARC       string         // the zone's own policy; "": none is published
	KeyTTL      time.Duration  // how long others may keep a key, whole seconds; 0 means DefaultKeyTTL

	Keys  Keys
	Clock clock.Clock
}

// Zone is the content of the service's zone. It is safe for concurrent use.
type Zone struct {
	o       Options
	apex    string // fully qualified
	fixed   map[string][]mdns.RR
	lookups chan struct{} // bounds lookups of keys
}

// maxLookups is how many keys are looked up at once: strangers ask for them, and the
// database has better to do.
const maxLookups = 4

// New returns the zone.
func New(o Options) *Zone {
	z := &Zone{o: o, apex: mdns.Fqdn(string(o.Names.Zone)), fixed: map[string][]mdns.RR{}, lookups: make(chan struct{}, maxLookups)}
	z.o.KeyTTL = cmp.Or(o.KeyTTL, DefaultKeyTTL)
	if len(z.o.Mail) == 0 {
		z.o.Mail = o.Addresses
	}
	if len(z.o.Senders) == 0 {
		for _, a := range o.Addresses {
			z.o.Senders = append(z.o.Senders, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	z.addApex()
	for _, region := range o.Regions {
		z.addRegion(region)
	}
	if o.DMARC != "" {
		z.add(TXT(o.Names.DMARC(), hostTTL, o.DMARC))
	}
	return z
}

func (z *Zone) add(rr mdns.RR) {
	name := rr.Header().Name
	z.fixed[name] = append(z.fixed[name], rr)
}

func (z *Zone) addApex() {
	for _, host := range z.o.NameServers {
		ns := mdns.Fqdn(strings.ToLower(host))
		z.add(&mdns.NS{Hdr: header(z.apex, mdns.TypeNS, hostTTL), Ns: ns})
		if mdns.IsSubDomain(z.apex, ns) && ns != z.apex {
			z.addHost(ns, z.o.Addresses)
		}
	}
	if len(z.o.Regions) > 0 {
		z.add(z.mx(z.o.Regions[0]))
	}
	if spf := z.spf(); spf != "" {
		z.add(TXT(z.apex, hostTTL, spf))
	}
}

// mx leads mail for the zone itself, as bounces to the default MAIL FROM domain, to the
// region's feedback host.
func (z *Zone) mx(region string) mdns.RR {
	return &mdns.MX{Hdr: header(z.apex, mdns.TypeMX, hostTTL), Preference: 10, Mx: mdns.Fqdn(z.o.Names.FeedbackHost(region))}
}

// spf names the addresses that mail leaves from (RFC 7208 §5.6). The end is SES's: mail
// from elsewhere is suspicious, and not refused, since forwarders exist.
func (z *Zone) spf() string {
	if len(z.o.Senders) == 0 {
		return ""
	}
	var s strings.Builder
	s.WriteString("v=spf1")
	for _, p := range z.o.Senders {
		family := " ip4:"
		if p.Addr().Is6() {
			family = " ip6:"
		}
		s.WriteString(family)
		if p.IsSingleIP() {
			s.WriteString(p.Addr().String())
		} else {
			s.WriteString(p.Masked().String())
		}
	}
	return s.String() + " ~all"
}

// hosts are the names of a region with their addresses.
func (z *Zone) hosts(region string) map[string][]netip.Addr {
	n := z.o.Names
	return map[string][]netip.Addr{
		n.APIHost(region): z.o.Addresses, n.SMTPHost(region): z.o.Addresses, n.TrackingHost(region): z.o.Addresses,
		n.FeedbackHost(region): z.o.Mail, n.InboundHost(region): z.o.Mail,
	}
}

func (z *Zone) addRegion(region string) {
	for name, addrs := range z.hosts(region) {
		z.addHost(mdns.Fqdn(name), addrs)
	}
}

func (z *Zone) addHost(name string, addrs []netip.Addr) {
	if _, there := z.fixed[name]; there {
		return
	}
	for _, rr := range addresses(name, addrs) {
		z.add(rr)
	}
}

func addresses(name string, addrs []netip.Addr) []mdns.RR {
	var rrs []mdns.RR
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			rrs = append(rrs, &mdns.A{Hdr: header(name, mdns.TypeA, hostTTL), A: a.AsSlice()})
		} else {
			rrs = append(rrs, &mdns.AAAA{Hdr: header(name, mdns.TypeAAAA, hostTTL), AAAA: a.AsSlice()})
		}
	}
	return rrs
}

func header(name string, rrtype uint16, ttl time.Duration) mdns.RR_Header {
	return mdns.RR_Header{Name: name, Rrtype: rrtype, Class: mdns.ClassINET, Ttl: uint32(ttl / time.Second)}
}

// maxString is the longest character-string (RFC 1035 §3.3).
const maxString = 255

// TXT is a record with a text of any length, cut into character-strings that readers put
// together again without a separator (RFC 6376 §3.6.2.2, RFC 7208 §3.3).
func TXT(name string, ttl time.Duration, text string) *mdns.TXT {
	rr := &mdns.TXT{Hdr: header(mdns.Fqdn(name), mdns.TypeTXT, ttl)}
	for part := range slices.Chunk([]byte(text), maxString) {
		// The library holds strings in their presentation form (RFC 1035 §5.1).
		rr.Txt = append(rr.Txt, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(part)))
	}
	return rr
}

// SOA is the zone's start. Its serial is the time, so that it grows with every change,
// wherever that is made.
func (z *Zone) SOA() *mdns.SOA {
	primary := z.apex
	if len(z.o.NameServers) > 0 {
		primary = mdns.Fqdn(strings.ToLower(z.o.NameServers[0]))
	}
	return &mdns.SOA{
		Hdr: header(z.apex, mdns.TypeSOA, hostTTL), Ns: primary, Mbox: "hostmaster." + z.apex,
		Serial:  uint32(z.o.Clock().Unix()),
		Refresh: uint32(refresh / time.Second), Retry: uint32(retry / time.Second), Expire: uint32(expire / time.Second),
		Minttl: uint32(negativeTTL / time.Second),
	}
}

// Node is what a zone has at a name.
type Node struct {
	SOA     *mdns.SOA // of the zone that the name is in
	Exists  bool      // the name exists, if only because a name below it does (RFC 8020)
	Records []mdns.RR // all of the name's
}

// At returns what is at a name, which is fully qualified and in lower case. ok is false
// where the name is not in the zone.
func (z *Zone) At(ctx context.Context, name string) (node Node, ok bool, err error) {
	if !mdns.IsSubDomain(z.apex, name) {
		return Node{}, false, nil
	}
	node = Node{SOA: z.SOA()}
	if name == z.apex {
		node.Exists, node.Records = true, append([]mdns.RR{node.SOA}, z.fixed[name]...)
		return node, true, nil
	}
	if rrs := z.fixed[name]; len(rrs) > 0 {
		node.Exists, node.Records = true, rrs
		return node, true, nil
	}
	labels := mdns.SplitDomainName(strings.TrimSuffix(name, "."+z.apex))
	last := labels[len(labels)-1]
	switch {
	case len(labels) == 1 && (last == "dkim" || last == "_domainkey"):
		node.Exists = true
	case len(labels) == 2 && last == "dkim":
		node.Records, err = z.key(ctx, name, labels[0])
	case len(labels) == 2 && last == "_domainkey":
		node.Records, err = z.serviceKey(ctx, name, labels[0])
	case len(z.o.Regions) == 0 && scope.ValidRegion(last):
		err = z.ofRegion(ctx, &node, name, labels)
	default:
		node.Exists = z.above(name)
	}
	node.Exists = node.Exists || len(node.Records) > 0
	return node, true, err
}

// ofRegion finds the hosts of any region. A region may have a domain of keys of its own,
// as SES's newer ones do.
func (z *Zone) ofRegion(ctx context.Context, node *Node, name string, labels []string) (err error) {
	region := labels[len(labels)-1]
	switch {
	case len(labels) == 1, len(labels) == 2 && labels[0] == "dkim":
		node.Exists = true
	case len(labels) == 2:
		node.Records = addresses(name, z.hosts(region)[strings.TrimSuffix(name, ".")])
	case len(labels) == 3 && labels[1] == "dkim":
		node.Records, err = z.key(ctx, name, labels[0])
	}
	return err
}

// above reports whether a record's name is below name.
func (z *Zone) above(name string) bool {
	for below := range z.fixed {
		if mdns.IsSubDomain(name, below) {
			return true
		}
	}
	return false
}

// maxSelector is the longest selector that is looked up: SES's tokens have 32 letters.
const maxSelector = 63

func (z *Zone) key(ctx context.Context, name, selector string) ([]mdns.RR, error) {
	if len(selector) > maxSelector {
		return nil, nil
	}
	select {
	case z.lookups <- struct{}{}:
		defer func() { <-z.lookups }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	txt, ok, err := z.o.Keys.KeyRecord(ctx, selector)
	if err != nil || !ok {
		return nil, err
	}
	return []mdns.RR{TXT(name, z.o.KeyTTL, txt)}, nil
}

func (z *Zone) serviceKey(ctx context.Context, name, selector string) ([]mdns.RR, error) {
	keys, err := z.o.Keys.ServiceKeys(ctx)
	for _, k := range keys {
		if k.Selector == selector {
			return []mdns.RR{TXT(name, z.o.KeyTTL, k.TXT)}, err
		}
	}
	return nil, err
}

// Fixed are the records that only the configuration changes, SOA and NS left out, in the
// order of a zone file.
func (z *Zone) Fixed() []mdns.RR {
	var rrs []mdns.RR
	for _, at := range z.fixed {
		for _, rr := range at {
			if rr.Header().Rrtype != mdns.TypeNS {
				rrs = append(rrs, rr)
			}
		}
	}
	slices.SortFunc(rrs, func(a, b mdns.RR) int {
		return cmp.Or(z.order(a.Header().Name, b.Header().Name), strings.Compare(a.String(), b.String()))
	})
	return rrs
}

// order puts the apex first and the other names by their letters.
func (z *Zone) order(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == z.apex:
		return -1
	case b == z.apex:
		return 1
	}
	return strings.Compare(a, b)
}

// keyPage is how many keys are read at once.
const keyPage = 1000

// EachKey calls fn with the record of every key: those of the service, and then those of
// Easy DKIM, by selector. Keys are made and deleted meanwhile: fn sees each that stays.
func (z *Zone) EachKey(ctx context.Context, fn func(*mdns.TXT) error) error {
	own, err := z.o.Keys.ServiceKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range own {
		if err := fn(TXT(z.o.Names.ServiceKey(k.Selector), z.o.KeyTTL, k.TXT)); err != nil {
			return err
		}
	}
	for after := ""; ; {
		keys, err := z.o.Keys.KeyRecords(ctx, after, keyPage)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if err := fn(TXT(z.o.Names.DKIMTarget(k.Selector), z.o.KeyTTL, k.TXT)); err != nil {
				return err
			}
			after = k.Selector
		}
		if len(keys) < keyPage {
			return nil
		}
	}
}
