// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"

	mdns "github.com/miekg/dns"

	"sesame/internal/base/netaddr"
)

// Causes of a server's answer that says nothing about a name.
var (
	ErrNotAuthoritative = errors.New("the server is not authoritative for the name")
	ErrPrivate          = errors.New("the server's address is private")
)

// Ask asks one name server what is at name, over UDP and over TCP if the answer does not
// fit. Recursion is not wanted, no CNAME is followed and nothing is cached: the records
// are those of the type at the name itself, or else its CNAME.
//
// Each error is an *Error, or the context's. NotExist and NoData are the words of a
// server that is authoritative; that it is not, or may not be asked (ErrPrivate, see
// Options.AllowPrivate), is Temporary with its cause. It takes at most three times
// Options.Timeout.
func (r *Resolver) Ask(ctx context.Context, server netip.AddrPort, name string, t Type) ([]Record, error) {
	k := key{strings.ToLower(mdns.Fqdn(name)), uint16(t)}
	resp, err := r.askOne(ctx, server, k)
	if err != nil {
		return nil, err
	}
	if !resp.Authoritative {
		return nil, r.notAuthoritative(k)
	}
	return own(k, resp)
}

// Delegated asks one name server of a zone's parent whom it delegates the zone to, and
// returns the host names, sorted, at most 13. It says so by a referral (RFC 1034 §4.3.2),
// or, being a server of the zone, too, by the zone's own records. The errors are Ask's.
func (r *Resolver) Delegated(ctx context.Context, server netip.AddrPort, zone string) ([]string, error) {
	k := key{strings.ToLower(mdns.Fqdn(zone)), mdns.TypeNS}
	resp, err := r.askOne(ctx, server, k)
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, rr := range slices.Concat(resp.Answer, resp.Ns) {
		if ns, ok := rr.(*mdns.NS); ok && strings.EqualFold(ns.Hdr.Name, k.name) {
			hosts = append(hosts, hostName(ns.Ns))
		}
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	switch {
	case len(hosts) > 0:
		return hosts[:min(len(hosts), maxServers)], nil
	case !resp.Authoritative:
		return nil, r.notAuthoritative(k)
	case resp.Rcode == mdns.RcodeNameError:
		return nil, newError(NotExist, k, false, nil)
	}
	return nil, newError(NoData, k, false, nil)
}

func (r *Resolver) notAuthoritative(k key) error {
	r.failures.Add(1)
	return newError(Temporary, k, false, ErrNotAuthoritative)
}

// askOne asks a server, whose answer may say that there is nothing.
func (r *Resolver) askOne(ctx context.Context, server netip.AddrPort, k key) (*mdns.Msg, error) {
	if err := checkName(k); err != nil {
		return nil, err
	}
	if !r.allowPrivate && netaddr.Private(server.Addr()) {
		return nil, newError(Temporary, k, false, ErrPrivate)
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.queries.Add(1)
	resp, err := r.exchange(ctx, question(k, false), server.String())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
	case resp.Rcode != mdns.RcodeSuccess && resp.Rcode != mdns.RcodeNameError:
		err = serverError{server.String(), resp.Rcode}
	}
	if err != nil {
		r.failures.Add(1)
		return nil, newError(Temporary, k, false, err)
	}
	return resp, nil
}

// own picks the records at the name that was asked for.
func own(k key, m *mdns.Msg) ([]Record, error) {
	for _, qtype := range []uint16{k.qtype, mdns.TypeCNAME} {
		c := chain{names: []string{k.name}}
		var records []Record
		for _, rr := range c.at(m.Answer, qtype) {
			if rec, ok := record(rr); ok {
				records = append(records, rec)
			}
		}
		if len(records) > 0 {
			return records, nil
		}
	}
	if m.Rcode == mdns.RcodeNameError {
		return nil, newError(NotExist, k, false, nil)
	}
	return nil, newError(NoData, k, false, nil)
}

// Delegation is a zone and the servers that answer for it.
type Delegation struct {
	Zone    string
	Servers []NameServer // by name, at most 13
}

// NameServer is one server of a zone.
type NameServer struct {
	Host  string
	Addrs []netip.AddrPort // at most 8; none if Err is set
	Err   error            // why its addresses are not known
}

// Bounds of a Delegation, which is a stranger's word. More than 13 servers fit into no
// packet of old, and nobody has them.
const (
	maxServers = 13
	maxAddrs   = 8
)

// Authoritatives returns the zone that name is in, and its servers, as the upstreams know
// them: name's own zone, or that of the nearest parent that has one. The addresses have
// the port of Options.Port. Each error is an *Error, or the context's; the number of
// questions is bounded by the number of labels.
func (r *Resolver) Authoritatives(ctx context.Context, name string) (Delegation, error) {
	name = hostName(name)
	for zone := name; zone != "" && zone != "."; _, zone, _ = strings.Cut(zone, ".") {
		ns, err := r.QueryNS(ctx, zone)
		var e *Error
		switch {
		case err == nil && len(ns.Aliases) == 0:
			return Delegation{Zone: zone, Servers: r.nameServers(ctx, ns.Records)}, nil
		case err == nil: // the name servers of what it is an alias of
		case !errors.As(err, &e), e.Kind == Temporary:
			return Delegation{}, err
		}
	}
	return Delegation{}, newError(NotExist, key{name, mdns.TypeNS}, false, errors.New("it is in no zone"))
}

// nameServers looks up the addresses of the servers, of all at once.
func (r *Resolver) nameServers(ctx context.Context, hosts []string) []NameServer {
	hosts = slices.Clone(hosts)
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	servers := make([]NameServer, min(len(hosts), maxServers))
	var all sync.WaitGroup
	for i := range servers {
		all.Go(func() {
			s := NameServer{Host: hosts[i]}
			res, err := r.QueryAddrs(ctx, s.Host)
			s.Err = err
			for _, a := range res.Records[:min(len(res.Records), maxAddrs)] {
				s.Addrs = append(s.Addrs, netip.AddrPortFrom(a, r.port))
			}
			slices.SortFunc(s.Addrs, netip.AddrPort.Compare)
			servers[i] = s
		})
	}
	all.Wait()
	return servers
}
