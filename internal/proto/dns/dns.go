// SPDX-License-Identifier: Apache-2.0

// Package dns asks for the records that mail and the proof of domains need. It is a stub
// resolver (RFC 1034 §5.3.1) with a bounded cache: recursion is the upstream's work, and
// the following of CNAMEs where the upstream does it. One server can be asked directly,
// too, for whoever wants to know what is published there.
//
// The package must not decide what an answer means for a message. It tells apart a
// name that doesn't exist, a name without such records, and a question that couldn't
// be answered; every failure that it can't name is Temporary.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// Kind says why a lookup gave no records.
type Kind uint8

// The kinds.
const (
	Temporary Kind = iota // no usable answer (SERVFAIL, refused, timeout); ask again later
	NotExist              // NXDOMAIN: the name doesn't exist (RFC 2308 §2.1)
	NoData                // the name exists and has no record of the type (RFC 2308 §2.2)
)

// String is the kind's name in logs.
func (k Kind) String() string {
	switch k {
	case NotExist:
		return "no such name"
	case NoData:
		return "no such record"
	}
	return "temporary failure"
}

// Error is a lookup without records.
type Error struct {
	Kind      Kind
	Name      string // the name asked for, without a trailing dot
	Type      string // the record type asked for: "MX"
	Authentic bool   // the upstream validated that there is nothing (RFC 4035 §3.2.3)
	Err       error  // cause, for Temporary
}

// Error is the log's text.
func (e *Error) Error() string {
	s := "dns: " + e.Type + " " + e.Name + ": " + e.Kind.String()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of a lookup's err: Temporary if err is not an Error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Temporary
}

// MX is a mail exchanger (RFC 1035 §3.3.9). Host is in lower case without a trailing
// dot, or "." in a null MX (RFC 7505).
type MX struct {
	Host       string
	Preference uint16
}

// Result is the records of a name. Authentic is the AD flag of the upstream's answer
// (RFC 4035 §3.2.3): it is worth as much as the upstream and the path to it.
type Result[T any] struct {
	Records   []T
	Authentic bool
	Expires   time.Time // when the cache forgets it
	Aliases   []string  // where CNAMEs led to, step by step; the records are at the last
}

// LookupMX returns the mail exchangers of domain in the order of the answer. Each
// error is an *Error, or the context's.
func (r *Resolver) LookupMX(ctx context.Context, domain string) ([]MX, error) {
	res, err := r.QueryMX(ctx, domain)
	return res.Records, err
}

// QueryMX is LookupMX with what else is known of the answer.
func (r *Resolver) QueryMX(ctx context.Context, domain string) (Result[MX], error) {
	return query(ctx, r, domain, mdns.TypeMX, func(rr mdns.RR) (MX, bool) {
		mx, ok := rr.(*mdns.MX)
		if !ok {
			return MX{}, false
		}
		return MX{Host: hostName(mx.Mx), Preference: mx.Preference}, true
	})
}

// LookupTXT returns the TXT records of name, the character-strings of each joined
// without a separator (RFC 7208 §3.3). Each error is an *Error, or the context's.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	res, err := r.QueryTXT(ctx, name)
	return res.Records, err
}

// QueryTXT is LookupTXT with what else is known of the answer.
func (r *Resolver) QueryTXT(ctx context.Context, name string) (Result[string], error) {
	return query(ctx, r, name, mdns.TypeTXT, func(rr mdns.RR) (string, bool) {
		txt, ok := rr.(*mdns.TXT)
		if !ok {
			return "", false
		}
		return unescape(strings.Join(txt.Txt, "")), true
	})
}

// LookupAddrs returns the IPv4 addresses of host and then its IPv6 addresses. It
// succeeds if one family has addresses, whatever the other says. Each error is an
// *Error, or the context's.
func (r *Resolver) LookupAddrs(ctx context.Context, host string) ([]netip.Addr, error) {
	res, err := r.QueryAddrs(ctx, host)
	return res.Records, err
}

// QueryAddrs is LookupAddrs with what else is known of the answers: Authentic holds
// for both families together. The names below localhost are answered here (RFC 6761
// §6.3).
func (r *Resolver) QueryAddrs(ctx context.Context, host string) (Result[netip.Addr], error) {
	if h := hostName(host); h == "localhost" || strings.HasSuffix(h, ".localhost") {
		return Result[netip.Addr]{
			Records: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()},
			Expires: r.clock().Add(r.maxTTL),
		}, nil
	}
	type half struct {
		res Result[netip.Addr]
		err error
	}
	v6 := make(chan half, 1)
	go func() {
		res, err := query(ctx, r, host, mdns.TypeAAAA, addr)
		v6 <- half{res, err}
	}()
	res4, err4 := query(ctx, r, host, mdns.TypeA, addr)
	h6 := <-v6
	switch {
	case err4 == nil && h6.err == nil:
		res4.Records = append(res4.Records, h6.res.Records...)
		res4.Authentic = res4.Authentic && h6.res.Authentic
		if h6.res.Expires.Before(res4.Expires) {
			res4.Expires = h6.res.Expires
		}
		return res4, nil
	case err4 == nil:
		return res4, nil
	case h6.err == nil:
		return h6.res, nil
	case KindOf(err4) != Temporary && KindOf(h6.err) == Temporary:
		return Result[netip.Addr]{}, h6.err
	}
	return Result[netip.Addr]{}, err4
}

func addr(rr mdns.RR) (netip.Addr, bool) {
	var a netip.Addr
	var ok bool
	switch rr := rr.(type) {
	case *mdns.A:
		a, ok = netip.AddrFromSlice(rr.A)
	case *mdns.AAAA:
		a, ok = netip.AddrFromSlice(rr.AAAA)
	}
	return a.Unmap(), ok
}

// query is a lookup whose records pick turns into T.
func query[T any](ctx context.Context, r *Resolver, name string, qtype uint16, pick func(mdns.RR) (T, bool)) (Result[T], error) {
	a, err := r.lookup(ctx, name, qtype)
	if err != nil {
		return Result[T]{}, err
	}
	res := Result[T]{Records: make([]T, 0, len(a.records)), Authentic: a.authentic, Expires: a.expires, Aliases: a.aliases}
	for _, rr := range a.records {
		if v, ok := pick(rr); ok {
			res.Records = append(res.Records, v)
		}
	}
	if len(res.Records) == 0 {
		return Result[T]{}, newError(NoData, key{name, qtype}, a.authentic, nil)
	}
	return res, nil
}

func newError(kind Kind, k key, authentic bool, err error) *Error {
	return &Error{
		Kind: kind, Name: strings.TrimSuffix(k.name, "."), Type: mdns.TypeToString[k.qtype], Authentic: authentic, Err: err,
	}
}

// hostName is a name as Sesame writes names: lower case, no trailing dot. The root
// stays ".".
func hostName(s string) string {
	if s == "." {
		return s
	}
	return strings.ToLower(strings.TrimSuffix(s, "."))
}

// unescape undoes the library's presentation form (RFC 1035 §5.1): \DDD and \X.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) && digits(s[i+1:i+4]) {
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
			continue
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String()
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// serverError is an upstream's refusal to answer.
type serverError struct {
	server string
	rcode  int
}

func (e serverError) Error() string {
	name, ok := mdns.RcodeToString[e.rcode]
	if !ok {
		name = fmt.Sprintf("RCODE%d", e.rcode)
	}
	return e.server + " answered " + name
}
