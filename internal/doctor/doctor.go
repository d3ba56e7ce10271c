// SPDX-License-Identifier: Apache-2.0

// Package doctor examines an installation: whether the doors answer as they should, the
// world can find and believe this machine, and the machine keeps what it is given. It
// looks from where it runs, and says of each check what it saw and what to do.
//
// The package changes nothing but a small file in the data folder, which it removes. A
// check has a deadline of its own; none holds up the others.
package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/store"
	"sesame/internal/core/zone"
	"sesame/internal/proto/dns"
)

// Verdict is the outcome of a check.
type Verdict string

// The verdicts.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn" // it works, but not as well as it should
	Fail Verdict = "fail"
	Skip Verdict = "skip" // it does not apply, or can't be told from here
)

// Result is what a check came to.
type Result struct {
	Check   string
	Verdict Verdict
	Seen    string
	Do      string `json:",omitempty"` // what to do about it
}

func ok(format string, args ...any) Result {
	return Result{Verdict: OK, Seen: fmt.Sprintf(format, args...)}
}
func skip(seen, do string) Result { return Result{Verdict: Skip, Seen: seen, Do: do} }
func warn(seen, do string) Result { return Result{Verdict: Warn, Seen: seen, Do: do} }
func fail(seen, do string) Result { return Result{Verdict: Fail, Seen: seen, Do: do} }

// Door is a kind of listener, by its name in the configuration.
type Door string

// The doors.
const (
	HTTPS Door = "https"
	HTTP  Door = "http"
	SMTP  Door = "smtp"
	SMTPS Door = "smtps"
	MX    Door = "mx"
	Ops   Door = "ops"
	DNS   Door = "dns"
)

// Listener is a door that should be open.
type Listener struct {
	Door Door
	Addr string // host:port; no host, or an unspecified one, is asked on loopback
}

// Resolver asks DNS: as the world does, and name servers themselves.
type Resolver interface {
	dnscheck.Asker
	dnscheck.Resolver
	Delegated(ctx context.Context, server netip.AddrPort, zone string) ([]string, error)
	QueryPTR(ctx context.Context, a netip.Addr) (dns.Result[string], error)
}

// Options say what there is to examine. A check whose part is not set is skipped.
type Options struct {
	Dev       bool // a laptop: nothing of it is meant to be seen from outside
	Hostname  string
	DataDir   string
	Listeners []Listener
	Roots     *x509.CertPool // who may have signed the certificates; nil means the system's

	Resolver     Resolver
	Source       netip.Addr   // where mail leaves from, as the world sees it
	Local        []netip.Addr // the machine's own addresses
	ReturnDomain string       // of the return paths
	Names        zone.Names   // of the service's zone

	// ServiceKeys are the DKIM records of the service's own domain, which signs all mail;
	// nil without a zone.
	ServiceKeys func(ctx context.Context) ([]dnscheck.Wanted, error)

	Outbound string // whose server is called on port SMTPPort, a domain; or host:port
	SMTPPort int
	NTP      string // time server, host or host:port

	Store store.Options
	Files uint64 // open files that the configured bounds may need

	Clock    clock.Clock   // nil means the system's
	Deadline time.Duration // of each check; 0 means 10 s
}

// check is a named step. run must end soon after its ctx does.
type check struct {
	name string
	run  func(ctx context.Context) Result
}

// atOnce bounds the checks that run at the same time.
const atOnce = 8

// Run makes all checks and returns their results in a fixed order. It ends at the latest
// when each check has had its deadline.
func Run(ctx context.Context, o Options) []Result {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Deadline == 0 {
		o.Deadline = 10 * time.Second
	}
	d := &doctor{o}
	checks := d.checks()
	results := make([]Result, len(checks))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for n, c := range checks {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[n] = bounded(ctx, o.Deadline, c)
		})
	}
	all.Wait()
	return results
}

// bounded gives up a check that does not end in time, even one that can't be told to:
// calls to a file system may hang as long as its server does.
func bounded(ctx context.Context, most time.Duration, c check) Result {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	done := make(chan Result, 1)
	go func() { done <- c.run(ctx) }()
	late := time.NewTimer(most + most/10)
	defer late.Stop()
	r := fail(fmt.Sprintf("no end in %v", most), "Look at what the check asks: it hangs.")
	select {
	case r = <-done:
	case <-late.C:
	}
	r.Check = c.name
	return r
}

type doctor struct{ Options }

// checks are all that apply, from the doors inwards.
func (d *doctor) checks() []check {
	var list []check
	for _, l := range d.Listeners {
		list = append(list, check{string(l.Door) + " " + l.Addr, func(ctx context.Context) Result { return d.door(ctx, l) }})
	}
	for _, l := range d.Listeners {
		if l.Door == SMTP || l.Door == SMTPS || l.Door == MX {
			list = append(list, check{"open relay " + l.Addr, func(ctx context.Context) Result { return d.relay(ctx, l) }})
		}
	}
	return append(list,
		check{"host name", d.hostName}, check{"host address", d.hostAddress}, check{"reverse DNS", d.reverse},
		check{"return path", d.returnPath}, check{"service zone", d.delegation}, check{"service SPF", d.serviceSPF}, check{"service DKIM", d.serviceDKIM},
		check{"outgoing port", d.outbound}, check{"clock", d.clock},
		check{"database", d.database}, check{"disk", d.disk}, check{"keyring", d.keyring}, check{"open files", d.files}, check{"signing", d.signing},
	)
}

// dialable is where to reach a listener from this machine.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// list joins things for a sentence.
func list[T fmt.Stringer](items []T) string {
	var s []string
	for _, i := range items {
		s = append(s, i.String())
	}
	return strings.Join(s, ", ")
}
