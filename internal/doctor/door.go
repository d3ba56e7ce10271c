// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"strings"
	"syscall"
	"time"

	"sesame/internal/proto/dns"
)

const startIt = "Start the server, or look in its log why the door is closed."

// door asks whether a listener speaks its protocol.
func (d *doctor) door(ctx context.Context, l Listener) Result {
	switch l.Door {
	case HTTPS, HTTP:
		return d.web(ctx, l)
	case Ops:
		return d.ready(ctx, l)
	case SMTP, SMTPS, MX:
		return d.mail(ctx, l)
	}
	return d.nameServer(ctx, l)
}

// unreachable is the result of a door that can't be entered.
func unreachable(err error) Result {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fail("nothing listens there", startIt)
	}
	return fail(err.Error(), startIt)
}

// dial connects to a listener. What the peer may say at all is bounded.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	var nd net.Dialer
	c, err := nd.DialContext(ctx, "tcp", dialable(addr))
	if err != nil {
		return nil, err
	}
	if t, ok := ctx.Deadline(); ok {
		err = c.SetDeadline(t)
	}
	return &bound{Conn: c, left: maxRead}, err
}

// maxRead bounds the octets that are read from one connection.
const maxRead = 1 << 20

type bound struct {
	net.Conn
	left int
}

func (b *bound) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the peer talks without end")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// tls is how certificates are looked at: any is taken, and judged afterwards.
func (d *doctor) tls() *tls.Config {
	return &tls.Config{ServerName: d.Hostname, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
}

// web asks a port of the API for anything.
func (d *doctor) web(ctx context.Context, l Listener) Result {
	c, err := dial(ctx, l.Addr)
	if err != nil {
		return unreachable(err)
	}
	defer c.Close()
	seen := ok("answers HTTP")
	if l.Door == HTTPS {
		t := tls.Client(c, d.tls())
		if err := t.HandshakeContext(ctx); err != nil {
			return fail("no TLS: "+err.Error(), "Look at the [tls] table and the server's log.")
		}
		if seen, c = d.certificate(t.ConnectionState()), t; seen.Verdict == Fail {
			return seen
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.Hostname+"/", nil)
	if err != nil {
		return fail(err.Error(), "Correct hostname.")
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return fail("no HTTP: "+err.Error(), "Something else listens on the port, or the server is unwell: look in its log.")
	}
	_ = resp.Body.Close() // the answer is known
	return seen
}

// ready asks the server itself.
func (d *doctor) ready(ctx context.Context, l Listener) Result {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+dialable(l.Addr)+"/readyz", nil)
	if err != nil {
		return fail(err.Error(), "Correct listen.ops.")
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return unreachable(errors.Unwrap(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err == nil && resp.StatusCode == http.StatusOK {
		return ok("the server says that it is ready")
	}
	return fail(fmt.Sprintf("the server answers %s: %s", resp.Status, strings.TrimSpace(string(text))), "Look in the server's log.")
}

// mail holds the opening of an SMTP session.
func (d *doctor) mail(ctx context.Context, l Listener) Result {
	c, seen := d.session(ctx, l)
	if c == nil {
		return seen
	}
	defer c.Close()
	if has, _ := c.Extension("AUTH"); !has && l.Door != MX {
		return fail("offers no AUTH", "Nobody can submit mail there: look in the server's log.")
	}
	return seen
}

// session opens an SMTP session with a listener, with TLS if that is offered. The client
// is nil if there is none.
func (d *doctor) session(ctx context.Context, l Listener) (*smtp.Client, Result) {
	conn, err := dial(ctx, l.Addr)
	if err != nil {
		return nil, unreachable(err)
	}
	refused := func(step string, err error) (*smtp.Client, Result) {
		_ = conn.Close() // the error is what matters
		return nil, fail(step+": "+said(err), "Something else listens on the port, or the server is unwell: look in its log.")
	}
	seen := ok("answers SMTP")
	if l.Door == SMTPS {
		t := tls.Client(conn, d.tls())
		if err := t.HandshakeContext(ctx); err != nil {
			return refused("no TLS", err)
		}
		conn, seen = t, d.certificate(t.ConnectionState())
	}
	c, err := smtp.NewClient(conn, d.Hostname)
	if err != nil {
		return refused("no greeting", err)
	}
	if err := c.Hello("doctor.invalid"); err != nil {
		return refused("EHLO", err)
	}
	offered, _ := c.Extension("STARTTLS")
	switch {
	case l.Door == SMTPS:
	case offered:
		if err := c.StartTLS(d.tls()); err != nil {
			return refused("STARTTLS", err)
		}
		state, _ := c.TLSConnectionState()
		seen = d.certificate(state)
	case l.Door == SMTP:
		_ = c.Close() // the result is known
		return nil, fail("offers no STARTTLS", "Configure a certificate: without TLS nobody can authenticate.")
	}
	return c, seen
}

// said is an SMTP server's refusal, or why there is none.
func said(err error) string {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return fmt.Sprintf("%d %s", reply.Code, reply.Msg)
	}
	return err.Error()
}

// soon is how long before its end a certificate should have been renewed.
const soon = 14 * 24 * time.Hour

// certificate judges what a door shows.
func (d *doctor) certificate(s tls.ConnectionState) Result {
	leaf := s.PeerCertificates[0]
	now := d.Clock()
	until := leaf.NotAfter.Format(time.DateOnly)
	pool := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		pool.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: d.Roots, Intermediates: pool, CurrentTime: now})
	var unknown x509.UnknownAuthorityError
	name := leaf.VerifyHostname(d.Hostname)
	switch {
	case now.After(leaf.NotAfter):
		return fail("the certificate ended on "+until, "Renew it. With ACME: see why that fails in the server's log.")
	case now.Before(leaf.NotBefore):
		return fail("the certificate begins on "+leaf.NotBefore.Format(time.DateOnly), "Look at the clock of this machine, and of who signed the certificate.")
	case name != nil:
		return fail(fmt.Sprintf("the certificate is for %s, not for %s", strings.Join(leaf.DNSNames, ", "), d.Hostname), "Get one that has the host name among its names.")
	case errors.As(err, &unknown):
		return warn("the certificate is signed by nobody that this system trusts ("+leaf.Issuer.String()+")",
			"Clients will refuse it unless they trust that CA. If a public one has signed it, the intermediate certificates are missing in cert_file.")
	case err != nil:
		return fail("the certificate is not valid: "+err.Error(), "Get another.")
	case leaf.NotAfter.Sub(now) < soon:
		return warn("the certificate ends on "+until, "Renew it now.")
	}
	return ok("%s, certificate valid until %s", tls.VersionName(s.Version), until)
}

// nameServer asks our own name server about the zone.
func (d *doctor) nameServer(ctx context.Context, l Listener) Result {
	addr, err := netip.ParseAddrPort(dialable(l.Addr))
	if err != nil {
		return fail(err.Error(), "Write the address of the listener as IP:port.")
	}
	if !d.Names.Configured() {
		return skip("no zone is configured", "")
	}
	records, err := d.Resolver.Ask(ctx, addr, string(d.Names.Zone), dns.TypeSOA)
	if err != nil {
		return fail("it does not answer for "+string(d.Names.Zone)+": "+err.Error(), startIt)
	}
	return ok("answers for %s: %s", d.Names.Zone, records[0].Value)
}
