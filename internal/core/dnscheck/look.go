// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"

	"sesame/internal/proto/dns"
)

// look is one check under way.
type look struct {
	*Checker
	subject Subject
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
	servers  []server
	found    []Found // by servers
	resolver Found
	targets  map[string]bool // aliases that were found, and whether they lead to the key
}

// server is an authoritative name server. addr is the zero value if it can't be asked, for
// the reason why.
type server struct {
	name string
	addr netip.AddrPort
	why  string
}

// gather asks everyone for a record.
func (l *look) gather(ctx context.Context, w Wanted) *evidence {
	w.Name = tidy(w.Name)
	e := &evidence{wanted: w, kind: kindOf(w), targets: map[string]bool{}}
	d, err := l.o.Asker.Authoritatives(ctx, w.Name)
	if err != nil {
		e.found = []Found{{Error: "can't be found: " + reason(err), state: failed}}
	}
	e.zone, e.servers = tidy(d.Zone), l.servers(d)
	e.key = l.wantedKey(ctx, w)
	found := make([]Found, len(e.servers))
	l.all(func(run func(func())) {
		for n, s := range e.servers {
			run(func() { found[n] = l.ask(ctx, s, w.Name, e.kind.asks(w)) })
		}
		run(func() { e.resolver = l.resolve(ctx, w.Name, e.kind.asks(w)) })
	})
	for _, f := range found {
		if f.Alias != "" && e.key != "" {
			e.targets[f.Alias] = l.leadsTo(ctx, f.Alias, e.key)
		}
	}
	for _, f := range found {
		f.state = e.state(f)
		e.found = append(e.found, f)
	}
	e.resolver.state = e.state(e.resolver)
	return e
}

// servers are those of a delegation that are asked: each once, at its first address.
func (l *look) servers(d dns.Delegation) []server {
	var list []server
	for _, ns := range d.Servers[:min(len(d.Servers), l.o.MaxServers)] {
		s := server{name: ns.Host}
		switch {
		case ns.Err != nil:
			s.why = "its address can't be found: " + reason(ns.Err)
		case len(ns.Addrs) > 0:
			s.addr = ns.Addrs[0]
		default:
			s.why = "it has no address"
		}
		list = append(list, s)
	}
	return list
}

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
	for _, txt := range l.resolve(ctx, w.Value, dns.TypeTXT).Values {
		if key, ok := publicKey(txt); ok && key != "" {
			return key
		}
	}
	return ""
}

// leadsTo reports whether the key is found at name.
func (l *look) leadsTo(ctx context.Context, name, key string) bool {
	return hasKey(l.resolve(ctx, name, dns.TypeTXT).Values, key)
}

func hasKey(values []string, key string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		p, ok := publicKey(v)
		return ok && p == key && key != ""
	})
}

// ask asks one authoritative server. Where it fails at TXT it is asked for an alias, too:
// some know those alone.
func (l *look) ask(ctx context.Context, s server, name string, t dns.Type) Found {
	f := l.askOnce(ctx, s, name, t)
	if f.state == failed && t == dns.TypeTXT && s.addr.IsValid() {
		f.Alias = l.askOnce(ctx, s, name, dns.TypeCNAME).Alias
	}
	return f
}

func (l *look) askOnce(ctx context.Context, s server, name string, t dns.Type) Found {
	f := Found{Server: s.name, Error: s.why, state: failed}
	if !s.addr.IsValid() {
		return f
	}
	f.Address = s.addr.Addr().String()
	if s.addr.Port() != 53 {
		f.Address = s.addr.String()
	}
	if !l.take(ctx) {
		f.Error = reason(ctx.Err())
		return f
	}
	records, err := l.o.Asker.Ask(ctx, s.addr, name, t)
	<-l.slots
	f.outcome(err)
	for _, r := range records {
		switch r.Type {
		case t:
			f.Values = append(f.Values, r.Value)
		case dns.TypeCNAME:
			f.Alias = r.Value
		}
	}
	if t == dns.TypeCNAME && len(f.Values) > 0 {
		f.Alias, f.Values = f.Values[0], nil
	}
	return f
}

func (l *look) take(ctx context.Context) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

const (
	noSuchName   = "no such name"
	noSuchRecord = "no such record"
)

// outcome says what a look-up came to: failed, or absent until what was found is judged.
func (f *Found) outcome(err error) {
	var e *dns.Error
	switch {
	case err == nil:
		f.state = absent
	case errors.As(err, &e) && e.Kind == dns.NotExist:
		f.Error, f.state = noSuchName, absent
	case errors.As(err, &e) && e.Kind == dns.NoData:
		f.Error, f.state = noSuchRecord, absent
	default:
		f.Error = reason(err)
	}
}

// resolve asks the configured resolver for MX, CNAME or TXT.
func (l *look) resolve(ctx context.Context, name string, t dns.Type) Found {
	f := Found{state: failed}
	if !l.take(ctx) {
		f.Error = reason(ctx.Err())
		return f
	}
	defer func() { <-l.slots }()
	var err error
	switch t {
	case dns.TypeMX:
		var list []dns.MX
		list, err = l.o.Resolver.LookupMX(ctx, name)
		for _, mx := range list {
			f.Values = append(f.Values, fmt.Sprintf("%d %s", mx.Preference, mx.Host))
		}
	case dns.TypeCNAME:
		var res dns.Result[string]
		if res, err = l.o.Resolver.QueryCNAME(ctx, name); err == nil {
			f.Alias = res.Records[0]
		}
	default:
		f.Values, err = l.o.Resolver.LookupTXT(ctx, name)
	}
	f.outcome(err)
	return f
}

// reason is an error for people: what went wrong, without the addresses and ports of this
// side.
func reason(err error) string {
	var e *dns.Error
	var n net.Error
	var op *net.OpError
	var sys *os.SyscallError
	switch {
	case errors.As(err, &n) && n.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "did not answer in time"
	case errors.Is(err, context.Canceled):
		return "was not waited for"
	case errors.As(err, &sys):
		return sys.Err.Error()
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.As(err, &e) && e.Kind == dns.Temporary && e.Err != nil:
		return e.Err.Error()
	case errors.As(err, &e):
		return e.Kind.String()
	}
	return err.Error()
}
