// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"time"
)

// TLSPolicy says what becomes of STARTTLS (RFC 3207).
type TLSPolicy uint8

// The policies, from the laxest to the strictest.
const (
	// TLSOpportunistic uses STARTTLS when it is offered and takes any certificate
	// (RFC 7435): without it the mail would go in clear. A peer that offers it and
	// then refuses the command is spoken to in clear; a handshake that fails is an
	// error with CauseTLS, after which the caller may dial again with TLSNone.
	TLSOpportunistic TLSPolicy = iota
	// TLSNone never uses it.
	TLSNone
	// TLSRequire sends nothing without TLS and takes any certificate.
	TLSRequire
	// TLSVerify is TLSRequire with a certificate that is valid for ServerName.
	TLSVerify
)

// required reports whether nothing may go in clear.
func (p TLSPolicy) required() bool { return p == TLSRequire || p == TLSVerify }

// Timeouts bound each step. A zero field means the least that RFC 5321 §4.5.3.2 asks
// a client to wait, where it says so.
type Timeouts struct {
	Connect  time.Duration // 0 means 30 s
	Greeting time.Duration // 0 means 5 min; each of EHLO, AUTH and RSET waits as long
	TLS      time.Duration // the handshake; 0 means 1 min
	Mail     time.Duration // 0 means 5 min
	Rcpt     time.Duration // 0 means 5 min
	Data     time.Duration // 0 means 2 min
	Block    time.Duration // for each write of content; 0 means 3 min
	Dot      time.Duration // 0 means 10 min
	Quit     time.Duration // 0 means 5 s: nothing depends on the answer
}

func (t Timeouts) withDefaults() Timeouts {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&t.Connect, 30*time.Second)
	def(&t.Greeting, 5*time.Minute)
	def(&t.TLS, time.Minute)
	def(&t.Mail, 5*time.Minute)
	def(&t.Rcpt, 5*time.Minute)
	def(&t.Data, 2*time.Minute)
	def(&t.Block, 3*time.Minute)
	def(&t.Dot, 10*time.Minute)
	def(&t.Quit, 5*time.Second)
	return t
}

// Auth is the credentials for a smart host (AUTH PLAIN, RFC 4616).
type Auth struct {
	User     string
	Password string
}

// DialFunc opens a network connection as net.Dialer.DialContext does.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Options say whom to connect to, and how.
type Options struct {
	Addr       netip.AddrPort
	ServerName string     // the peer's host name, for TLS; empty for an address literal
	Hello      string     // our name for EHLO; empty means localhost
	LocalAddr  netip.Addr // source address; the zero value leaves it to the system
	Dial       DialFunc   // nil means a net.Dialer with LocalAddr

	TLS      TLSPolicy
	Roots    *x509.CertPool         // for TLSVerify; nil means the system's
	Sessions tls.ClientSessionCache // for resumption; may be nil

	// Auth is sent only over TLS that the policy requires, or to a loopback address.
	Auth *Auth

	Timeouts   Timeouts
	Transcript *Transcript // records the session's opening; may be nil
}

// TLSState is the protection of a connection. The zero value means clear text.
type TLSState struct {
	Version  string // "TLS 1.3"
	Cipher   string // the suite's IANA name
	Verified bool   // the certificate is valid for ServerName
}

// Active reports whether there is TLS at all.
func (s TLSState) Active() bool { return s.Version != "" }
