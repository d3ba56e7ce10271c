// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/proto/smtpserver"
)

// counter is the Metrics of a test.
type counter struct {
	mu      sync.Mutex
	changed *sync.Cond
	seen    map[string]int
}

func newCounter() *counter {
	k := &counter{seen: map[string]int{}}
	k.changed = sync.NewCond(&k.mu)
	return k
}

func (k *counter) add(what string, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen[what] += n
	k.changed.Broadcast()
}

func (k *counter) want(t *testing.T, what string, n int) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if got := k.seen[what]; got != n {
		t.Errorf("%s: %d, want %d", what, got, n)
	}
}

// wait waits for a count that the server reaches after its last word.
func (k *counter) wait(what string, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.seen[what] != n {
		k.changed.Wait()
	}
}

func (k *counter) metrics() smtpserver.Metrics {
	return smtpserver.Metrics{
		Session: func(delta int) { k.add("session", delta) },
		Refused: func(l smtpserver.Limit) { k.add("refused "+string(l), 1) },
		Reply:   func(verb string, code int) { k.add(fmt.Sprintf("%s %d", verb, code), 1) },
		Message: func(n, code int) { k.add(fmt.Sprintf("message %d", code), n) },
		TLS:     func(ok bool) { k.add(fmt.Sprintf("tls %t", ok), 1) },
		Panic:   func() { k.add("panic", 1) },
	}
}

// limited is a mail exchanger with limits and a counter.
func limited(l smtpserver.Limits) (smtpserver.Config, *counter) {
	k := newCounter()
	cfg := mx()
	cfg.Limits = l
	cfg.Metrics = k.metrics()
	return cfg, k
}

// begin brings a connection to the point where DATA can be sent.
func begin(t *testing.T, addr string) *client {
	t.Helper()
	c := dial(t, addr)
	c.line()
	c.say("HELO c.test", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>")
	c.expect("250 mail.test", "250 Ok", "250 Ok")
	return c
}

func TestMaxSessions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		limits  smtpserver.Limits
		metric  string
		wrapped bool
	}{
		{"over all", smtpserver.Limits{MaxSessions: 2}, "refused sessions", false},
		{"of one address", smtpserver.Limits{MaxSessionsPerIP: 2}, "refused sessions_per_ip", false},
		{"under the TLS wrapper, which the refusal goes through", smtpserver.Limits{MaxSessions: 2}, "refused sessions", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg, k := limited(tc.limits)
			cfg.Implicit = tc.wrapped
			s := start(t, cfg, newRecorder())
			open := func() *client {
				c := dial(t, s.addr)
				if tc.wrapped {
					c.startTLS()
				}
				return c
			}
			one, two := open(), open()
			one.line()
			two.line()
			three := open()
			three.expect("421 Too many concurrent SMTP connections")
			three.closed()
			k.want(t, tc.metric, 1)
			one.say("QUIT")
			one.expect("221 Bye")
			one.closed()
			_ = one.raw.Close()
			k.wait("session", 1)
			open().expect("220 mail.test ESMTP Test-d-1 ID")
		})
	}
}

func TestMaxMessageBytes(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{MaxMessageBytes: 100_000})
	backend := newRecorder()
	s := start(t, cfg, backend)
	line := strings.Repeat("x", 98) + "\r\n"
	for _, tc := range []struct{ name, content, want string }{
		{"a message of just the size is taken", strings.Repeat(line, 1000), "250 Ok 0100-id"},
		{"stuffed dots do not count", strings.Repeat("."+"."+line[1:], 1000), "250 Ok 0100-id"},
		{"one byte more is too long", strings.Repeat(line, 999) + "x" + line, "552 Message is too long."},
		{"ten times as much is read to its end", strings.Repeat(line, 10_000), "552 Message is too long."},
		{"and then a smaller one is taken", line, "250 Ok 0100-id"},
	} {
		c := begin(t, s.addr)
		c.say("DATA")
		c.expect("354 End data with <CR><LF>.<CR><LF>")
		c.send(tc.content + ".\r\nNOOP\r\n")
		if got := c.line(); got != tc.want {
			t.Errorf("%s: %s", tc.name, got)
		}
		c.expect("250 Ok")
	}
	k.want(t, "refused message_bytes", 2)
	k.want(t, "message 250", 200_100)
}

