// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"sesame/internal/base/tlspolicy"
)

// Dial connects, greets, starts TLS and authenticates as o says. Each error is an
// *Error whose Outcome says at which step the peer was lost; a session that the peer
// refuses in words is an error like one that breaks.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	o.Timeouts = o.Timeouts.withDefaults()
	if o.Hello == "" {
		o.Hello = "localhost"
	}
	if !safe(o.Hello) {
		return nil, &Error{Outcome{Command: CommandHello, Cause: CauseProtocol, Err: fmt.Errorf("unfit name for EHLO %q", o.Hello)}}
	}
	if o.Auth != nil && !o.TLS.required() && !o.Addr.Addr().IsLoopback() {
		return nil, &Error{Outcome{Command: CommandAuth, Cause: CauseAuth, Err: errAuthInClear}}
	}
	raw, err := connect(ctx, &o)
	if err != nil {
		o.Transcript.Note(err.Error())
		return nil, &Error{Outcome{
			Command: CommandConnect, Cause: causeOf(ctx, err), Err: err,
			Enhanced: Enhanced{4, 4, 1}, // RFC 3463 §3.5: no answer from host
		}}
	}
	c := &Conn{
		raw: raw, nc: raw, r: bufio.NewReaderSize(raw, maxReplyLine), timeouts: o.Timeouts, trace: o.Transcript,
		hello: o.Hello, remote: o.Addr,
	}
	if a, ok := raw.LocalAddr().(*net.TCPAddr); ok {
		c.local = a.AddrPort().Addr().Unmap()
	}
	stop := c.watch(ctx)
	defer stop()
	if err := c.open(ctx, &o); err != nil {
		if err.Outcome.Code != 0 && err.Outcome.Code != 421 {
			// The peer is still there. It is told, and its answer is not waited for.
			c.w = append(c.w[:0], "QUIT\r\n"...)
			_ = c.flush(o.Timeouts.Quit)
		}
		_ = c.Close()
		return nil, err
	}
	c.trace = nil
	return c, nil
}

var errAuthInClear = errors.New("credentials need TLS that the policy requires")

func connect(ctx context.Context, o *Options) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeouts.Connect)
	defer cancel()
	dial := o.Dial
	if dial == nil {
		// Each step has its own deadline, so keep-alives would find out nothing.
		d := net.Dialer{KeepAlive: -1}
		if o.LocalAddr.IsValid() {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.LocalAddr, 0))
		}
		dial = d.DialContext
	}
	return dial(ctx, "tcp", o.Addr.String())
}

// open takes a fresh connection to the point where mail can be sent.
func (c *Conn) open(ctx context.Context, o *Options) *Error {
	rep, err := c.read(c.timeouts.Greeting)
	if err != nil {
		return &Error{c.failure(ctx, CommandGreeting, err)}
	}
	if rep.code != 220 {
		return &Error{rep.outcome(CommandGreeting)}
	}
	if err := c.greet(ctx); err != nil {
		return err
	}
	if o.TLS != TLSNone {
		if err := c.startTLS(ctx, o); err != nil {
			return err
		}
	}
	if o.Auth != nil {
		return c.authenticate(ctx, o.Auth)
	}
	return nil
}

// command sends one command and reads its reply. shown is its form in the transcript.
func (c *Conn) command(ctx context.Context, cmd Command, line, shown string) (reply, *Error) {
	c.w = append(append(c.w[:0], line...), "\r\n"...)
	c.trace.record(Sent, []byte(shown))
	err := c.flush(c.timeouts.Greeting)
	if err == nil {
		var rep reply
		if rep, err = c.read(c.timeouts.Greeting); err == nil {
			return rep, nil
		}
	}
	return reply{}, &Error{c.failure(ctx, cmd, err)}
}

// greet says EHLO, and HELO if the peer is older than that (RFC 5321 §3.2).
func (c *Conn) greet(ctx context.Context) *Error {
	c.extensions = extensions{}
	line := "EHLO " + c.hello
	rep, err := c.command(ctx, CommandHello, line, line)
	if err != nil {
		return err
	}
	if rep.positive() {
		c.extensions = parseExtensions(rep.text)
		return nil
	}
	if rep.code/100 == 5 {
		line = "HELO " + c.hello
		if rep, err = c.command(ctx, CommandHello, line, line); err != nil {
			return err
		}
	}
	if !rep.positive() {
		return &Error{rep.outcome(CommandHello)}
	}
	return nil
}

