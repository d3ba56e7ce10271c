// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sesame/internal/proto/dns"
)

// The codes of mistakes.
const (
	ZoneDoubled     = "zone-doubled"
	NoUnderscore    = "underscore-missing"
	WrongHost       = "wrong-host"
	WrongSelector   = "wrong-selector"
	TextSplit       = "text-split"
	TextCut         = "text-cut"
	TextQuoted      = "text-quoted"
	LowerCased      = "lower-cased"
	OtherKey        = "other-key"
	KeyRevoked      = "key-revoked"
	AmazonName      = "amazon-name"
	ZoneAppended    = "zone-appended-to-value"
	TextForAlias    = "text-for-alias"
	AliasOnly       = "alias-without-text"
	AliasLoop       = "alias-loop"
	TargetSilent    = "target-does-not-answer"
	SeveralMX       = "several-mx"
	SeveralSPF      = "several-spf"
	SPFIncomplete   = "spf-without-include"
	SeveralDMARC    = "several-dmarc"
	ServersDisagree = "servers-disagree"
	NotSeenYet      = "not-seen-yet"
	StillRemembered = "still-remembered"
	NegativeCached  = "absence-remembered"
)

func mistake(code, format string, args ...any) Mistake {
	return Mistake{Code: code, Text: fmt.Sprintf(format, args...)}
}

// conclude is the report on what was gathered.
func (l *look) conclude(ctx context.Context, e *evidence, r Report) Record {
	rec := Record{Wanted: e.wanted, Servers: e.found, Resolver: e.resolver, Verdict: e.verdict(), Mistakes: []Mistake{}}
	switch {
	case e.kind == spfText && r.SPF != nil && r.SPF.Domain == e.wanted.Name && r.SPF.Result == "pass" && rec.Verdict == Wrong:
		rec.Verdict = OK // it allows this server in other words
	case e.kind == dmarcText && rec.Verdict == Missing && r.DMARC.Record != "":
		rec.Verdict = OK // the organizational domain's holds for this one
	case rec.Verdict == Missing && !e.wanted.Required:
		rec.Verdict = Advice
	}
	if rec.Verdict != OK {
		rec.Mistakes = append(rec.Mistakes, l.explain(ctx, e, rec.Verdict)...)
	}
	rec.show()
	return rec
}

// explain finds the likely mistakes: in the values at the name, then at the names where
// the record stands in error, then in who sees it.
func (l *look) explain(ctx context.Context, e *evidence, v Verdict) []Mistake {
	var ms []Mistake
	for _, f := range append(slices.Clone(e.found), e.resolver) {
		if f.state == wrong {
			for _, m := range l.inValues(ctx, e, f) {
				if !slices.Contains(ms, m) {
					ms = append(ms, m)
				}
			}
		}
	}
	if v == Missing || v == Advice || v == Wrong && len(ms) == 0 {
		ms = append(ms, l.elsewhere(ctx, e)...)
	}
	return append(ms, l.whoSees(ctx, e, v)...)
}

// inValues explains a wrong answer. A sentence for each, the surest first.
func (l *look) inValues(ctx context.Context, e *evidence, f Found) []Mistake {
	w := e.wanted
	switch {
	case f.Error != "" && f.Alias != "":
		return []Mistake{mistake(AliasOnly, "%s answers the CNAME %s, but fails at TXT (%s). Receivers ask for TXT: the DNS provider must answer both, "+
			"or the key is to be published as a TXT record.", source(f), w.Name, f.Error)}
	case f.Alias != "" && len(f.Values) == 0 && (w.Type == "CNAME" || e.kind == dkimKey):
		return l.inAlias(ctx, e, f.Alias)
	}
	switch e.kind {
	case dkimKey:
		return inKey(e, f.Values, l.subject.Wanted)
	case mailFrom:
		return inExchanges(e, f.Values)
	case spfText:
		return inSPF(e, f.Values)
	case dmarcText:
		if n := len(dmarcRecords(f.Values)); n > 1 {
			return []Mistake{mistake(SeveralDMARC, "%s has %d DMARC records: receivers ignore all of them (RFC 7489 §6.6.3). Keep one.", w.Name, n)}
		}
	}
	return inText(e, f.Values, w.Value)
}

