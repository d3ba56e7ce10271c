// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"sesame/internal/proto/smtpclient"
)

// attempt is one run of Deliver.
type attempt struct {
	t    *Transport
	d    *Delivery
	dest destination
	out  Attempt

	tried []netip.AddrPort
	last  *smtpclient.Outcome // the best reason so far why there is no host to send to
}

// Deliver makes one attempt to deliver d. It returns soon after ctx ends; recipients
// that are undecided then have a temporary outcome. A message without recipients has
// no outcomes.
//
// Hosts are tried in their order until one takes part in a transaction: one that can't
// be reached, that refuses the session, or that can't do TLS where it must is passed
// over. What a host says to MAIL, RCPT or DATA is the result.
func (t *Transport) Deliver(ctx context.Context, d Delivery) Attempt {
	a := &attempt{t: t, d: &d, dest: t.destination(d.Domain)}
	a.out.Started = t.o.Clock()
	a.out.Transcript = smtpclient.NewTranscript(t.o.Clock)
	if len(d.To) > 0 && !a.reuse(ctx) {
		a.fresh(ctx)
	}
	a.out.Duration = t.o.Clock().Sub(a.out.Started)
	return a.out
}

// reuse sends over an idle connection if there is one. It reports whether that led to
// a result: a connection that died while it was idle does not, and is tried only once,
// since the others are likely to have died with it.
func (a *attempt) reuse(ctx context.Context) bool {
	s := a.t.pool.take(a.dest.key, a.d.RequireTLS)
	if s == nil {
		return false
	}
	a.out.Transcript.Note("connection to ", s.host, " ", s.conn.Remote().String(), " used again")
	if a.send(ctx, s) {
		a.t.reused.Add(1)
		a.out.Reused = true
		return true
	}
	a.t.stale.Add(1)
	if ctx.Err() != nil {
		a.giveUp()
		return true
	}
	a.out.Transcript.Note("the idle connection was dead; connecting anew")
	a.last = nil
	return false
}

// fresh goes through the hosts.
func (a *attempt) fresh(ctx context.Context) {
	hosts, refused := a.t.hosts(ctx, a.dest, a.d.Domain)
	if refused != nil {
		a.note(refused, "", netip.AddrPort{})
	}
	for i := range hosts[:min(len(hosts), a.t.o.MaxHosts)] {
		if ctx.Err() != nil && a.last != nil {
			break
		}
		if a.try(ctx, &hosts[i]) {
			return
		}
	}
	a.giveUp()
}

// try goes through the addresses of a host. It reports whether there is a result.
func (a *attempt) try(ctx context.Context, h *host) bool {
	addrs, refused := a.t.addresses(ctx, h)
	if refused != nil {
		a.note(refused, h.name, netip.AddrPort{})
		return false
	}
	for _, ip := range addrs {
		if ctx.Err() != nil && a.last != nil {
			return false
		}
		remote := netip.AddrPortFrom(ip, h.port)
		if slices.Contains(a.tried, remote) {
			continue // another name of a host that failed
		}
		a.tried = append(a.tried, remote)
		if s := a.connect(ctx, h, remote); s != nil && a.send(ctx, s) {
			return true
		}
	}
	return false
}

// connect opens a session, if need be in clear after TLS has failed. It returns nil
// after noting why there is none.
func (a *attempt) connect(ctx context.Context, h *host, remote netip.AddrPort) *session {
	o := smtpclient.Options{
		Addr: remote, ServerName: h.name, Hello: a.t.o.Hello, LocalAddr: a.t.o.LocalAddr, Dial: a.t.o.Dial,
		TLS: h.tls, Roots: a.t.o.Roots, Sessions: a.t.sessions, Auth: h.auth,
		Timeouts: a.t.o.Timeouts, Transcript: a.out.Transcript,
	}
	if h.name == "" || h.name[0] == '[' {
		o.ServerName = remote.Addr().String()
	}
	if a.d.RequireTLS && o.TLS != smtpclient.TLSVerify {
		o.TLS = smtpclient.TLSRequire
	}
	c, err := a.dial(ctx, o)
	var e *smtpclient.Error
	if errors.As(err, &e) && e.Outcome.Cause == smtpclient.CauseTLS && ctx.Err() == nil {
		a.t.cleartext.Add(1)
		a.t.o.Log.Debug("TLS failed, sending in clear", "host", h.name, "address", remote, "error", e.Outcome.Err)
		a.out.Transcript.Note("trying again in clear")
		o.TLS = smtpclient.TLSNone
		c, err = a.dial(ctx, o)
	}
	if errors.As(err, &e) {
		a.note(&e.Outcome, h.name, remote)
		return nil
	}
	return &session{conn: c, key: a.dest.key, host: h.name, opened: a.t.o.Clock()}
}

func (a *attempt) dial(ctx context.Context, o smtpclient.Options) (*smtpclient.Conn, error) {
	a.out.Transcript.Note("connecting to ", o.ServerName, " ", o.Addr.String())
	a.t.dials.Add(1)
	c, err := smtpclient.Dial(ctx, o)
	if err != nil {
		a.t.dialFailures.Add(1)
	}
	return c, err
}

// send sends the message and keeps the connection if it can. It reports whether there
// is a result: not if the connection was lost before the peer said anything.
func (a *attempt) send(ctx context.Context, s *session) bool {
	env := smtpclient.Envelope{
		From: a.d.From, To: a.d.To, Size: a.d.Size, EightBit: a.d.EightBit, Transcript: a.out.Transcript,
	}
	res, err := s.conn.Send(ctx, env, a.d.Content)
	s.messages++
	if err != nil {
		_ = s.conn.Close() // it is broken already
	}
	if res.Unused && ctx.Err() == nil {
		a.note(&res.Outcomes[0], s.host, s.conn.Remote())
		return false
	}
	a.out.Outcomes = res.Outcomes
	a.out.Host, a.out.Remote, a.out.Local, a.out.TLS = s.host, s.conn.Remote(), s.conn.Local(), s.conn.TLS()
	if err == nil {
		a.t.pool.put(s)
	}
	return true
}

// note remembers why a host was passed over. If all are, the outcome is the one with
// the most hope: a refusal for good counts only if every host gave one.
func (a *attempt) note(o *smtpclient.Outcome, host string, remote netip.AddrPort) {
	if o.Command == smtpclient.CommandResolve && o.Err != nil {
		a.out.Transcript.Note(o.Err.Error())
	}
	if a.last == nil || hope(o) >= hope(a.last) {
		a.last, a.out.Host, a.out.Remote = o, host, remote
	}
}

// hope orders outcomes by how likely another attempt is to end differently.
func hope(o *smtpclient.Outcome) int {
	switch {
	case o.Class == smtpclient.Permanent:
		return 0
	case o.Cause == smtpclient.CauseTLSRequired, o.Cause == smtpclient.CauseNoAddress:
		return 1
	}
	return 2
}

// giveUp gives every recipient the reason why there was no host to send to.
func (a *attempt) giveUp() {
	a.out.Outcomes = make([]smtpclient.Outcome, len(a.d.To))
	for i := range a.out.Outcomes {
		a.out.Outcomes[i] = *a.last
	}
}