func TestMaxInFlightBytes(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{MaxMessageBytes: 100_000, MaxInFlightBytes: 150_000})
	backend := newRecorder()
	backend.entered, backend.leave = make(chan struct{}), make(chan struct{})
	s := start(t, cfg, backend)
	big := strings.Repeat(strings.Repeat("x", 98)+"\r\n", 999)

	holder := begin(t, s.addr)
	holder.say("DATA")
	holder.expect("354 End data with <CR><LF>.<CR><LF>")
	holder.send(big + ".\r\n")
	<-backend.entered // 100 kB are held now

	declared := dial(t, s.addr)
	declared.line()
	declared.say("HELO c.test", "MAIL FROM:<a@example.com> SIZE=99000", "RCPT TO:<b@example.com>", "DATA")
	declared.expect("250 mail.test", "250 Ok", "250 Ok", "452 Insufficient system storage")

	silent := begin(t, s.addr)
	silent.say("DATA")
	silent.expect("354 End data with <CR><LF>.<CR><LF>")
	silent.send(big + ".\r\nNOOP\r\n")
	silent.expect("452 Insufficient system storage", "250 Ok")

	backend.leave <- struct{}{}
	holder.expect("250 Ok 0100-id")
	k.want(t, "refused in_flight_bytes", 2)

	// All that was reserved is free again, of accepted and of refused messages.
	declared.say("DATA")
	declared.expect("354 End data with <CR><LF>.<CR><LF>")
	declared.send(big + ".\r\n")
	<-backend.entered
	backend.leave <- struct{}{}
	declared.expect("250 Ok 0100-id")
}

func TestMaxLineBytes(t *testing.T) {
	t.Parallel()
	pad := func(prefix string, n int, suffix string) string {
		return prefix + strings.Repeat("x", n-len(prefix)-len(suffix)-len("\r\n")) + suffix
	}
	for _, tc := range []struct {
		name, line, want string
	}{
		{"512 is a command", pad("NOOP ", 512, ""), "250 Ok"},
		{"513 is too long", pad("NOOP ", 513, ""), "500 Line too long"},
		{"MAIL may have its parameters besides", pad("MAIL FROM:<a@example.com> AUTH=", 512+543, ""), "250 Ok"},
		{"but no more", pad("MAIL FROM:<a@example.com> AUTH=", 512+544, ""), "500 Line too long"},
		{"AUTH may have 4096", pad("AUTH PLAIN ", 4096, ""), "501 Cannot decode the authentication response"},
		{"but no more than that", pad("AUTH PLAIN ", 4097, ""), "500 Line too long"},
		{"a line beyond the read buffer is skipped to its end", pad("NOOP ", 40_000, ""), "500 Line too long"},
		{"also if only its LF is beyond", pad("NOOP ", 16_385, ""), "500 Line too long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg, k := limited(smtpserver.Limits{})
			cfg.Implicit, cfg.Auth = true, true
			c := dial(t, start(t, cfg, newRecorder()).addr)
			c.startTLS()
			c.line()
			c.say("HELO c.test")
			c.expect("250 mail.test")
			c.say(tc.line, "HELP")
			c.expect(tc.want, "214 This is an SMTP server: see RFC 5321")
			if strings.HasPrefix(tc.want, "500") {
				k.want(t, "refused line_bytes", 1)
			}
		})
	}
}

func TestEndlessLines(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{"a line without an end is given up", strings.Repeat("x", 100_000), "500 Line too long, closing connection"},
		{"a long line that ends in LF alone ends it all", strings.Repeat("x", 20_000) + "\nNOOP\r\n", "500 Lines must end with <CR><LF>, closing connection"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, start(t, mx(), newRecorder()).addr)
			c.line()
			c.send(tc.text)
			c.expect(tc.want)
			c.closed()
		})
	}
}

