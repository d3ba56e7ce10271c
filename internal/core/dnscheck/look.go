// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sesame/internal/proto/dns"
)

// look is one check under way.
type look struct {
	*Checker
	subject Subject
	slots   chan struct{} // one for each question at once
}

// all runs what start hands over, and returns when all of it has ended.
func (l *look) all(start func(run func(func()))) {
	var wg sync.WaitGroup
	start(wg.Go)
	wg.Wait()
}

// evidence is what was found for a wanted record.
type evidence struct {
	wanted   Wanted
	kind     kind
	key      string // the DKIM key that the wanted record shows, "" if not known
	zone     string
	servers  []Server
	found    []Found // by servers
	resolver Found
	targets  map[string]bool // aliases that were found, and whether they lead to the key
	negative int             // seconds that resolvers remember that there is nothing; 0 if not known
}

// gather asks everyone for a record.
func (l *look) gather(ctx context.Context, w Wanted) *evidence {
	w.Name = tidy(w.Name)
	e := &evidence{wanted: w, kind: kindOf(w), targets: map[string]bool{}}
	var err error
	if e.zone, e.servers, err = l.Asker().Authoritatives(ctx, w.Name); err != nil {
		e.found = []Found{{Error: "the name servers can't be found: " + reason(err), state: failed}}
	}
	e.zone = tidy(e.zone)
	slices.SortFunc(e.servers, func(a, b Server) int { return cmp.Or(cmp.Compare(a.Name, b.Name), a.Addr.Compare(b.Addr)) })
	e.servers = e.servers[:min(len(e.servers), l.o.MaxServers)]
	e.key = l.wantedKey(ctx, w)
	answers := make([]reply, len(e.servers))
	var resolved Found
	l.all(func(run func(func())) {
		for n, s := range e.servers {
			run(func() { answers[n] = l.ask(ctx, s, w.Name, e.kind.asks(w)) })
		}
		run(func() { resolved = l.resolve(ctx, w.Name, e.kind.asks(w)) })
	})
	for _, a := range answers {
		if a.Alias != "" && e.key != "" {
			e.targets[a.Alias] = l.leadsTo(ctx, a.Alias, e.key)
		}
		if a.negative > 0 {
			e.negative = a.negative
		}
	}
	for _, a := range answers {
		a.state = e.state(a.Found)
		e.found = append(e.found, a.Found)
	}
	resolved.state = e.state(resolved)
	e.resolver = resolved
	return e
}

// Asker returns whom to ask for the zone's own servers.
func (c *Checker) Asker() Asker { return c.o.Asker }

// wantedKey is the key that a DKIM record should show: what the identity says, what the
// record itself holds, or what stands where it should lead.
func (l *look) wantedKey(ctx context.Context, w Wanted) string {
	switch {
	case kindOf(w) != dkimKey:
		return ""
	case w.Key != "":
		return squeeze(w.Key)
	case w.Type == "TXT":
		key, _ := publicKey(w.Value)
		return key
	}
	for _, txt := range l.resolve(ctx, w.Value, "TXT").Values {
		if key, ok := publicKey(txt); ok && key != "" {
			return key
		}
	}
	return ""
}

// leadsTo reports whether the key is found at name.
func (l *look) leadsTo(ctx context.Context, name, key string) bool {
	return hasKey(l.resolve(ctx, name, "TXT").Values, key)
}

func hasKey(values []string, key string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		p, ok := publicKey(v)
		return ok && p == key && key != ""
	})
}

// reply is what a server has, and for how long others remember that it has nothing.
type reply struct {
	Found
	negative int
}

// ask asks one authoritative server. Where it fails at TXT it is asked for an alias, too:
// some know those alone.
func (l *look) ask(ctx context.Context, s Server, name, rrtype string) reply {
	r := l.askOnce(ctx, s, name, rrtype)
	if r.Error == "" || rrtype != "TXT" || r.state != failed || !s.Addr.IsValid() {
		return r
	}
	if alias := l.askOnce(ctx, s, name, "CNAME"); alias.Alias != "" {
		r.Alias = alias.Alias
	}
	return r
}

func (l *look) askOnce(ctx context.Context, s Server, name, rrtype string) reply {
	f := Found{Server: s.Name, state: failed}
	if !s.Addr.IsValid() {
		f.Error = "has no address that may be asked"
		return reply{Found: f}
	}
	f.Address = s.Addr.Addr().String()
	if s.Addr.Port() != 53 {
		f.Address = s.Addr.String()
	}
	if !l.take(ctx) {
		f.Error = reason(ctx.Err())
		return reply{Found: f}
	}
	a, err := l.o.Asker.Ask(ctx, s.Addr, name, rrtype)
	<-l.slots
	if err != nil {
		f.Error = reason(err)
		return reply{Found: f}
	}
	return read(f, a, name, rrtype)
}

func (l *look) take(ctx context.Context) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// read takes what matters from an answer.
func read(f Found, a Answer, name, rrtype string) reply {
	r := reply{Found: f}
	for _, rr := range a.Authority {
		if rr.Type == "SOA" {
			r.negative = int(rr.TTL.Seconds())
		}
	}
	owner := name
	for _, rr := range a.Records {
		switch {
		case rr.Type == "CNAME" && tidy(rr.Name) == owner:
			owner = tidy(rr.Value)
			if r.Alias == "" {
				r.Alias = owner
			}
		case rr.Type == rrtype && tidy(rr.Name) == owner:
			r.Values = append(r.Values, rr.Value)
		}
	}
	switch {
	case a.Code != "NOERROR" && a.Code != "NXDOMAIN":
		r.Error = "answered " + a.Code
	case !a.Authoritative:
		r.Error = "is not authoritative for the zone"
	case len(r.Values) > 0 || r.Alias != "":
		r.state = absent // until judged
	case a.Code == "NXDOMAIN":
		r.Error, r.state = noSuchName, absent
	default:
		r.Error, r.state = noSuchRecord, absent
	}
	return r
}

const (
	noSuchName   = "no such name"
	noSuchRecord = "no such record"
)

// resolve asks the configured resolver.
func (l *look) resolve(ctx context.Context, name, rrtype string) Found {
	f := Found{state: failed}
	if !l.take(ctx) {
		f.Error = reason(ctx.Err())
		return f
	}
	defer func() { <-l.slots }()
	var err error
	if rrtype == "MX" {
		var list []dns.MX
		list, err = l.o.Resolver.LookupMX(ctx, name)
		for _, mx := range list {
			f.Values = append(f.Values, fmt.Sprintf("%d %s", mx.Preference, mx.Host))
		}
	} else {
		f.Values, err = l.o.Resolver.LookupTXT(ctx, name)
	}
	var e *dns.Error
	switch {
	case err == nil:
		f.state = absent // until judged
	case errors.As(err, &e) && e.Kind == dns.NotExist:
		f.Error, f.state = noSuchName, absent
	case errors.As(err, &e) && e.Kind == dns.NoData:
		f.Error, f.state = noSuchRecord, absent
	default:
		f.Error = reason(err)
	}
	return f
}

// reason is an error for people.
func reason(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "did not answer in time"
	case errors.Is(err, context.Canceled):
		return "was not waited for"
	}
	return strings.TrimPrefix(err.Error(), "dns: ")
}
