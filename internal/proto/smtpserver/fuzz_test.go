// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/proto/smtpserver"
)

// memory is a connection whose client has sent everything already.
type memory struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (m *memory) Read(p []byte) (int, error)  { return m.in.Read(p) }
func (m *memory) Write(p []byte) (int, error) { return m.out.Write(p) }

func (*memory) Close() error                     { return nil }
func (*memory) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }
func (*memory) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2525} }
func (*memory) SetDeadline(time.Time) error      { return nil }
func (*memory) SetReadDeadline(time.Time) error  { return nil }
func (*memory) SetWriteDeadline(time.Time) error { return nil }

// referee is a Backend that knows in which order a Session may be called.
type referee struct {
	t        *testing.T
	secure   bool
	open     int // Sessions
	messages int
}

type refereed struct {
	*referee
	authenticated, inMail, closed bool
	rcpts                         int
}

func (r *referee) must(ok bool, rule string) {
	r.t.Helper()
	if !ok {
		r.t.Errorf("broken: %s", rule)
	}
}

func (r *referee) NewSession(_ context.Context, info smtpserver.ConnInfo) (smtpserver.Session, error) {
	r.must(r.open == 0, "one Session at a time")
	r.must(info.Hello != "" && !strings.ContainsAny(info.Hello, " \r\n\x00()<>"), "a name fit for a trace field")
	if strings.HasPrefix(info.Hello, "refuse") {
		return nil, smtpserver.ErrServiceFailure
	}
	r.open++
	return &refereed{referee: r}, nil
}

func (s *refereed) Auth(_ context.Context, user, password string) error {
	s.must(!s.closed && !s.inMail && !s.authenticated, "AUTH once, outside a transaction")
	s.must(s.secure, "AUTH under TLS")
	if user != "user" || password != "secret" {
		return smtpserver.ErrCredentials
	}
	s.authenticated = true
	return nil
}

func (s *refereed) Mail(_ context.Context, from address.Address, p smtpserver.MailParams) error {
	s.must(!s.closed && !s.inMail, "MAIL not nested")
	s.must(p.Size >= 0 && p.Size <= 1000, "a size within the limit")
	if from.Local == "refuse" {
		return smtpserver.Reply{Code: 550, Text: "no\r\n250 yes"}
	}
	s.inMail, s.rcpts = true, 0
	return nil
}

func (s *refereed) Rcpt(_ context.Context, to address.Address) error {
	s.must(!s.closed && s.inMail, "RCPT after MAIL")
	s.must(!to.IsZero(), "a recipient")
	if to.Local == "refuse" {
		return io.ErrUnexpectedEOF
	}
	s.rcpts++
	return nil
}

func (s *refereed) Data(_ context.Context, message []byte) (string, error) {
	s.must(!s.closed && s.inMail && s.rcpts > 0 && s.rcpts <= 3, "DATA after RCPT")
	s.must(len(message) <= 1000, "a message within the limit")
	s.messages++
	return string(message), nil // the reply must stay well formed
}

func (s *refereed) Reset() {
	s.must(!s.closed && s.inMail, "Reset after MAIL")
	s.inMail = false
}

func (s *refereed) Close() {
	s.must(!s.closed && !s.inMail, "Close once, after Reset")
	s.closed = true
	s.open--
}

// states are the ways to each point of a session.
var states = []struct {
	secure bool
	prefix string
}{
	{false, ""},
	{false, "EHLO c.test\r\n"},
	{false, "EHLO c.test\r\nMAIL FROM:<a@example.com>\r\n"},
	{false, "EHLO c.test\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"},
	{false, "EHLO c.test\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"},
	{false, "EHLO c.test\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\ntext\r\n.\r\n"},
	{false, "EHLO c.test\r\nSTARTTLS\r\n"},
	{true, "EHLO c.test\r\n"},
	{true, "EHLO c.test\r\nAUTH PLAIN\r\n"},
	{true, "EHLO c.test\r\nAUTH LOGIN\r\n"},
	{true, "EHLO c.test\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n"},
}

var replyLine = regexp.MustCompile(`^[2-5][0-9][0-9][ -][ -~]{0,506}$`)

