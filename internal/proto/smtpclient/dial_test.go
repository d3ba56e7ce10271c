// SPDX-License-Identifier: Apache-2.0

package smtpclient_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/proto/smtpclient/smtptest"
)

// script joins steps and groups of steps.
func script(parts ...any) smtptest.Script {
	var s smtptest.Script
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			s = append(s, p)
		case smtptest.Script:
			s = append(s, p...)
		}
	}
	return s
}

// options are those of a session with srv. Only a script that hangs gets timeouts that
// a busy machine could exceed by itself.
func options(srv *smtptest.Server, s smtptest.Script) smtpclient.Options {
	d := 30 * time.Second
	if slices.Contains(s, "HANG") {
		d = time.Second
	}
	return smtpclient.Options{
		Addr: srv.Addr(), Hello: "client.test", ServerName: "mx.test",
		Timeouts:   smtpclient.Timeouts{Connect: d, Greeting: d, TLS: d, Mail: d, Rcpt: d, Data: d, Block: d, Dot: d, Quit: d},
		Transcript: smtpclient.NewTranscript(clock.System),
	}
}

// checkOutcome compares what a test says of an outcome: "class command cause code
// enhanced", with - for none.
func checkOutcome(t *testing.T, o smtpclient.Outcome, want string) {
	t.Helper()
	code, enhanced := "-", "-"
	if o.Code != 0 {
		code = string([]byte{byte('0' + o.Code/100), byte('0' + o.Code/10%10), byte('0' + o.Code%10)})
	}
	if o.Enhanced != (smtpclient.Enhanced{}) {
		enhanced = o.Enhanced.String()
	}
	got := strings.Join([]string{o.Class.String(), string(o.Command), string(o.Cause), code, enhanced}, " ")
	if got != want {
		t.Errorf("outcome %q, want %q (%s)", got, want, o.String())
	}
	if (o.Code != 0) != (len(o.Lines) > 0) {
		t.Errorf("code %d with lines %q", o.Code, o.Lines)
	}
}