// source names who said something.
func source(f Found) string {
	if f.Server == "" {
		return "the resolver"
	}
	return f.Server
}

// inAlias explains a CNAME that does not lead to the key.
func (l *look) inAlias(ctx context.Context, e *evidence, alias string) []Mistake {
	w := e.wanted
	target := tidy(w.Value)
	switch {
	case w.Type == "CNAME" && alias == target+"."+e.zone:
		return []Mistake{mistake(ZoneAppended, "The target of the CNAME is %s: the DNS provider has appended the zone. End the value with a dot: %s.", alias, target)}
	case amazon(alias):
		return []Mistake{mistake(AmazonName, "The CNAME leads to %s, a name that Amazon SES would use. The key is here, not there: publish %s %s %s instead. "+
			"Clients that build the name from the token themselves should read SigningHostedZone.", alias, w.Name, w.Type, w.Value)}
	}
	for _, other := range l.subject.Wanted {
		if other.Type == "CNAME" && tidy(other.Value) == alias && tidy(other.Name) != w.Name {
			return []Mistake{mistake(WrongSelector, "The CNAME leads to %s, which belongs at %s.", alias, tidy(other.Name))}
		}
	}
	if l.loops(ctx, e, alias) {
		return []Mistake{mistake(AliasLoop, "The CNAME of %s leads through %s back to itself.", w.Name, alias)}
	}
	return []Mistake{mistake(WrongHost, "The CNAME leads to %s, where the key is not found.", alias)}
}

// maxChain bounds the aliases that are followed.
const maxChain = 8

// loops reports whether the aliases within the zone come back to one before.
func (l *look) loops(ctx context.Context, e *evidence, alias string) bool {
	seen := []string{e.wanted.Name}
	for range maxChain {
		if slices.Contains(seen, alias) {
			return true
		}
		if seen = append(seen, alias); !below(alias, e.zone) {
			return false
		}
		if alias = l.askOnce(ctx, e.answering(), alias, dns.TypeCNAME).Alias; alias == "" {
			return false
		}
	}
	return true
}

// answering is a server of the zone that answered; the zero value if none did.
func (e *evidence) answering() server {
	for n, s := range e.servers {
		if e.found[n].state != failed {
			return s
		}
	}
	return server{}
}

// below reports whether name is in the domain zone.
func below(name, zone string) bool {
	return zone == "" || name == zone || strings.HasSuffix(name, "."+zone)
}

// amazon reports whether a name is one of Amazon's own, which say nothing of this server.
func amazon(name string) bool { return below(name, "amazonses.com") || below(name, "amazonaws.com") }

// inKey explains TXT values at a DKIM name.
func inKey(e *evidence, values []string, wanted []Wanted) []Mistake {
	w := e.wanted
	for _, v := range values {
		if w.Type == "CNAME" && tidy(strings.Trim(v, `"`)) == tidy(w.Value) {
			return []Mistake{mistake(TextForAlias, "%s is a TXT record with the name %s in it. It must be a CNAME record that leads there.", w.Name, tidy(w.Value))}
		}
	}
	if e.key != "" {
		for _, v := range values {
			if ms := damaged(w.Name, v, e.key, func(s string) string { p, _ := publicKey(s); return p }); ms != nil {
				return ms
			}
		}
	}
	for _, v := range values {
		p, ok := publicKey(v)
		for _, other := range wanted {
			if ok && p != "" && p == squeeze(other.Key) && tidy(other.Name) != w.Name {
				return []Mistake{mistake(WrongSelector, "%s holds the key that belongs at %s.", w.Name, tidy(other.Name))}
			}
		}
		switch {
		case ok && p == "":
			return []Mistake{mistake(KeyRevoked, "%s has an empty p=, which says that the key is revoked (RFC 6376 §3.6.1).", w.Name)}
		case ok:
			return []Mistake{mistake(OtherKey, "%s holds another key: probably that of an earlier setup, or of another account or region.", w.Name)}
		}
	}
	return inText(e, values, w.Value)
}

