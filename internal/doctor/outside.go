// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/smtp"
	"slices"
	"strconv"
	"time"

	"github.com/beevik/ntp"

	"sesame/internal/proto/dns"
)

// outbound greets somebody else's mail server: many providers close port 25.
func (d *doctor) outbound(ctx context.Context) Result {
	if d.Outbound == "" {
		return skip("nobody to call is named", "Give a domain or host:port with --outbound.")
	}
	target := d.Outbound
	if _, _, err := net.SplitHostPort(target); err != nil {
		list, err := d.Resolver.LookupMX(ctx, target)
		if err != nil || len(list) == 0 {
			return skip(fmt.Sprintf("the mail servers of %s can't be looked up: %v", target, err), "Is this machine online? Name another domain with --outbound.")
		}
		best := slices.MinFunc(list, func(a, b dns.MX) int { return cmp.Compare(a.Preference, b.Preference) })
		target = net.JoinHostPort(best.Host, strconv.Itoa(d.SMTPPort))
	}
	const open = "Ask your provider to open outgoing port 25, or route mail through a smart host ([[routes]])."
	conn, err := dial(ctx, target)
	if err != nil {
		return fail(fmt.Sprintf("%s can't be reached: %v", target, err), open)
	}
	defer conn.Close()
	host, _, _ := net.SplitHostPort(target)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return fail(fmt.Sprintf("%s takes the connection, but does not greet: %s", target, said(err)), "A firewall may be in between. "+open)
	}
	_ = c.Quit() // the result is known
	return ok("%s answers", target)
}

// Limits of a clock's offset. SigV4 and ACME bear minutes; signatures, TLS and the order
// of events want better.
const (
	slightly = 2 * time.Second
	far      = time.Minute
)

// clock compares the clock with a time server's.
func (d *doctor) clock(ctx context.Context) Result {
	if d.NTP == "" {
		return skip("no time server is named", "Give one with --ntp.")
	}
	left := d.Deadline
	if t, has := ctx.Deadline(); has {
		left = time.Until(t)
	}
	resp, err := ntp.QueryWithOptions(d.NTP, ntp.QueryOptions{Timeout: left / 2, GetSystemTime: d.Clock})
	if err == nil {
		err = resp.Validate()
	}
	if err != nil {
		return skip(fmt.Sprintf("%s does not answer: %v", d.NTP, err), "Name a time server that this machine can reach with --ntp.")
	}
	return off(resp.ClockOffset, d.NTP)
}

// off judges an offset.
func off(offset time.Duration, than string) Result {
	const do = "Run a time daemon (chrony, systemd-timesyncd)."
	seen := fmt.Sprintf("%v from %s", offset.Round(time.Millisecond), than)
	switch n := offset.Abs(); {
	case n > far:
		return fail(seen, do+" Requests are refused when signature and clock differ by minutes.")
	case n > slightly:
		return warn(seen, do)
	}
	return ok("%s", seen)
}
