// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"context"
	"strings"
)

// probe is a name where a record stands when it was published in a known wrong way.
type probe struct {
	code string
	name string
	text string // after "The record stands at NAME"
}

// probes are where to look for a record that is not at its name.
func (e *evidence) probes(domain string) []probe {
	name := e.wanted.Name
	var ps []probe
	add := func(code, at, text string) {
		for _, p := range ps {
			if p.name == at {
				return
			}
		}
		if at != name && at != "" && below(at, e.zone) {
			ps = append(ps, probe{code, at, text})
		}
	}
	const doubled = "the DNS provider appends the zone to what is entered. Enter the name without the zone, or end it with a dot."
	add(ZoneDoubled, name+"."+e.zone, doubled)
	add(ZoneDoubled, name+"."+domain, doubled)
	const underscore = "the underscore is missing. Where a provider refuses underscores, ask its support: these names need them (RFC 8552)."
	if strings.Contains(name, "._domainkey.") {
		add(NoUnderscore, strings.Replace(name, "._domainkey.", ".domainkey.", 1), underscore)
		add(WrongHost, strings.Replace(name, "._domainkey.", ".", 1), "\"._domainkey\" is missing in the name.")
		add(WrongHost, name[strings.Index(name, "._domainkey.")+1:], "the token before \"._domainkey\" is missing in the name.")
		add(WrongHost, name[:strings.Index(name, "._domainkey.")]+"._domainkey."+e.zone, "the subdomain is missing in the name.")
	} else if rest, ok := strings.CutPrefix(name, "_"); ok {
		add(NoUnderscore, rest, underscore)
		_, host, _ := strings.Cut(name, ".")
		add(WrongHost, host, "its own label at the front is missing in the name.")
	} else if name != domain {
		add(WrongHost, domain, "it belongs to the MAIL FROM domain, not to the domain of the From address.")
	}
	return ps
}

// elsewhere looks for the record at the names of common mistakes.
func (l *look) elsewhere(ctx context.Context, e *evidence) []Mistake {
	server, t := e.answering(), e.kind.asks(e.wanted)
	for _, p := range e.probes(tidy(l.subject.Domain)) {
		var f Found
		if server.addr.IsValid() {
			f = l.ask(ctx, server, p.name, t)
		} else {
			f = l.resolve(ctx, p.name, t)
		}
		if f.state != failed && e.holds(f) {
			return []Mistake{mistake(p.code, "The record stands at %s instead: %s", p.name, p.text)}
		}
	}
	return nil
}

// holds reports whether what was found at another name is the wanted record. A name that
// has more than it may still hold it.
func (e *evidence) holds(f Found) bool {
	if e.matches(f) {
		return true
	}
	for _, v := range f.Values {
		if e.matches(Found{Values: []string{v}}) {
			return true
		}
	}
	return false
}