// inText explains TXT values that should hold want.
func inText(e *evidence, values []string, want string) []Mistake {
	for _, v := range values {
		if ms := damaged(e.wanted.Name, v, want, func(s string) string { return s }); ms != nil {
			return ms
		}
	}
	return nil
}

// minCut is the length from which the beginning of a value is taken for a piece of it.
const minCut = 16

// damaged explains a value that was want before a provider's form changed it. part takes
// from a value what is compared.
func damaged(name, value, want string, part func(string) string) []Mistake {
	bare := strings.ReplaceAll(strings.Trim(value, whitespace+`"`), `\"`, "")
	bare = strings.ReplaceAll(bare, `"`, "")
	got := part(value)
	switch {
	case got != want && strings.ContainsAny(value, `"`) && squeeze(part(bare)) == squeeze(want) && strings.Contains(strings.Trim(value, `" `), `"`):
		return []Mistake{mistake(TextSplit, "The value of %s has quotation marks inside it, where it was split. Enter it as one piece, or as several strings "+
			"if the form offers that; receivers join strings without a space.", name)}
	case got != want && strings.ContainsAny(value, `"`) && squeeze(part(bare)) == squeeze(want):
		return []Mistake{mistake(TextQuoted, "The value of %s holds quotation marks as characters. Enter it without them: the DNS provider adds its own.", name)}
	case got != want && squeeze(got) == squeeze(want):
		return []Mistake{mistake(TextSplit, "The value of %s has a space in it that does not belong there, where it was split. Enter it as one piece.", name)}
	case got != want && strings.EqualFold(got, want):
		return []Mistake{mistake(LowerCased, "The letters of the value of %s have changed between small and capital. They matter: enter it exactly as given.", name)}
	case len(got) >= minCut && len(got) < len(want) && (strings.HasPrefix(want, got) || strings.HasSuffix(want, got)):
		return []Mistake{mistake(TextCut, "The value of %s is cut: %d of %d characters are there. A string of a TXT record holds 255; longer values are "+
			"several strings of one record.", name, len(got), len(want))}
	}
	return nil
}

// inExchanges explains the MX records of a MAIL FROM domain.
func inExchanges(e *evidence, values []string) []Mistake {
	w := e.wanted
	var ms []Mistake
	if len(values) > 1 {
		ms = append(ms, mistake(SeveralMX, "%s has %d MX records. A MAIL FROM domain must have exactly one, %s: remove the others.", w.Name, len(values), w.Value))
	}
	for _, v := range values {
		switch host := exchange(v); {
		case host == exchange(w.Value)+"."+e.zone:
			ms = append(ms, mistake(ZoneAppended, "The MX leads to %s: the DNS provider has appended the zone. End the value with a dot: %s.", host, w.Value))
		case amazon(host):
			ms = append(ms, mistake(AmazonName, "The MX leads to %s: bounces would go to Amazon. Publish %s instead.", host, w.Value))
		}
	}
	if ms == nil {
		ms = append(ms, mistake(WrongHost, "The MX leads to %s, not to %s.", exchange(values[0]), exchange(w.Value)))
	}
	return ms
}

