// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// commands are sessions that nobody should have: what they are about, and the client's
// lines after AUTH, without their line ends.
var commands = []struct {
	what  string
	lines []string
}{
	{"nothing unusual", []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<reader@example.net>"}},
	{"spaces where there are none", []string{"MAIL FROM: <sender@example.com>", "RCPT TO: <reader@example.net> "}},
	{"addresses without brackets", []string{"MAIL FROM:sender@example.com", "RCPT TO:reader@example.net"}},
	{"brackets that are not closed", []string{"MAIL FROM:<sender@example.com", "MAIL FROM:sender@example.com>", "RCPT TO:<reader@example.net"}},
	{"a second command behind a line feed", []string{"MAIL FROM:<sender@example.com>\nRCPT TO:<victim@example.net>"}},
	{"a second command behind a carriage return", []string{"MAIL FROM:<sender@example.com>\rRCPT TO:<victim@example.net>"}},
	{"zero octets", []string{"MAIL FROM:<sender\x00@example.com>", "MAIL\x00 FROM:<sender@example.com>", "MAIL FROM:<sender@example.com>", "RCPT TO:<reader@example.net\x00>"}},
	{"octets that are no UTF-8", []string{"MAIL FROM:<\xff@example.com>", "MAIL FROM:<sender@example.com>", "RCPT TO:<\xff@example.net>", "RCPT TO:<reader@\xff.example>"}},
	{"addresses that are not ASCII", []string{"MAIL FROM:<s\u00e9nder@example.com>", "MAIL FROM:<sender@b\u00fccher.example>", "MAIL FROM:<sender@example.com> SMTPUTF8", "MAIL FROM:<sender@example.com>", "RCPT TO:<r\u00e9ader@example.net>"}},
	{"the null reverse-path", []string{"MAIL FROM:<>"}},
	{"the null recipient", []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<>", "RCPT TO:<postmaster>"}},
	{"quoted local parts", []string{"MAIL FROM:<sender@example.com>", `RCPT TO:<"a b"@example.net>`, `RCPT TO:<"a\"b"@example.net>`, `RCPT TO:<"a>b"@example.net>`, `RCPT TO:<"a@example.net>`, `RCPT TO:<""@example.net>`}},
	{"a display name", []string{"MAIL FROM:Sender <sender@example.com>", "MAIL FROM:<sender@example.com>", "RCPT TO:Reader <reader@example.net>"}},
	{"groups and lists", []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<friends: a@example.net;>", "RCPT TO:<a@example.net,b@example.net>", "RCPT TO:<a@example.net> <b@example.net>", "RCPT TO:<undisclosed-recipients:;>"}},
	{"routes", []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<@a.example,@b.example:reader@example.net>", "RCPT TO:<reader%example.net@relay.example>", "RCPT TO:<a.example!reader@example.net>"}},
	{"domains that are none", []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<reader@>", "RCPT TO:<reader>", "RCPT TO:<reader@.>", "RCPT TO:<reader@a..b>", "RCPT TO:<reader@-a.example>", "RCPT TO:<reader@a_b.example>"}},
	{"domains that are no names", []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<reader@localhost>", "RCPT TO:<reader@[127.0.0.1]>", "RCPT TO:<reader@[::1]>", "RCPT TO:<reader@192.0.2.1>"}},
	{"local parts that are none", []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<@example.net>", "RCPT TO:<.a@example.net>", "RCPT TO:<a.@example.net>", "RCPT TO:<a..b@example.net>", "RCPT TO:<a b@example.net>", "RCPT TO:<a(b)@example.net>"}},
	{"addresses that are too long", []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<" + strings.Repeat("a", 64) + "@example.net>", "RCPT TO:<" + strings.Repeat("a", 65) + "@example.net>", "RCPT TO:<a@" + strings.Repeat("a", 64) + ".example>", "RCPT TO:<a@" + strings.Repeat("a.", 125) + "example>"}},
	{"lines that are too long", []string{"MAIL FROM:<" + strings.Repeat("a", 2000) + "@example.com>", "MAIL FROM:<sender@example.com>", "RCPT TO:<" + strings.Repeat("a", 2000) + "@example.net>", "NOOP " + strings.Repeat("x", 600)}},
	{"parameters", []string{"MAIL FROM:<sender@example.com> SIZE=999999999999999999999", "MAIL FROM:<sender@example.com> SIZE=41943041", "MAIL FROM:<sender@example.com> SIZE=-1", "MAIL FROM:<sender@example.com> BODY=BINARYMIME", "MAIL FROM:<sender@example.com> X-UNKNOWN=1", "MAIL FROM:<sender@example.com> BODY=8BITMIME SIZE=100", "RCPT TO:<reader@example.net> NOTIFY=NEVER"}},
	{"commands out of order", []string{"RCPT TO:<reader@example.net>", "DATA", "MAIL FROM:<sender@example.com>", "MAIL FROM:<sender@example.com>", "DATA", "RSET", "RCPT TO:<reader@example.net>"}},
}

// TestBadCommandsAreRefused has what the SMTP door says to each line. The file
// testdata/commands.txt has the replies, which -update writes. Nothing is stored of any.
func TestBadCommandsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var out strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&out, "%s\n", c.what)
		s, end := w.session(t), 221
		for _, line := range c.lines {
			a := s.say(line)
			if strings.HasSuffix(a.text, "closing connection") {
				end = closed
			}
			fmt.Fprintf(&out, "  C: %s\n  S: %s\n", showLine(line), a)
			if a.status/100 == 4 && a.status != 452 || a.status >= closed {
				t.Errorf("%s: %q: %v", c.what, line, a)
			}
		}
		if a := s.say("QUIT"); a.status != end {
			t.Errorf("%s: the session is out of step: %v", c.what, a)
		}
	}
	if found := w.traces(t); found != "" {
		t.Errorf("there are %s", found)
	}
	compare(t, filepath.Join("testdata", "commands.txt"), out.String())
}