// FuzzSession sends any bytes from each state of a session: every reply is well
// formed, the Session is called in order, and no more messages are taken than ends
// of messages were sent.
func FuzzSession(f *testing.F) {
	for state := range states {
		for _, input := range []string{
			"", "QUIT\r\n", "NOOP\r\nRSET\r\nHELP\r\nVRFY a\r\n", "EHLO other.test\r\nHELO [::1]\r\n",
			"MAIL FROM:<a@example.com> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<b@example.com>\r\nDATA\r\n..\r\n.\r\n",
			"MAIL FROM:<refuse@example.com>\r\nRCPT TO:<refuse@example.com>\r\nDATA\r\n", "a\n.\nb\r.\r\r\n.\r\n",
			"AUTH PLAIN AHVzZXIAc2VjcmV0\r\nAUTH LOGIN dXNlcg==\r\nc2VjcmV0\r\n*\r\n", "STARTTLS\r\nNOOP\r\n",
			"GET / HTTP/1.1\r\n\r\n", strings.Repeat("x", 600) + "\r\n", strings.Repeat("\x00\xff\r\n", 20),
		} {
			f.Add(byte(state), []byte(input))
		}
	}
	f.Fuzz(func(t *testing.T, state byte, input []byte) {
		from := states[int(state)%len(states)]
		policy := &referee{t: t, secure: from.secure}
		cfg := mx()
		cfg.Auth = true
		s, err := smtpserver.NewServer(cfg, policy)
		if err != nil {
			t.Fatal(err)
		}
		wire := from.prefix + string(input)
		nc := &memory{in: bytes.NewReader([]byte(wire))}
		s.ServeConn(nc, from.secure)
		policy.must(policy.open == 0, "every Session closed")
		policy.must(policy.messages <= strings.Count(wire, ".\r\n"), "a message for each end at most")
		replies := nc.out.String()
		clear, _, switched := strings.Cut(replies, "220 Ready to start TLS\r\n")
		if !strings.HasSuffix(clear, "\r\n") && !switched {
			t.Errorf("the last reply is not whole: %q", clear)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(clear, "\r\n"), "\r\n") {
			if !replyLine.MatchString(line) {
				t.Errorf("reply %q", line)
			}
		}
	})
}

// FuzzData compares the dot decoder with the plainest reading of the standard, for
// any way in which the bytes can arrive.
func FuzzData(f *testing.F) {
	for _, dot := range notTheEnd {
		f.Add([]byte("text"+dot+"more\r\n.\r\nNOOP\r\n"), []byte{0, 3, 1})
		f.Add([]byte(dot), []byte{})
	}
	f.Add([]byte(".\r\n"), []byte{0})
	f.Add([]byte("..\r\n.\r\n"), []byte{1})
	f.Add([]byte(strings.Repeat("long line", 100)+"\r\n.\r\n"), []byte{255})
	f.Fuzz(func(t *testing.T, wire, cuts []byte) {
		const limit = 4096
		want := reference(string(wire))
		body, used, done, dropped := smtpserver.DecodeData(wire, cuts, limit)
		if done != (want != "no end") {
			t.Fatalf("done is %t for %q", done, wire)
		}
		if !done {
			return
		}
		if end := strings.Index("\r\n"+string(wire), "\r\n.\r\n") + len(".\r\n"); used != end {
			t.Errorf("used %d of %q, want %d", used, wire, end)
		}
		switch {
		case dropped != (len(want) > limit):
			t.Errorf("dropped is %t for %d bytes", dropped, len(want))
		case !dropped && string(body) != want:
			t.Errorf("%q became %q, want %q", wire, body, want)
		}
		bare := strings.ContainsAny(strings.ReplaceAll(want, "\r\n", ""), "\r\n")
		if got := smtpserver.HasBare([]byte(want)); got != bare {
			t.Errorf("HasBare(%q) is %t", want, got)
		}
	})
}

// FuzzAuth gives AUTH PLAIN any response, and any user and password.
func FuzzAuth(f *testing.F) {
	f.Add([]byte("AHVzZXIAc2VjcmV0"), "user", "secret")
	f.Add([]byte("="), "", "")
	f.Add([]byte("*"), "a\x00b", "=")
	f.Add([]byte("AAAA"), "ü", "*")
	f.Fuzz(func(t *testing.T, response []byte, user, password string) {
		if u, p, err := smtpserver.PlainResponse(response); err == nil {
			if u == "" || strings.Contains(u+p, "\x00") {
				t.Errorf("%q gave %q and %q", response, u, p)
			}
		}
		right := user != "" && !strings.Contains(user+password, "\x00")
		message := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
		u, p, err := smtpserver.PlainResponse([]byte(message))
		if right != (err == nil) || right && (u != user || p != password) {
			t.Errorf("%q and %q became %q and %q, %v", user, password, u, p, err)
		}
	})
}

// FuzzPath reads any argument of MAIL and RCPT: what is accepted is an address.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"FROM:<a@example.com> SIZE=1", "TO: <Postmaster>", "from:<>", "FROM:<@a,@b:c@d>", `TO:<"a>\"b"@c>`,
		"FROM:a@b", "TO:<", "FROM:<@a:", "TO:<a@b>x", `FROM:<"\`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		if from, ok := smtpserver.ParsePath(args, "FROM:"); ok && !from.IsZero() {
			if again, err := address.Parse(from.String()); err != nil || again != from {
				t.Errorf("sender %q of %q: %v", from, args, err)
			}
		}
		if to, ok := smtpserver.ParsePath(args, "TO:"); ok && !strings.EqualFold(to.Local, "postmaster") {
			if again, err := address.Parse(to.String()); err != nil || again != to {
				t.Errorf("recipient %q of %q: %v", to, args, err)
			}
		}
	})
}