func TestDial(t *testing.T) {
	t.Parallel()
	cert, pool := smtptest.Certificate(t, "mx.test")
	tlsHello := script("C: STARTTLS", "S: 220 go", "TLS", "C: EHLO client.test", "S: 250 mx.test")
	offer := script("S: 220 mx.test", "C: EHLO client.test", "S: 250-mx.test", "S: 250 STARTTLS")
	for _, tc := range []struct {
		name   string
		script smtptest.Script
		change func(*smtpclient.Options)
		want   string // outcome; empty if Dial succeeds
		tls    string // "", "on" or "verified"
		said   string // a line of the transcript
	}{
		{"a greeting and EHLO are enough", script("S: 220 mx.test", "C: EHLO client.test", "S: 250 mx.test"), nil, "", "", "> EHLO client.test"},
		{"a greeting may have several lines", script("S: 220-mx.test", "S: 220-hello", "S: 220 there", "C: EHLO client.test", "S: 250 mx.test"), nil, "", "", "< 220-hello"},
		{"a greeting of 421 is temporary", script("S: 421 4.3.2 busy"), nil, "temporary greeting reply 421 4.3.2", "", "< 421 4.3.2 busy"},
		{"a greeting of 450 is temporary", script("S: 450 later", "C: QUIT"), nil, "temporary greeting reply 450 -", "", ""},
		{"a greeting of 554 is permanent", script("S: 554 5.7.1 not you", "C: QUIT"), nil, "permanent greeting reply 554 5.7.1", "", ""},
		{"a greeting of 250 is no greeting", script("S: 250 hi", "C: QUIT"), nil, "temporary greeting protocol 250 -", "", ""},
		{"a greeting that isn't SMTP", script("S: HTTP/1.1 400 Bad Request"), nil, "temporary greeting protocol - 4.4.2", "", "* not an SMTP reply: "},
		{"a connection closed before the greeting", script(), nil, "temporary greeting closed - 4.4.2", "", ""},
		{"a connection closed within the greeting", script(`RAW 220-mx\r\n22`), nil, "temporary greeting closed - 4.4.2", "", ""},
		{"a greeting that never comes", script("HANG"), nil, "temporary greeting timeout - 4.4.2", "", ""},
		{"a peer that only knows HELO", script("S: 220 mx", "C: EHLO client.test", "S: 502 what", "C: HELO client.test", "S: 250 mx"), nil, "", "", "> HELO client.test"},
		{"EHLO and HELO refused for good", script("S: 220 mx", "C: EHLO client.test", "S: 550 no", "C: HELO client.test", "S: 550 5.7.0 no", "C: QUIT"), nil, "permanent ehlo reply 550 5.7.0", "", ""},
		{"EHLO refused for now", script("S: 220 mx", "C: EHLO client.test", "S: 450 4.3.2 later", "C: QUIT"), nil, "temporary ehlo reply 450 4.3.2", "", ""},
		{"421 to EHLO", script("S: 220 mx", "C: EHLO client.test", "S: 421 4.4.2 bye"), nil, "temporary ehlo reply 421 4.4.2", "", ""},
		{"a connection cut after EHLO", script("S: 220 mx", "C: EHLO client.test", "CUT"), nil, "temporary ehlo closed - 4.4.2", "", ""},
		{"silence after EHLO", script("S: 220 mx", "C: EHLO client.test", "HANG"), nil, "temporary ehlo timeout - 4.4.2", "", ""},
		{"a reply of endless lines", script("S: 220 mx", "C: EHLO client.test", strings.Repeat(`250-X\r\n`, 101)), nil, "", "", ""},
		{"STARTTLS is used when it is offered", script(offer, tlsHello), nil, "", "on", "* TLS 1.3 TLS_"},
		{"STARTTLS is not used without being offered", script("S: 220 mx", "C: EHLO client.test", "S: 250 mx"), nil, "", "", ""},
		{"STARTTLS is not used when the policy is none", offer, func(o *smtpclient.Options) { o.TLS = smtpclient.TLSNone }, "", "", ""},
		{"STARTTLS refused: the session goes on in clear", script(offer, "C: STARTTLS", "S: 454 4.7.0 not now"), nil, "", "", ""},
		{"STARTTLS refused by hanging up", script(offer, "C: STARTTLS", "S: 421 4.7.0 bye"), nil, "temporary starttls reply 421 4.7.0", "", ""},
		{"STARTTLS required and refused", script(offer, "C: STARTTLS", "S: 454 4.7.0 not now", "C: QUIT"), func(o *smtpclient.Options) { o.TLS = smtpclient.TLSRequire },
			"temporary starttls tls-required 454 4.7.0", "", ""},
		{"STARTTLS required and refused for good is still for the caller to judge", script(offer, "C: STARTTLS", "S: 502 5.5.1 no", "C: QUIT"),
			func(o *smtpclient.Options) { o.TLS = smtpclient.TLSRequire }, "temporary starttls tls-required 502 5.5.1", "", ""},
		{"STARTTLS required and not offered", script("S: 220 mx", "C: EHLO client.test", "S: 250 mx"), func(o *smtpclient.Options) { o.TLS = smtpclient.TLSRequire },
			"temporary starttls tls-required - 4.7.4", "", ""},
		{"STARTTLS required with any certificate", script(offer, tlsHello), func(o *smtpclient.Options) { o.TLS = smtpclient.TLSRequire }, "", "on", ""},
		{"a valid certificate", script(offer, tlsHello), func(o *smtpclient.Options) { o.TLS, o.Roots = smtpclient.TLSVerify, pool }, "", "verified", ""},
		{"a certificate of strangers", script(offer, "C: STARTTLS", "S: 220 go", "TLS"), func(o *smtpclient.Options) { o.TLS = smtpclient.TLSVerify },
			"temporary tls tls-required - 4.7.5", "", "* TLS: "},
		{"a certificate for another name", script(offer, "C: STARTTLS", "S: 220 go", "TLS"),
			func(o *smtpclient.Options) {
				o.TLS, o.Roots, o.ServerName = smtpclient.TLSVerify, pool, "other.test"
			},
			"temporary tls tls-required - 4.7.5", "", ""},
		{"a handshake that fails where clear text is allowed", script(offer, "C: STARTTLS", "S: 220 go", "READ 5", "S: this is not TLS at all"), nil,
			"temporary tls tls - 4.7.5", "", "* TLS: "},
		{"a handshake that is cut where clear text is allowed", script(offer, "C: STARTTLS", "S: 220 go", "READ 5", "CUT"), nil, "temporary tls tls - 4.7.5", "", ""},
		{"a handshake that hangs where clear text is allowed", script(offer, "C: STARTTLS", "S: 220 go", "HANG"), nil, "temporary tls tls - 4.7.5", "", ""},
		{"a handshake that hangs where it is not", script(offer, "C: STARTTLS", "S: 220 go", "HANG"), func(o *smtpclient.Options) { o.TLS = smtpclient.TLSRequire },
			"temporary tls timeout - 4.7.5", "", ""},
		{"replies smuggled in before the handshake", script(offer, "C: STARTTLS", `RAW 220 go\r\n250 injected\r\n`), nil, "temporary tls tls - 4.7.5", "", ""},
		{"credentials", script("S: 220 mx", "C: EHLO client.test", "S: 250-mx", "S: 250 AUTH LOGIN PLAIN", "C: AUTH PLAIN AHVzZXIAc2VjcmV0", "S: 235 2.7.0 welcome"),
			func(o *smtpclient.Options) { o.Auth = &smtpclient.Auth{User: "user", Password: "secret"} }, "", "", "> AUTH PLAIN ***"},
		{"wrong credentials are our fault, not the message's", script("S: 220 mx", "C: EHLO client.test", "S: 250-mx", "S: 250 AUTH PLAIN", "C: AUTH PLAIN *", "S: 535 5.7.8 no", "C: QUIT"),
			func(o *smtpclient.Options) { o.Auth = &smtpclient.Auth{User: "user", Password: "secret"} }, "temporary auth auth 535 5.7.8", "", ""},
		{"no way to show credentials", script("S: 220 mx", "C: EHLO client.test", "S: 250-mx", "S: 250 AUTH CRAM-MD5"),
			func(o *smtpclient.Options) { o.Auth = &smtpclient.Auth{User: "user", Password: "secret"} }, "temporary auth auth - -", "", ""},
		{"credentials stay here if TLS isn't required and the peer is elsewhere", nil, func(o *smtpclient.Options) {
			o.Addr = netip.MustParseAddrPort("192.0.2.1:25")
			o.Auth = &smtpclient.Auth{User: "user", Password: "secret"}
		}, "temporary auth auth - -", "", ""},
		{"a name that would inject a command", nil, func(o *smtpclient.Options) { o.Hello = "a\r\nRSET" }, "temporary ehlo protocol - -", "", ""},
	} {
		if tc.name == "a reply of endless lines" {
			tc.script[len(tc.script)-1] = "RAW " + tc.script[len(tc.script)-1]
			tc.want = "temporary ehlo protocol - 4.4.2"
		}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.New(t, tc.script)
			srv.SetCertificate(cert)
			o := options(srv, tc.script)
			if tc.change != nil {
				tc.change(&o)
			}
			c, err := smtpclient.Dial(t.Context(), o)
			if said := o.Transcript.String(); !strings.Contains(said, tc.said) || strings.Contains(said, "AHVzZXI") {
				t.Errorf("transcript:\n%s", said)
			}
			if tc.want != "" {
				var e *smtpclient.Error
				if !errors.As(err, &e) {
					t.Fatalf("got %v, want an error", err)
				}
				checkOutcome(t, e.Outcome, tc.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if s := c.TLS(); s.Active() != (tc.tls != "") || s.Verified != (tc.tls == "verified") {
				t.Errorf("TLS: %+v", s)
			}
			if c.Remote() != o.Addr || c.Local() != netip.MustParseAddr("127.0.0.1") {
				t.Errorf("remote %v, local %v", c.Remote(), c.Local())
			}
		})
	}
}