// inSPF explains the TXT records of a MAIL FROM domain.
func inSPF(e *evidence, values []string) []Mistake {
	w := e.wanted
	published := spfRecords(values)
	switch {
	case len(published) > 1:
		return []Mistake{mistake(SeveralSPF, "%s has %d SPF records, which is an error for receivers (RFC 7208 §3.2). Make one record of them.", w.Name, len(published))}
	case len(published) == 0:
		return inText(e, values, w.Value)
	case slices.ContainsFunc(strings.Fields(published[0]), func(t string) bool {
		return amazon(tidy(strings.TrimPrefix(strings.ToLower(strings.TrimLeft(t, "+-~?")), "include:")))
	}):
		return []Mistake{mistake(AmazonName, "The SPF record of %s allows Amazon's servers, not this one. Publish %s.", w.Name, w.Value)}
	}
	return []Mistake{mistake(SPFIncomplete, "The SPF record of %s lacks %s: add it before the \"all\".", w.Name, strings.Join(includes(w.Value), " "))}
}

// whoSees explains differences between the servers and the resolver.
func (l *look) whoSees(ctx context.Context, e *evidence, v Verdict) []Mistake {
	by := map[state][]string{}
	for _, f := range e.found {
		if f.Server != "" {
			by[f.state] = append(by[f.state], f.Server)
		}
	}
	switch {
	case len(by[right]) > 0 && len(by[absent])+len(by[wrong]) > 0:
		return []Mistake{mistake(ServersDisagree, "%s have the record and %s do not: the name servers disagree. A change may still be on its way to all of them.",
			strings.Join(by[right], ", "), strings.Join(append(by[absent], by[wrong]...), ", "))}
	case v == Partial && len(by[right]) > 0:
		if target := tidy(e.wanted.Value); e.kind == dkimKey && e.wanted.Type == "CNAME" && e.key == "" ||
			e.wanted.Type == "CNAME" && l.resolve(ctx, target, dns.TypeTXT).state == failed {
			return []Mistake{mistake(TargetSilent, "The CNAME is right, but %s, a name of this server's own zone, has no answer: see `sesame doctor`.", target)}
		}
		return []Mistake{mistake(NotSeenYet, "All name servers have the record, but the resolver does not see it yet%s. Nothing is left to do but wait%s.",
			because(e.resolver), remembered(l.negative(ctx, e)))}
	case v == Partial && e.resolver.state == right:
		return []Mistake{mistake(StillRemembered, "The resolver still remembers the record, which the name servers no longer have.")}
	case v == Missing || v == Advice:
		if seconds := l.negative(ctx, e); seconds > 0 {
			return []Mistake{mistake(NegativeCached, "Once it is published, resolvers that have asked before may go on saying that it is not there%s.", remembered(seconds))}
		}
	}
	return nil
}

// negative is how long resolvers remember that there is nothing, in seconds: what the
// zone's SOA says (RFC 2308 §5). 0 if it can't be known.
func (l *look) negative(ctx context.Context, e *evidence) int {
	s := e.answering()
	if !s.addr.IsValid() || !l.take(ctx) {
		return 0
	}
	defer func() { <-l.slots }()
	records, err := l.o.Asker.Ask(ctx, s.addr, e.zone, dns.TypeSOA)
	if err != nil || len(records) == 0 {
		return 0
	}
	fields := strings.Fields(records[0].Value)
	if len(fields) == 0 {
		return 0
	}
	minimum, err := strconv.ParseUint(fields[len(fields)-1], 10, 31)
	if err != nil {
		return 0
	}
	return min(int(minimum), int(records[0].TTL.Seconds()))
}

func because(f Found) string {
	if f.Error == "" {
		return ""
	}
	return " (" + f.Error + ")"
}

func remembered(seconds int) string {
	if seconds == 0 {
		return ""
	}
	return fmt.Sprintf(", for up to %d s", seconds)
}

// show bounds what is shown of strangers' records.
func (r *Record) show() {
	cut := func(f *Found) {
		f.Values = f.Values[:min(len(f.Values), maxValues)]
		for n, v := range f.Values {
			if len(v) > maxShown {
				f.Values[n] = v[:maxShown] + "..."
			}
		}
	}
	for n := range r.Servers {
		cut(&r.Servers[n])
	}
	cut(&r.Resolver)
}
