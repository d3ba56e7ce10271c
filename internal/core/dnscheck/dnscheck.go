// SPDX-License-Identifier: Apache-2.0

// Package dnscheck looks at what the owner of a domain has published for mail and says
// what is wrong with it: for each record that an identity needs, what every
// authoritative server and the configured resolver answer, a verdict, and the likely
// mistake in words; for the domain, what its SPF, DMARC and BIMI records mean for mail
// that leaves from here.
//
// The package changes nothing and keeps nothing: an identity's status is the business of
// package identity. What it reads is written by strangers; every check is bounded in
// servers, questions and time.
package dnscheck

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"sesame/internal/proto/dns"
)

// Wanted is a record that the owner of a domain should publish.
type Wanted struct {
	Name     string // full name, without a trailing dot
	Type     string // CNAME, TXT or MX
	Value    string // as in a zone file, TXT without quotes: "10 mail.example.com", "v=spf1 ..."
	Purpose  string // what it is for, in words
	Required bool
	Key      string `json:"-"` // the DKIM public key that mail is verified with (p=), if it is known
}

// Verdict is the judgement on a record.
type Verdict string

// The verdicts.
const (
	OK          Verdict = "ok"
	Missing     Verdict = "missing"
	Wrong       Verdict = "wrong"
	Partial     Verdict = "partial"     // the servers disagree, or resolvers don't see it yet
	Unreachable Verdict = "unreachable" // nobody answered
	Advice      Verdict = "advice"      // not there, and not required
)

// Found is what one server, or the resolver, has at the name of a record.
type Found struct {
	Server  string   `json:",omitempty"` // the name server's host name; none for the resolver, or if there is no server
	Address string   `json:",omitempty"` // the name server's address
	Values  []string `json:",omitempty"` // of the wanted type, or of TXT for a DKIM key
	Alias   string   `json:",omitempty"` // where a CNAME leads
	Error   string   `json:",omitempty"` // why there is neither: "no such name"

	state state
}

// Mistake is what probably went wrong. Code is a word for programs.
type Mistake struct{ Code, Text string }

// Record is the report on one record.
type Record struct {
	Wanted   Wanted
	Servers  []Found // the authoritative servers, in the order of their names
	Resolver Found
	Verdict  Verdict
	Mistakes []Mistake
}

// Report is all that was found for a domain.
type Report struct {
	Domain  string
	Verdict Verdict // OK, or the first required record's that is not
	Records []Record
	SPF     *SPF `json:",omitempty"` // of the custom MAIL FROM domain; absent without one
	DMARC   DMARC
	BIMI    BIMI
}

// Asker asks name servers themselves. It must bound the time of each question, and refuse
// addresses that must not be asked. *dns.Resolver is one.
type Asker interface {
	Authoritatives(ctx context.Context, name string) (dns.Delegation, error)
	Ask(ctx context.Context, server netip.AddrPort, name string, t dns.Type) ([]dns.Record, error)
}

// Resolver asks as the rest of the world does. *dns.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, domain string) ([]dns.MX, error)
	LookupAddrs(ctx context.Context, host string) ([]netip.Addr, error)
	QueryCNAME(ctx context.Context, name string) (dns.Result[string], error)
}

var (
	_ Asker    = (*dns.Resolver)(nil)
	_ Resolver = (*dns.Resolver)(nil)
)

// Options say whom to ask and what is known of this server.
type Options struct {
	Asker    Asker
	Resolver Resolver

	Timeout    time.Duration // of a whole check; 0 means 20 s
	MaxServers int           // asked for each zone; 0 means 6
	Concurrent int           // questions at once; 0 means 16

	Source       []netip.Addr // where mail leaves from, for SPF's result; may be empty
	ReturnDomain string       // domain of the return paths where an identity has no custom MAIL FROM
}

// Checker checks domains. It is safe for concurrent use: all checks share one bound of
// questions.
type Checker struct {
	o     Options
	slots chan struct{} // one for each question at once
}

// New returns a checker.
func New(o Options) *Checker {
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	if o.MaxServers == 0 {
		o.MaxServers = 6
	}
	if o.Concurrent == 0 {
		o.Concurrent = 16
	}
	return &Checker{o: o, slots: make(chan struct{}, o.Concurrent)}
}

// Subject is what to check.
type Subject struct {
	Domain   string
	MailFrom string // custom MAIL FROM domain; "" for none
	Wanted   []Wanted
}

// Bounds of one check, whatever its subject says.
const (
	maxWanted = 50
	maxValues = 20  // shown of each server
	maxShown  = 600 // octets shown of each value
)

// Check looks at everything at once. It ends within the time of Options.Timeout, and
// what was not answered by then is unreachable.
func (c *Checker) Check(ctx context.Context, s Subject) Report {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	s.Wanted = s.Wanted[:min(len(s.Wanted), maxWanted)]
	l := &look{Checker: c, subject: s}
	records := make([]*evidence, len(s.Wanted))
	r := Report{Domain: s.Domain, Verdict: OK}
	l.all(func(run func(func())) {
		for n, w := range s.Wanted {
			run(func() { records[n] = l.gather(ctx, w) })
		}
		if s.MailFrom != "" {
			run(func() { r.SPF = c.SPF(ctx, s.MailFrom) })
		}
		run(func() { r.DMARC = c.DMARC(ctx, s.Domain) })
	})
	r.BIMI = c.bimi(ctx, s.Domain, r.DMARC)
	for _, e := range records {
		r.Records = append(r.Records, Record{})
		rec := &r.Records[len(r.Records)-1]
		*rec = l.conclude(ctx, e, r)
		if r.Verdict == OK && rec.Wanted.Required {
			r.Verdict = rec.Verdict
		}
	}
	r.DMARC.align(s, r.Records, c.o.ReturnDomain)
	return r
}

// tidy is a domain name as this package compares names.
func tidy(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
