// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"slices"
	"strings"

	"sesame/internal/proto/dns"
)

// kind is what a wanted record is for, as far as its rules differ.
type kind uint8

const (
	plain    kind = iota // the value must be among those at the name
	dkimKey              // the key, directly or by any alias
	mailFrom             // the one MX of a MAIL FROM domain (SES: custom MAIL FROM)
	spfText              // the one SPF record, which allows this server
	dmarcText
)

func kindOf(w Wanted) kind {
	name, value := tidy(w.Name), strings.ToLower(w.Value)
	switch {
	case strings.Contains(name, "._domainkey.") && (w.Type == "CNAME" || w.Type == "TXT"):
		return dkimKey
	case w.Type == "MX":
		return mailFrom
	case w.Type == "TXT" && isSPF(value):
		return spfText
	case w.Type == "TXT" && strings.HasPrefix(name, "_dmarc."):
		return dmarcText
	}
	return plain
}

// asks is the type that servers are asked for. Receivers ask for a DKIM key's TXT, never
// for an alias; the answer shows that, too.
func (k kind) asks(w Wanted) dns.Type {
	switch {
	case k == mailFrom:
		return dns.TypeMX
	case k == plain && w.Type == "CNAME":
		return dns.TypeCNAME
	}
	return dns.TypeTXT
}

// state is what a single source says of a record.
type state uint8

const (
	failed state = iota // no answer
	absent
	wrong
	right
)

// state judges one source.
func (e *evidence) state(f Found) state {
	if f.state == failed && f.Alias != "" {
		return wrong // an alias, and no answer to what receivers ask for
	}
	if f.state == failed {
		return failed
	}
	if len(f.Values) == 0 && f.Alias == "" {
		return absent
	}
	if e.matches(f) {
		return right
	}
	return wrong
}

// matches reports whether what was found does what the record is for.
func (e *evidence) matches(f Found) bool {
	w := e.wanted
	switch e.kind {
	case dkimKey:
		return hasKey(f.Values, e.key) || e.targets[f.Alias] || len(f.Values) == 0 && w.Type == "CNAME" && f.Alias == tidy(w.Value)
	case mailFrom:
		return len(f.Values) == 1 && exchange(f.Values[0]) == exchange(w.Value)
	case spfText:
		published := spfRecords(f.Values)
		return len(published) == 1 && includesAll(published[0], w.Value)
	case dmarcText:
		return len(dmarcRecords(f.Values)) == 1
	}
	if w.Type == "CNAME" {
		return f.Alias == tidy(w.Value)
	}
	return slices.Contains(f.Values, w.Value)
}

// exchange is the host of an MX record; its preference says nothing where there is one
// record.
func exchange(value string) string {
	_, host, ok := strings.Cut(value, " ")
	if !ok {
		host = value
	}
	return tidy(strings.Trim(host, whitespace))
}

// verdict weighs what the authoritative servers say against each other, and against the
// resolver.
func (e *evidence) verdict() Verdict {
	var count [right + 1]int
	for _, f := range e.found {
		count[f.state]++
	}
	answered := len(e.found) - count[failed]
	switch {
	case answered == 0:
		return map[state]Verdict{right: OK, wrong: Wrong, absent: Missing, failed: Unreachable}[e.resolver.state]
	case count[right] == answered && e.resolver.state == right:
		return OK
	case count[right] == answered, count[right] > 0, count[wrong] > 0 && count[absent] > 0, e.resolver.state == right:
		return Partial
	case count[wrong] > 0:
		return Wrong
	}
	return Missing
}
