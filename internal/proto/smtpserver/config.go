// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"
)

// LevelTrace is the level of the wire trace: every command and reply, without the
// content of AUTH and DATA and without lines that are no known command.
const LevelTrace = slog.LevelDebug - 4

// Config says what a Server offers and what it demands. A submission endpoint like
// that of SES sets TLS, RequireTLS (or Implicit), Auth and RequireAuth; a mail
// exchanger sets TLS alone; one that is both sets TLS and Auth.
type Config struct {
	Hostname string // in the greeting and in EHLO
	Greeting string // after "220 HOST ESMTP "; the connection's id follows

	TLS        *tls.Config // nil: no TLS at all
	Implicit   bool        // TLS from the first byte instead of STARTTLS
	RequireTLS bool        // 530 until STARTTLS (RFC 3207 §4)

	Auth        bool // offer AUTH PLAIN LOGIN, under TLS only
	RequireAuth bool // 530 until AUTH (RFC 4954 §6)

	RefuseBare    bool // answer 554 to a message that holds a bare CR or LF
	EnhancedCodes bool // RFC 2034; SES does not have it

	Limits  Limits
	NewID   func() string // ids of connections, for concurrent use; nil: 20 random letters and digits
	Log     *slog.Logger  // nil: no log
	Metrics Metrics
}

// Limits bound what clients can take. A zero field has the default.
type Limits struct {
	IdleTimeout      time.Duration // 10 s: for a whole command line, for any progress of DATA, a handshake, a write
	SessionTimeout   time.Duration // 1 h: for the whole connection; it ends with 421
	MaxMessageBytes  int64         // 40 MiB, dot-stuffing not counted; the rest is read and thrown away, then 552
	MaxRecipients    int           // 50 in one transaction, then 452; a mail exchanger must take 100 (RFC 5321 §4.5.3.1.8)
	MaxLineBytes     int           // 512 with CRLF (RFC 5321 §4.5.3.1.4); MAIL 543 more, AUTH at least 4,096
	MaxSessions      int           // 1,000 connections, then 421
	MaxSessionsPerIP int           // of one IPv4 address or IPv6 /64, then 421; default: MaxSessions
	MaxErrors        int           // 10 faults of protocol or AUTH since the last accepted message, then 421
	MaxInFlightBytes int64         // 256 MiB of DATA being held by all connections, then 452; at least MaxMessageBytes
}

// Limit names one of Limits for Metrics.
type Limit string

// The limits as Metrics.Refused names them.
const (
	LimitIdle          Limit = "idle_timeout"
	LimitSession       Limit = "session_timeout"
	LimitMessage       Limit = "message_bytes"
	LimitRecipients    Limit = "recipients"
	LimitLine          Limit = "line_bytes"
	LimitSessions      Limit = "sessions"
	LimitSessionsPerIP Limit = "sessions_per_ip"
	LimitErrors        Limit = "errors"
	LimitInFlight      Limit = "in_flight_bytes"
)

// Metrics are told what happens. Each may be nil, must not block and is called from
// many goroutines at once.
type Metrics struct {
	Session func(delta int)             // +1 for a connection taken, -1 for its end
	Refused func(limit Limit)           // a limit was hit
	Reply   func(verb string, code int) // verb in upper case, "OTHER" if unknown
	Message func(bytes, code int)       // an end of DATA and the answer to it
	TLS     func(ok bool)               // a handshake's end
	Panic   func()                      // a Session panicked
}

// Errors of NewServer and Serve.
var (
	ErrServerClosed = errors.New("smtpserver: server closed")
	errHostname     = errors.New("smtpserver: Hostname and Greeting must be visible ASCII, Hostname not empty")
	errNoTLS        = errors.New("smtpserver: Implicit, RequireTLS and RequireAuth need TLS")
	errNegative     = errors.New("smtpserver: negative limit")
	errNoBackend    = errors.New("smtpserver: no Backend")
)

// normal checks c and fills in the defaults.
func (c Config) normal() (Config, error) {
	if c.Hostname == "" || !visible(c.Hostname, false) || !visible(c.Greeting, true) {
		return c, errHostname
	}
	if c.TLS == nil && (c.Implicit || c.RequireTLS || c.RequireAuth) {
		return c, errNoTLS
	}
	c.Auth = (c.Auth || c.RequireAuth) && c.TLS != nil
	if c.NewID == nil {
		c.NewID = func() string { return rand.Text()[:20] }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Metrics = c.Metrics.normal()
	var err error
	c.Limits, err = c.Limits.normal()
	return c, err
}

func (l Limits) normal() (Limits, error) {
	defaults := Limits{
		IdleTimeout: 10 * time.Second, SessionTimeout: time.Hour, MaxMessageBytes: 40 << 20, MaxRecipients: 50,
		MaxLineBytes: 512, MaxSessions: 1000, MaxErrors: 10, MaxInFlightBytes: 256 << 20,
	}
	ok := orDefault(&l.IdleTimeout, defaults.IdleTimeout) &&
		orDefault(&l.SessionTimeout, defaults.SessionTimeout) &&
		orDefault(&l.MaxMessageBytes, defaults.MaxMessageBytes) &&
		orDefault(&l.MaxRecipients, defaults.MaxRecipients) &&
		orDefault(&l.MaxLineBytes, defaults.MaxLineBytes) &&
		orDefault(&l.MaxSessions, defaults.MaxSessions) &&
		orDefault(&l.MaxSessionsPerIP, l.MaxSessions) &&
		orDefault(&l.MaxErrors, defaults.MaxErrors) &&
		orDefault(&l.MaxInFlightBytes, defaults.MaxInFlightBytes)
	if !ok {
		return l, errNegative
	}
	// Above the read buffer, a line's end could not be seen.
	l.MaxLineBytes = min(l.MaxLineBytes, readBuffer-mailExtra)
	l.MaxInFlightBytes = max(l.MaxInFlightBytes, l.MaxMessageBytes)
	return l, nil
}

func orDefault[T ~int | ~int64](v *T, def T) bool {
	if *v == 0 {
		*v = def
	}
	return *v > 0
}

func (m Metrics) normal() Metrics {
	if m.Session == nil {
		m.Session = func(int) {}
	}
	if m.Refused == nil {
		m.Refused = func(Limit) {}
	}
	if m.Reply == nil {
		m.Reply = func(string, int) {}
	}
	if m.Message == nil {
		m.Message = func(int, int) {}
	}
	if m.TLS == nil {
		m.TLS = func(bool) {}
	}
	if m.Panic == nil {
		m.Panic = func() {}
	}
	return m
}

func visible(s string, space bool) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && !space {
			return false
		}
	}
	return true
}