// parseExtensions reads the lines after the first of a reply to EHLO.
func parseExtensions(text []byte) extensions {
	var e extensions
	_, rest, more := bytes.Cut(text, []byte{'\n'})
	for more {
		var line []byte
		line, rest, more = bytes.Cut(rest, []byte{'\n'})
		if len(line) < 5 {
			continue
		}
		fields := strings.Fields(strings.ToUpper(string(line[4:])))
		if len(fields) == 0 {
			continue
		}
		switch fields[0] {
		case "PIPELINING":
			e.pipelining = true
		case "SIZE":
			e.size = true
		case "8BITMIME":
			e.eightBit = true
		case "STARTTLS":
			e.startTLS = true
		case "AUTH":
			for _, mechanism := range fields[1:] {
				e.authPlain = e.authPlain || mechanism == "PLAIN"
			}
		}
	}
	return e
}

// startTLS does RFC 3207 as far as the policy wants it.
func (c *Conn) startTLS(ctx context.Context, o *Options) *Error {
	if !c.extensions.startTLS {
		if o.TLS.required() {
			return &Error{Outcome{
				Command: CommandStartTLS, Cause: CauseTLSRequired, Enhanced: Enhanced{4, 7, 4}, Err: errNoStartTLS,
			}}
		}
		return nil
	}
	rep, err := c.command(ctx, CommandStartTLS, "STARTTLS", "STARTTLS")
	switch {
	case err != nil:
		return err
	case rep.code == 220:
		return c.handshake(ctx, o)
	case o.TLS.required():
		out := rep.outcome(CommandStartTLS)
		out.Class, out.Cause = Temporary, CauseTLSRequired
		return &Error{out}
	case rep.code == 421:
		return &Error{rep.outcome(CommandStartTLS)}
	}
	return nil // RFC 3207 §4: the session goes on as it was
}

var (
	errNoStartTLS = errors.New("the peer does not offer STARTTLS")
	errInjected   = errors.New("the peer sent more after its reply to STARTTLS")
)

func (c *Conn) handshake(ctx context.Context, o *Options) *Error {
	// What came in clear must not be taken for something said under TLS.
	if c.r.Buffered() > 0 {
		return c.tlsFailure(ctx, o, errInjected)
	}
	cfg := tlspolicy.Client(o.ServerName, o.TLS == TLSVerify)
	cfg.RootCAs, cfg.ClientSessionCache = o.Roots, o.Sessions
	cfg.DynamicRecordSizingDisabled = true // a record per write, not one per packet
	conn := tls.Client(c.raw, cfg)
	err := c.deadline(o.Timeouts.TLS)
	if err == nil {
		err = conn.Handshake()
	}
	if err != nil {
		return c.tlsFailure(ctx, o, err)
	}
	state := conn.ConnectionState()
	c.tls = TLSState{
		Version: tls.VersionName(state.Version), Cipher: tls.CipherSuiteName(state.CipherSuite), Verified: o.TLS == TLSVerify,
	}
	c.trace.Note(c.tls.Version, " ", c.tls.Cipher)
	c.nc = conn
	c.r.Reset(conn)
	return c.greet(ctx) // RFC 3207 §4.2: what was offered before counts no more
}

// tlsFailure tells a peer that can't do TLS from one that was lost meanwhile.
func (c *Conn) tlsFailure(ctx context.Context, o *Options, err error) *Error {
	c.trace.Note("TLS: ", err.Error())
	out := c.failure(ctx, CommandTLS, err)
	out.Enhanced = Enhanced{4, 7, 5} // RFC 3463 §3.8: cryptographic failure
	switch {
	case out.Cause == CauseCanceled:
	case !o.TLS.required():
		out.Cause = CauseTLS
	case out.Cause != CauseTimeout:
		out.Cause = CauseTLSRequired
	}
	return &Error{out}
}

// authenticate is RFC 4954 with PLAIN. A refusal is never permanent: the fault is in
// our settings, not in the message.
func (c *Conn) authenticate(ctx context.Context, a *Auth) *Error {
	if !c.extensions.authPlain {
		return &Error{Outcome{Command: CommandAuth, Cause: CauseAuth, Err: errNoAuthPlain}}
	}
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + a.User + "\x00" + a.Password))
	rep, err := c.command(ctx, CommandAuth, "AUTH PLAIN "+secret, "AUTH PLAIN ***")
	if err != nil {
		return err
	}
	if !rep.positive() {
		out := rep.outcome(CommandAuth)
		out.Class, out.Cause = Temporary, CauseAuth
		return &Error{out}
	}
	return nil
}

var errNoAuthPlain = errors.New("the peer does not offer AUTH PLAIN")

// safe reports whether s can stand in a command line without changing its meaning.
func safe(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