func TestLongAuthResponse(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{})
	cfg.Implicit, cfg.Auth = true, true
	backend := newRecorder()
	c := dial(t, start(t, cfg, backend).addr)
	c.startTLS()
	c.line()
	c.say("HELO c.test", "AUTH LOGIN", "dXNlcg==", strings.Repeat("x", 5000), "NOOP")
	c.expect("250 mail.test", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "500 Line too long", "250 Ok")
	k.want(t, "refused line_bytes", 1)
	expectEvent(t, backend, "session c.test tls=true esmtp=false")
	expectEvent(t, backend, "-")
}

func TestMaxErrorsCountsFailedLogins(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{MaxErrors: 2})
	cfg.Implicit, cfg.Auth = true, true
	c := dial(t, start(t, cfg, newRecorder()).addr)
	c.startTLS()
	c.line()
	c.say("HELO c.test", "AUTH PLAIN AHVzZXIAd3Jvbmc=", "AUTH PLAIN AHVzZXIAd3Jvbmc=", "AUTH PLAIN AHVzZXIAc2VjcmV0")
	c.expect("250 mail.test", "535 Authentication Credentials Invalid", "535 Authentication Credentials Invalid",
		"421 Too many errors, closing connection")
	c.closed()
	k.want(t, "refused errors", 1)
}

func TestAnAcceptedMessageClearsErrors(t *testing.T) {
	t.Parallel()
	cfg, _ := limited(smtpserver.Limits{MaxErrors: 2})
	c := begin(t, start(t, cfg, newRecorder()).addr)
	c.say("X", "DATA", ".", "X", "NOOP")
	c.expect("500 Command not recognized", "354 End data with <CR><LF>.<CR><LF>", "250 Ok 0100-id",
		"500 Command not recognized", "250 Ok")
}

func TestIdleTimeoutRunsFromInputToInput(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{IdleTimeout: 200 * time.Millisecond})
	backend := newRecorder()
	backend.entered, backend.leave = make(chan struct{}), make(chan struct{})
	c := begin(t, start(t, cfg, backend).addr)
	c.say("DATA")
	c.expect("354 End data with <CR><LF>.<CR><LF>")
	c.say(".")
	<-backend.entered
	<-time.After(250 * time.Millisecond) // the policy may take longer than the client may
	backend.leave <- struct{}{}
	c.expect("250 Ok 0100-id", "451 4.4.2 Timeout waiting for data from client.")
	c.closed()
	k.want(t, "refused idle_timeout", 1)
}

// A client that does not read its replies is cut off as well.
func TestEveryWriteHasADeadline(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{IdleTimeout: 200 * time.Millisecond})
	c := dial(t, start(t, cfg, newRecorder()).addr)
	flood := strings.Repeat("HELP\r\n", 10_000)
	for {
		if _, err := c.raw.Write([]byte(flood)); err != nil {
			break
		}
	}
	k.wait("session", 0)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{MaxMessageBytes: 1000})
	s := start(t, cfg, newRecorder())
	c := begin(t, s.addr)
	k.want(t, "session", 1)
	c.say("DATA", "12345678", ".", "xyzzy", "expn", "STARTTLS")
	c.expect("354 End data with <CR><LF>.<CR><LF>", "250 Ok 0100-id", "500 Command not recognized",
		"502 Command not implemented", "220 Ready to start TLS")
	c.startTLS()
	c.say("HELO c.test", "MAIL FROM:<panic@example.com>")
	c.expect("250 mail.test", "451 Temporary service failure")
	c.closed()
	_ = c.raw.Close()
	k.wait("session", 0)
	for what, n := range map[string]int{
		"HELO 250": 2, "MAIL 250": 1, "RCPT 250": 1, "DATA 250": 1, "OTHER 500": 1, "EXPN 502": 1,
		"message 250": 10, "tls true": 1, "tls false": 0, "panic": 1,
	} {
		k.want(t, what, n)
	}
}
