// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"strings"
	"sync"

	"sesame/internal/proto/dkim"
	"sesame/internal/proto/dns"
)

// Resolver asks DNS.
type Resolver interface {
	QueryTXT(ctx context.Context, name string) (dns.Result[string], error)
	QueryMX(ctx context.Context, domain string) (dns.Result[dns.MX], error)
	QuerySOA(ctx context.Context, zone string) (dns.Result[dns.SOA], error)
}

var _ Resolver = (*dns.Resolver)(nil)

// Why a look at DNS did not find what it looked for, in API v2's spelling
// (VerificationError).
const (
	reasonNoHost   = "HOST_NOT_FOUND"
	reasonNoType   = "TYPE_NOT_FOUND"
	reasonValue    = "INVALID_VALUE"
	reasonServer   = "DNS_SERVER_ERROR"
	reasonInternal = "SERVICE_ERROR"
)

// missing is the finding of a lookup without records.
func missing(ctx context.Context, err error) finding {
	switch {
	case ctx.Err() != nil:
		return finding{unsure: true, reason: reasonInternal}
	case dns.KindOf(err) == dns.NotExist:
		return finding{reason: reasonNoHost}
	case dns.KindOf(err) == dns.NoData:
		return finding{reason: reasonNoType}
	}
	return finding{unsure: true, reason: reasonServer}
}

// lookup asks DNS for all that is watched about an identity, at the same time: a name
// server that is silent costs one timeout, not one for each record.
func (s *Identities) lookup(ctx context.Context, id Identity) (findings, error) {
	if s.o.VerifyAtOnce {
		yes := finding{found: true}
		return findings{dkim: yes, token: yes, mailFrom: yes, shown: id.all()}, nil
	}
	f := findings{shown: map[string]finding{}}
	problem, err := s.replicaProblem(ctx, id)
	if err != nil {
		return f, err
	}
	var wg sync.WaitGroup
	results := make([]keyFinding, len(id.Keys))
	if watched(id.DKIM) {
		for n, k := range id.Keys {
			wg.Go(func() { results[n] = s.lookupKey(ctx, id.Name, k) })
		}
	}
	var label, bare finding
	if id.Kind == Domain && watched(id.Verification) {
		wg.Go(func() { label = s.lookupToken(ctx, "_amazonses."+id.Name, id.Token) })
		// SES: a domain can be proven a second time by a record without the label; then
		// "amazonses:" may stand before the token.
		wg.Go(func() { bare = s.lookupToken(ctx, id.Name, id.Token, "amazonses:"+id.Token) })
	}
	if id.Kind == Domain {
		wg.Go(func() { f.soa = s.lookupSOA(ctx, id.Name) })
	}
	if watched(id.MailFrom.Status) {
		wg.Go(func() { f.mailFrom = s.lookupMX(ctx, id.MailFrom.Domain) })
	}
	wg.Wait()
	f.token = either(label, bare)
	if f.dkim = required(id, results, f.shown); problem != "" {
		f.dkim = finding{reason: problem}
	}
	return f, nil
}

// maxAbove is how many names above a domain may be asked for the start of its zone.
const maxAbove = 4

// lookupSOA looks for the start of the zone that a domain is in: at its own name or the
// closest one above, but for a single label, which is nobody's to be verified. It is shown,
// and nothing depends on it.
func (s *Identities) lookupSOA(ctx context.Context, domain string) dns.SOA {
	for range 1 + maxAbove {
		res, err := s.o.Resolver.QuerySOA(ctx, domain)
		if err == nil {
			return res.Records[0]
		}
		if kind := dns.KindOf(err); kind != dns.NotExist && kind != dns.NoData {
			break
		}
		_, above, _ := strings.Cut(domain, ".")
		if !strings.Contains(above, ".") {
			break
		}
		domain = above
	}
	return dns.SOA{}
}

// replicaProblem is why a replica has no keys; "" for all others.
func (s *Identities) replicaProblem(ctx context.Context, id Identity) (string, error) {
	region, ok := id.DKIMInfo.Origin.region()
	if !ok {
		return "", nil
	}
	_, problem, err := s.parentKeys(ctx, id, region)
	return problem, err
}

// keyFinding is what DNS shows at a key's name: the key itself, or at least one that is
// good there.
type keyFinding struct{ key, any finding }

// required is the finding over all keys that must be there: those of Easy DKIM, or the
// newest external one. It fills in what was shown of each key.
func required(id Identity, results []keyFinding, shown map[string]finding) finding {
	all, asked := finding{found: true}, false
	newest := -1
	for n, k := range id.Keys {
		shown[k.Selector] = results[n].key
		if k.External {
			newest = n
		}
	}
	for n, k := range id.Keys {
		if k.Algorithm != RSA || k.External && n != newest {
			continue
		}
		asked = true
		// A record that is missing for certain outweighs one that could not be asked for.
		if f := results[n].any; !f.found && (all.found || all.unsure && !f.unsure) {
			all = f
		}
	}
	if !asked {
		return finding{}
	}
	return all
}

// lookupKey looks for a key at its name, directly or by CNAME to whatever name. While the
// key waits for its turn, the one before it counts, too.
func (s *Identities) lookupKey(ctx context.Context, domain string, k Key) keyFinding {
	res, err := s.o.Resolver.QueryTXT(ctx, keyName(k.Selector, domain))
	if err != nil {
		f := missing(ctx, err)
		return keyFinding{f, f}
	}
	f := keyFinding{key: finding{reason: reasonValue}, any: finding{reason: reasonValue}}
	for _, txt := range res.Records {
		r, err := dkim.ParseRecord(txt)
		if err != nil {
			continue
		}
		if r.Publishes(dkim.Record{KeyType: string(k.Algorithm), Public: k.PublicKey}) {
			return keyFinding{finding{found: true}, finding{found: true}}
		}
		if k.Replaces != "" && r.Publishes(dkim.Record{KeyType: string(k.Algorithm), Public: k.Replaces}) {
			f.any = finding{found: true}
		}
	}
	return f
}

func keyName(selector, domain string) string { return selector + "._domainkey." + domain }

// lookupToken looks for one of values, exactly as it was given, among all that is at name.
func (s *Identities) lookupToken(ctx context.Context, name string, values ...string) finding {
	res, err := s.o.Resolver.QueryTXT(ctx, name)
	if err != nil {
		return missing(ctx, err)
	}
	for _, txt := range res.Records {
		for _, v := range values {
			if txt == v {
				return finding{found: true}
			}
		}
	}
	return finding{reason: reasonValue}
}

// lookupMX wants exactly one MX, which leads to us (SES: more than one fails).
func (s *Identities) lookupMX(ctx context.Context, domain string) finding {
	res, err := s.o.Resolver.QueryMX(ctx, domain)
	switch {
	case err != nil:
		return missing(ctx, err)
	case len(res.Records) == 1 && s.isFeedbackHost(strings.ToLower(res.Records[0].Host)):
		return finding{found: true}
	}
	return finding{reason: reasonValue}
}
