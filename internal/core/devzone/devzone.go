// SPDX-License-Identifier: Apache-2.0

// Package devzone keeps DNS zones that anybody may change by dynamic updates (RFC 2136):
// on a developer's machine they are the customers' zones, so that identities can be
// proven there as they are on the Internet.
//
// Every domain has a zone from the beginning, at its registrable name (example.com,
// example.co.uk), with a start and a name server made up. The package must not know where
// updates come from; whoever calls it has made sure that it is nobody from outside.
package devzone

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	mdns "github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"sesame/internal/core/store"
	"sesame/internal/core/zone"
)

// Bounds.
const (
	maxZones = 1000
	maxText  = 1 << 20 // octets of a zone as a master file
)

// Options configure Zones.
type Options struct {
	DB         *store.DB
	NameServer string   // host name of the zones' only server
	Except     []string // zones that somebody else answers for, and what is below them
	Log        *slog.Logger
}

// Zones are the zones of one server. They are safe for concurrent use.
type Zones struct {
	o  Options
	ns string

	mu     sync.Mutex
	parsed map[string]version // of zones that were asked for; at the bound it starts anew

	updating sync.Mutex // a zone is read, changed and written
}

// version is a zone as it was read.
type version struct {
	number int64
	zone   *contents
}

// New returns the zones kept in o.DB.
func New(o Options) *Zones {
	return &Zones{o: o, ns: mdns.Fqdn(o.NameServer), parsed: map[string]version{}}
}

// apex is the zone that a name is in; ok is false for names that are in none: those of
// other servers, and the suffixes that domains are registered below.
func (z *Zones) apex(name string) (apex string, ok bool) {
	for _, e := range z.o.Except {
		if mdns.IsSubDomain(mdns.Fqdn(e), name) {
			return "", false
		}
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimSuffix(name, "."))
	return mdns.Fqdn(d), err == nil
}

// At returns what is at a name, as nameserver.Authority has it.
func (z *Zones) At(ctx context.Context, name string) (zone.Node, bool, error) {
	apex, ok := z.apex(name)
	if !ok {
		return zone.Node{}, false, nil
	}
	var number int64
	var text string
	err := z.o.DB.QueryRow(ctx, `SELECT version, records FROM dns_zones WHERE zone = ?`, apex).Scan(&number, &text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return zone.Node{}, true, store.Wrap("devzone.At", err)
	}
	c, err := z.read(apex, number, text)
	if err != nil {
		return zone.Node{}, true, err
	}
	return c.at(name), true, nil
}

// read parses a zone's text unless it is known already.
func (z *Zones) read(apex string, number int64, text string) (*contents, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if v, ok := z.parsed[apex]; ok && v.number == number {
		return v.zone, nil
	}
	c, err := z.parse(apex, text)
	if err != nil {
		return nil, err
	}
	if len(z.parsed) >= maxZones {
		clear(z.parsed)
	}
	z.parsed[apex] = version{number, c}
	return c, nil
}

// parse reads a zone; no text is a zone as it begins.
func (z *Zones) parse(apex, text string) (*contents, error) {
	if text == "" {
		text = fmt.Sprintf("%[1]s 60 IN SOA %[2]s hostmaster.%[1]s 1 3600 600 1209600 1\n%[1]s 3600 IN NS %[2]s\n", apex, z.ns)
	}
	c := &contents{apex: apex}
	zp := mdns.NewZoneParser(strings.NewReader(text), apex, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		c.records = append(c.records, rr)
	}
	if err := zp.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("devzone: zone %s: %w", apex, err)
	}
	return c, nil
}

// Update applies a dynamic update, whole or not at all, and returns the response's code
// (RFC 2136 §3).
func (z *Zones) Update(ctx context.Context, m *mdns.Msg) (rcode int) {
	if len(m.Question) != 1 || m.Question[0].Qtype != mdns.TypeSOA || m.Question[0].Qclass != mdns.ClassINET {
		return mdns.RcodeFormatError
	}
	name := strings.ToLower(m.Question[0].Name)
	if apex, ok := z.apex(name); !ok || apex != name {
		return mdns.RcodeNotAuth
	}
	z.updating.Lock()
	defer z.updating.Unlock()
	err := z.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		rcode, err = z.apply(tx, name, m)
		return err
	})
	if err != nil {
		z.o.Log.Error("dns update", "zone", name, "error", err)
		return mdns.RcodeServerFailure
	}
	return rcode
}

func (z *Zones) apply(tx *store.Tx, apex string, m *mdns.Msg) (rcode int, err error) {
	var number int64
	var text string
	err = tx.Get([]any{&number, &text}, `SELECT version, records FROM dns_zones WHERE zone = ?`, apex)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	c, err := z.parse(apex, text)
	if err != nil {
		return 0, err
	}
	if rcode := c.require(m.Answer); rcode != mdns.RcodeSuccess {
		return rcode, nil
	}
	changed, rcode := c.update(m.Ns)
	if rcode != mdns.RcodeSuccess || !changed {
		return rcode, nil
	}
	text = c.text()
	// What can't be read again, as records of types that have no text, must not be kept.
	if again, err := z.parse(apex, text); len(text) > maxText || err != nil || again.text() != text {
		return mdns.RcodeRefused, nil
	}
	if number > 0 {
		return mdns.RcodeSuccess, one(tx.Exec(`UPDATE dns_zones SET version = ?, records = ? WHERE zone = ? AND version = ?`,
			number+1, text, apex, number))
	}
	var zones int
	if err := tx.Get([]any{&zones}, `SELECT COUNT(*) FROM dns_zones`); err != nil || zones >= maxZones {
		return mdns.RcodeRefused, err
	}
	return mdns.RcodeSuccess, one(tx.Exec(`INSERT INTO dns_zones (zone, version, records) VALUES (?, 1, ?)`, apex, text))
}

// one is the error of a statement that must change one row.
func one(rows int64, err error) error {
	if err == nil && rows != 1 {
		return errors.New("somebody else has changed the zone meanwhile")
	}
	return err
}

// contents are the records of a zone, their names in lower case. What At reads is never
// changed.
type contents struct {
	apex    string
	records []mdns.RR
}

func (c *contents) soa() *mdns.SOA {
	i := slices.IndexFunc(c.records, func(rr mdns.RR) bool { return rr.Header().Rrtype == mdns.TypeSOA })
	return c.records[i].(*mdns.SOA)
}

func (c *contents) text() string {
	var b strings.Builder
	for _, rr := range c.records {
		b.WriteString(rr.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// at finds the records at a name; where it does not exist, those of the wildcard that
// stands for it (RFC 4592 §3.3.1).
func (c *contents) at(name string) zone.Node {
	node := zone.Node{SOA: c.soa()}
	if node.Exists, node.Records = c.find(name); node.Exists {
		return node
	}
	for encloser := name; encloser != c.apex; {
		off, _ := mdns.NextLabel(encloser, 0)
		encloser = encloser[off:]
		if exists, _ := c.find(encloser); !exists {
			continue
		}
		_, wild := c.find("*." + encloser)
		for _, rr := range wild {
			rr = mdns.Copy(rr)
			rr.Header().Name = name
			node.Exists, node.Records = true, append(node.Records, rr)
		}
		return node
	}
	return node
}

// find returns the records at name, and whether it exists.
func (c *contents) find(name string) (exists bool, records []mdns.RR) {
	for _, rr := range c.records {
		if owner := rr.Header().Name; owner == name {
			records = append(records, rr)
		} else if !exists {
			exists = mdns.IsSubDomain(name, owner)
		}
	}
	return exists || len(records) > 0, records
}