func TestConnectFailures(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for _, tc := range []struct {
		name string
		o    smtpclient.Options
		want string
	}{
		{"nobody listens", smtpclient.Options{Addr: nobody}, "temporary connect connection-refused - 4.4.1"},
		{"the connection is never made", smtpclient.Options{Addr: nobody, Dial: hang, Timeouts: smtpclient.Timeouts{Connect: time.Millisecond}},
			"temporary connect timeout - 4.4.1"},
		{"the source address isn't ours", smtpclient.Options{Addr: nobody, LocalAddr: netip.MustParseAddr("192.0.2.1")},
			"temporary connect unreachable - 4.4.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := smtpclient.Dial(t.Context(), tc.o)
			var e *smtpclient.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			checkOutcome(t, e.Outcome, tc.want)
		})
	}
	t.Run("the caller gives up", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := smtpclient.Dial(ctx, smtpclient.Options{Addr: nobody, Dial: hang})
		var e *smtpclient.Error
		if !errors.As(err, &e) || !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		checkOutcome(t, e.Outcome, "temporary connect canceled - 4.4.1")
	})
	t.Run("the source address is used", func(t *testing.T) {
		t.Parallel()
		srv := smtptest.New(t, script("S: 220 mx", "C: EHLO client.test", "S: 250 mx"))
		o := options(srv, nil)
		o.LocalAddr = netip.MustParseAddr("127.0.0.2")
		c, err := smtpclient.Dial(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.Local() != o.LocalAddr {
			t.Errorf("local %v", c.Local())
		}
	})
}
