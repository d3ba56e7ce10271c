// SPDX-License-Identifier: Apache-2.0

package smtpclient_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/proto/smtpclient/smtptest"
)

// plain and piped open a session without and with PIPELINING.
var (
	plain = smtptest.Script{"S: 220 mx", "C: EHLO client.test", "S: 250 mx"}
	piped = smtptest.Script{"S: 220 mx", "C: EHLO client.test", "S: 250-mx", "S: 250 PIPELINING"}
)

var message = [][]byte{[]byte("Subject: a\r\n\r\n"), []byte(".one\r\n..two\r\nthree")}

const messageOnWire = "Subject: a\r\n\r\n..one\r\n...two\r\nthree\r\n.\r\n"

func mailbox(t *testing.T, s string) address.Address {
	t.Helper()
	if s == "" {
		return address.Address{}
	}
	a, err := address.Parse(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return a
}

func envelope(t *testing.T, from string, to ...string) smtpclient.Envelope {
	t.Helper()
	e := smtpclient.Envelope{From: mailbox(t, from)}
	for _, s := range to {
		e.To = append(e.To, mailbox(t, s))
	}
	return e
}

func dial(t *testing.T, s smtptest.Script) (*smtpclient.Conn, *smtptest.Server) {
	t.Helper()
	srv := smtptest.New(t, s)
	c, err := smtpclient.Dial(t.Context(), options(srv, s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, srv
}

func TestSend(t *testing.T) {
	t.Parallel()
	mail, rcptA, rcptB := "C: MAIL FROM:<s@a.test>", "C: RCPT TO:<a@b.test>", "C: RCPT TO:<b@b.test>"
	const delivered = "delivered dot reply 250 2.0.0"
	ok := script("S: 250 2.1.0 ok")
	all := script(mail, rcptA, rcptB, "C: DATA") // as one group
	two := []string{"a@b.test", "b@b.test"}
	one := two[:1]
	for _, tc := range []struct {
		name   string
		script smtptest.Script
		to     []string
		want   []string
		usable bool
		unused bool
	}{
		// Without PIPELINING.
		{"one recipient, step by step", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 354 go", "DATA", "S: 250 2.0.0 taken"),
			one, []string{delivered}, true, false},
		{"a reply of several lines", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 354-go", "S: 354 on", "DATA", "S: 250-2.0.0 taken", "S: 250 2.0.0 as 1234"),
			one, []string{delivered}, true, false},
		{"a reply with the code alone", script(plain, mail, "S: 250", rcptA, "S: 250", "C: DATA", "S: 354", "DATA", "S: 250"),
			one, []string{"delivered dot reply 250 -"}, true, false},
		{"MAIL refused for good", script(plain, mail, "S: 550 5.7.1 no"), two, []string{"permanent mail reply 550 5.7.1", "permanent mail reply 550 5.7.1"}, true, false},
		{"MAIL refused for now", script(plain, mail, "S: 451 4.7.1 later"), one, []string{"temporary mail reply 451 4.7.1"}, true, false},
		{"one recipient of two refused", script(plain, mail, ok, rcptA, "S: 550 5.1.1 unknown", rcptB, ok, "C: DATA", "S: 354 go", "DATA", "S: 250 2.0.0 taken"),
			two, []string{"permanent rcpt reply 550 5.1.1", delivered}, true, false},
		{"all recipients refused: DATA is not said", script(plain, mail, ok, rcptA, "S: 550 5.1.1 unknown", rcptB, "S: 452 4.2.2 full"),
			two, []string{"permanent rcpt reply 550 5.1.1", "temporary rcpt reply 452 4.2.2"}, true, false},
		{"552 after an accepted recipient means too many of them", script(plain, mail, ok, rcptA, ok, rcptB, "S: 552 5.5.3 too many", "C: DATA", "S: 354 go", "DATA", "S: 250 2.0.0 taken"),
			two, []string{delivered, "temporary rcpt reply 552 5.5.3"}, true, false},
		{"552 to the only recipient is what it says", script(plain, mail, ok, rcptA, "S: 552 5.2.2 full"), one, []string{"permanent rcpt reply 552 5.2.2"}, true, false},
		{"251 is an acceptance", script(plain, mail, ok, rcptA, "S: 251 2.1.5 will forward", "C: DATA", "S: 354 go", "DATA", "S: 250 2.0.0 taken"), one, []string{delivered}, true, false},
		{"DATA refused for good", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 554 5.6.0 no"), one, []string{"permanent data reply 554 5.6.0"}, true, false},
		{"DATA refused for now", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 451 4.3.0 no"), one, []string{"temporary data reply 451 4.3.0"}, true, false},
		{"DATA answered as if it were over", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 250 done"), one, []string{"temporary data protocol 250 -"}, false, false},
		{"the message refused for good", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 354 go", "DATA", "S: 554 5.7.1 spam"), one, []string{"permanent dot reply 554 5.7.1"}, true, false},
		{"the message refused for now", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 354 go", "DATA", "S: 451 4.7.1 greylisted"), one, []string{"temporary dot reply 451 4.7.1"}, true, false},
		{"an enhanced code of another class is not believed", script(plain, mail, ok, rcptA, "S: 550 4.1.1 odd"), one, []string{"permanent rcpt reply 550 -"}, true, false},
		{"a reply that makes no sense is temporary", script(plain, mail, "S: 354 go"), one, []string{"temporary mail protocol 354 -"}, false, true},
		{"421 to MAIL", script(plain, mail, "S: 421 4.4.2 idle"), one, []string{"temporary mail reply 421 4.4.2"}, false, true},
		{"a bad connection for an answer to MAIL", script(plain, mail, "S: 451 4.4.2 Timeout waiting for data from client."), one, []string{"temporary mail reply 451 4.4.2"}, false, true},
		{"a bad connection for an answer to RCPT", script(plain, mail, ok, rcptA, "S: 451 4.4.2 lost the host behind"), one, []string{"temporary rcpt reply 451 4.4.2"}, true, false},
		{"421 to the second recipient spares the first's refusal", script(plain, mail, ok, rcptA, "S: 550 5.1.1 unknown", rcptB, "S: 421 4.3.2 bye"),
			two, []string{"permanent rcpt reply 550 5.1.1", "temporary rcpt reply 421 4.3.2"}, false, false},
		{"421 to the message", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 354 go", "DATA", "S: 421 4.3.2 bye"), one, []string{"temporary dot reply 421 4.3.2"}, false, false},
		{"cut after MAIL", script(plain, mail, "CUT"), one, []string{"temporary mail closed - 4.4.2"}, false, true},
		{"cut after RCPT", script(plain, mail, ok, rcptA, "CUT"), one, []string{"temporary rcpt closed - 4.4.2"}, false, false},
		{"cut after DATA", script(plain, mail, ok, rcptA, ok, "C: DATA", "CUT"), one, []string{"temporary data closed - 4.4.2"}, false, false},
		{"cut after the dot", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 354 go", "DATA", "CUT"), one, []string{"temporary dot closed - 4.4.2"}, false, false},
		{"closed in the middle of a reply", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 354 go", "DATA", `RAW 250-2.0.0 ta`, "CUT"), one, []string{"temporary dot closed - 4.4.2"}, false, false},
		{"silence after MAIL", script(plain, mail, "HANG"), one, []string{"temporary mail timeout - 4.4.2"}, false, true},
		{"silence after RCPT", script(plain, mail, ok, rcptA, "HANG"), one, []string{"temporary rcpt timeout - 4.4.2"}, false, false},
		{"silence after DATA", script(plain, mail, ok, rcptA, ok, "C: DATA", "HANG"), one, []string{"temporary data timeout - 4.4.2"}, false, false},
		{"silence after the dot", script(plain, mail, ok, rcptA, ok, "C: DATA", "S: 354 go", "DATA", "HANG"), one, []string{"temporary dot timeout - 4.4.2"}, false, false},
		{"a line without end", script(plain, mail, "S: 250 "+strings.Repeat("x", 4000)), one, []string{"temporary mail protocol - 4.4.2"}, false, true},
		{"lines without end", script(plain, mail, "RAW "+strings.Repeat(`250-x\r\n`, 200)), one, []string{"temporary mail protocol - 4.4.2"}, false, true},
		{"lines with different codes", script(plain, mail, "S: 250-fine", "S: 550 or not"), one, []string{"temporary mail protocol - 4.4.2"}, false, true},
		{"an unasked 421 before the message", script(plain[:2], `RAW 250 mx\r\n421 4.4.2 idle\r\n`), one, []string{"temporary mail reply 421 4.4.2"}, false, true},
		{"an unasked 451 4.4.2 before the message", script(plain[:2], `RAW 250 mx\r\n451 4.4.2 idle\r\n`), one, []string{"temporary mail reply 451 4.4.2"}, false, true},
		{"an unasked reply before the message", script(plain[:2], `RAW 250 mx\r\n250 2.0.0 taken\r\n`), one, []string{"temporary mail protocol - 4.4.2"}, false, true},

		// With PIPELINING.
		{"all commands in one group", script(piped, all, ok, ok, ok, "S: 354 go", "DATA", "S: 250 2.0.0 taken"), two, []string{delivered, delivered}, true, false},
		{"a group with a refused recipient", script(piped, all, ok, "S: 550 5.1.1 unknown", ok, "S: 354 go", "DATA", "S: 250 2.0.0 taken"),
			two, []string{"permanent rcpt reply 550 5.1.1", delivered}, true, false},
		{"a group without recipients left, DATA refused too", script(piped, all, ok, "S: 550 5.1.1 unknown", "S: 450 4.2.1 later", "S: 554 5.5.1 no recipients"),
			two, []string{"permanent rcpt reply 550 5.1.1", "temporary rcpt reply 450 4.2.1"}, true, false},
		{"a group without recipients left, DATA accepted all the same", script(piped, all, ok, "S: 550 5.1.1 unknown", "S: 450 4.2.1 later", "S: 354 go", "C: .", "S: 554 5.5.1 no"),
			two, []string{"permanent rcpt reply 550 5.1.1", "temporary rcpt reply 450 4.2.1"}, true, false},
		{"a group whose MAIL is refused", script(piped, all, "S: 550 5.7.1 no", "S: 503 5.5.1 MAIL first", "S: 503 5.5.1 MAIL first", "S: 503 5.5.1 MAIL first"),
			two, []string{"permanent mail reply 550 5.7.1", "permanent mail reply 550 5.7.1"}, true, false},
		{"a group whose MAIL is refused at a peer that takes the rest", script(piped, all, "S: 451 4.7.1 no", ok, ok, "S: 354 go", "C: .", "S: 250 ok"),
			two, []string{"temporary mail reply 451 4.7.1", "temporary mail reply 451 4.7.1"}, true, false},
		{"a group whose DATA is refused", script(piped, all, ok, ok, "S: 550 5.1.1 unknown", "S: 451 4.3.0 later"),
			two, []string{"temporary data reply 451 4.3.0", "permanent rcpt reply 550 5.1.1"}, true, false},
		{"a group cut after its first reply", script(piped, all, ok, "CUT"), two, []string{"temporary rcpt closed - 4.4.2", "temporary rcpt closed - 4.4.2"}, false, false},
		{"a group cut after a refused recipient", script(piped, all, ok, "S: 550 5.1.1 unknown", "CUT"), two, []string{"permanent rcpt reply 550 5.1.1", "temporary rcpt closed - 4.4.2"}, false, false},
		{"a group cut before any reply", script(piped, all, "CUT"), one, []string{"temporary mail closed - 4.4.2"}, false, true},
		{"a group answered with 421", script(piped, all, "S: 421 4.4.2 idle"), two, []string{"temporary mail reply 421 4.4.2", "temporary mail reply 421 4.4.2"}, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if len(tc.to) == 1 {
				tc.script = slices.DeleteFunc(slices.Clone(tc.script), func(s string) bool { return s == rcptB })
			}
			if !slices.ContainsFunc(tc.want, func(s string) bool { return strings.Contains(s, "closed") }) {
				// A closed connection is for the rows that say so.
				tc.script = append(slices.Clone(tc.script), "C: NOTHING MORE")
			}
			c, srv := dial(t, tc.script)
			res, err := c.Send(t.Context(), envelope(t, "s@a.test", tc.to...), message)
			if len(res.Outcomes) != len(tc.want) {
				t.Fatalf("%d outcomes", len(res.Outcomes))
			}
			for i, o := range res.Outcomes {
				checkOutcome(t, o, tc.want[i])
			}
			if (err == nil) != tc.usable || c.Usable() != tc.usable || res.Unused != tc.unused {
				t.Errorf("usable %v (%v), unused %v; want %v, %v", c.Usable(), err, res.Unused, tc.usable, tc.unused)
			}
			for _, m := range srv.Messages() {
				if string(m) != messageOnWire {
					t.Errorf("message on the wire: %q", m)
				}
			}
		})
	}
}

func TestSessionIsUsedAgain(t *testing.T) {
	t.Parallel()
	mail, rcpt := "C: MAIL FROM:<s@a.test>", "C: RCPT TO:<a@b.test>"
	good := script(mail, rcpt, "C: DATA", "S: 250 ok", "S: 250 ok", "S: 354 go", "DATA", "S: 250 taken")
	slow := script(mail, "S: 250 ok", rcpt, "S: 250 ok", "C: DATA", "S: 354 go", "DATA", "S: 250 taken")
	for _, tc := range []struct {
		name   string
		script smtptest.Script
		want   string // classes of the messages
	}{
		{"message after message", script(piped, good, good, good, "C: QUIT", "S: 221 bye"), "delivered delivered delivered"},
		{"message after message without PIPELINING", script(plain, slow, slow, "C: QUIT", "S: 221 bye"), "delivered delivered"},
		{"a refused recipient is reset in the next group", script(piped, mail, rcpt, "C: DATA", "S: 250 ok", "S: 550 no", "S: 554 no",
			"C: RSET", "S: 250 ok", good, "C: QUIT", "S: 221 bye"), "permanent delivered"},
		{"a refused recipient is reset before the next message", script(plain, mail, "S: 250 ok", rcpt, "S: 550 no",
			"C: RSET", "S: 250 ok", slow, "C: QUIT", "S: 221 bye"), "permanent delivered"},
		{"a refused MAIL leaves nothing to reset", script(plain, mail, "S: 450 no", slow, "C: QUIT", "S: 221 bye"), "temporary delivered"},
		{"a refused message leaves nothing to reset", script(piped, mail, rcpt, "C: DATA", "S: 250 ok", "S: 250 ok", "S: 354 go", "DATA", "S: 550 no",
			good, "C: QUIT", "S: 221 bye"), "permanent delivered"},
		{"a peer that hangs up after the message", script(piped, good, "S: 421 enough"), "delivered temporary"},
		{"a peer that won't reset", script(piped, mail, rcpt, "C: DATA", "S: 250 ok", "S: 550 no", "S: 554 no", "C: RSET", "S: 502 what"), "permanent temporary"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, _ := dial(t, tc.script)
			var got []string
			for range strings.Fields(tc.want) {
				res, _ := c.Send(t.Context(), envelope(t, "s@a.test", "a@b.test"), message)
				got = append(got, res.Outcomes[0].Class.String())
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("got %q, want %q", s, tc.want)
			}
			if err := c.Quit(t.Context()); err != nil {
				t.Error(err)
			}
			if c.Usable() {
				t.Error("usable after QUIT")
			}
			res, err := c.Send(t.Context(), envelope(t, "s@a.test", "a@b.test"), message)
			if err == nil || res.Outcomes[0].Cause != smtpclient.CauseClosed && res.Outcomes[0].Class != smtpclient.Temporary {
				t.Errorf("after QUIT: %v, %v", res, err)
			}
		})
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	c, _ := dial(t, script(piped, "C: RSET", "S: 250 ok", "C: RSET", "S: 421 bye"))
	if err := c.Reset(t.Context()); err != nil {
		t.Errorf("first: %v", err)
	}
	for range 2 {
		if err := c.Reset(t.Context()); err == nil || c.Usable() {
			t.Errorf("after 421: %v", err)
		}
	}
}

func TestMailParameters(t *testing.T) {
	t.Parallel()
	hello := func(extensions ...string) smtptest.Script {
		s := script("S: 220 mx", "C: EHLO client.test", "S: 250-mx")
		for _, e := range extensions {
			s = append(s, "S: 250-"+e)
		}
		return append(s, "S: 250 HELP")
	}
	for _, tc := range []struct {
		name     string
		hello    smtptest.Script
		from, to string
		size     int
		eightBit bool
		mail     string
	}{
		{"nothing is said to a peer that offers nothing", hello(), "s@a.test", "a@b.test", 10, true, "MAIL FROM:<s@a.test>"},
		{"the size where it is offered", hello("SIZE 1000"), "s@a.test", "a@b.test", 10, false, "MAIL FROM:<s@a.test> SIZE=10"},
		{"no size if it isn't known", hello("SIZE"), "s@a.test", "a@b.test", 0, false, "MAIL FROM:<s@a.test>"},
		{"8-bit content where it is offered", hello("8bitmime"), "s@a.test", "a@b.test", 0, true, "MAIL FROM:<s@a.test> BODY=8BITMIME"},
		{"7-bit content needs no word", hello("8BITMIME"), "s@a.test", "a@b.test", 0, false, "MAIL FROM:<s@a.test>"},
		{"both", hello("SIZE", "8BITMIME"), "s@a.test", "a@b.test", 10, true, "MAIL FROM:<s@a.test> SIZE=10 BODY=8BITMIME"},
		{"the null reverse-path", hello(), "", "a@b.test", 0, false, "MAIL FROM:<>"},
		{"quoted local parts", hello(), `"a b>"@a.test`, `"\""@b.test`, 0, false, `MAIL FROM:<"a b>"@a.test>`},
		{"an address literal", hello(), "s@a.test", "a@[192.0.2.1]", 0, false, "MAIL FROM:<s@a.test>"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, _ := dial(t, script(tc.hello, "C: "+tc.mail, "S: 250 ok", "C: RCPT TO:<"+tc.to+">", "S: 250 ok", "C: DATA", "S: 354 go", "DATA", "S: 250 ok"))
			e := envelope(t, tc.from, tc.to)
			e.Size, e.EightBit = tc.size, tc.eightBit
			res, err := c.Send(t.Context(), e, message)
			if err != nil || res.Outcomes[0].Class != smtpclient.Delivered {
				t.Errorf("%v, %v", res.Outcomes[0], err)
			}
		})
	}
}

func TestUnfitEnvelopesAreNotSent(t *testing.T) {
	t.Parallel()
	good := mailbox(t, "a@b.test")
	for name, e := range map[string]smtpclient.Envelope{
		"no recipients":               {From: good},
		"a recipient without address": {To: []address.Address{{}}},
		"a line end in the sender":    {From: address.Address{Local: "a\r\nRSET", Domain: "b.test"}, To: []address.Address{good}},
		"a line end in a recipient":   {To: []address.Address{good, {Local: "a", Domain: "b\n"}}},
		"a parameter in a local part": {To: []address.Address{{Local: "a> NOTIFY=NEVER <", Domain: "b"}}},
		"a parameter in a domain":     {To: []address.Address{{Local: "a", Domain: "b> NOTIFY=NEVER"}}},
		"8-bit letters":               {To: []address.Address{{Local: "\xc3\xa4", Domain: "b.test"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := dial(t, script(piped, "C: QUIT", "S: 221 bye"))
			res, err := c.Send(t.Context(), e, message)
			if err != nil || !c.Usable() || len(res.Outcomes) != len(e.To) {
				t.Fatalf("%v, %v", res, err)
			}
			for _, o := range res.Outcomes {
				checkOutcome(t, o, "temporary mail protocol - -")
			}
			if err := c.Quit(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestManyRecipientsGoInGroups(t *testing.T) {
	t.Parallel()
	s := script(piped, "C: MAIL FROM:<s@a.test>")
	e := envelope(t, "s@a.test")
	replies := smtptest.Script{"S: 250 ok"}
	for i := range 250 {
		a := fmt.Sprintf("r%d@b.test", i)
		e.To = append(e.To, mailbox(t, a))
		s = append(s, "C: RCPT TO:<"+a+">")
		if replies = append(replies, "S: 250 ok"); len(replies) == 100 {
			s, replies = append(s, replies...), nil // nothing more comes before these are read
		}
	}
	c, _ := dial(t, script(s, "C: DATA", replies, "S: 354 go", "DATA", "S: 250 2.0.0 ok"))
	e.Transcript = smtpclient.NewTranscript(clock.System)
	res, err := c.Send(t.Context(), e, message)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range res.Outcomes {
		checkOutcome(t, o, "delivered dot reply 250 2.0.0")
	}
	if n := len(e.Transcript.Steps()); n != smtpclient.MaxSteps || e.Transcript.Omitted() != 2*252+2-n {
		t.Errorf("%d steps, %d omitted", n, e.Transcript.Omitted())
	}
}

func TestTheCallerCanGiveUp(t *testing.T) {
	t.Parallel()
	srv := smtptest.New(t, script(piped, "C: MAIL FROM:<s@a.test>", "HANG"))
	o := options(srv, nil)
	o.Timeouts = smtpclient.Timeouts{}
	c, err := smtpclient.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	res, err := c.Send(ctx, envelope(t, "s@a.test", "a@b.test"), message)
	if err == nil || c.Usable() {
		t.Errorf("still usable: %v", err)
	}
	checkOutcome(t, res.Outcomes[0], "temporary mail timeout - 4.4.2")

	ctx, stop := context.WithCancel(t.Context())
	c, _ = dial(t, script(piped, "C: MAIL FROM:<s@a.test>", "HANG"))
	stop()
	res, _ = c.Send(ctx, envelope(t, "s@a.test", "a@b.test"), message)
	checkOutcome(t, res.Outcomes[0], "temporary mail canceled - 4.4.2")
}

func TestAPeerThatStopsReading(t *testing.T) {
	t.Parallel()
	big := [][]byte{bytes.Repeat([]byte("0123456789abcdef\r\n"), 1<<20)}
	start := script(piped, "C: MAIL FROM:<s@a.test>", "C: RCPT TO:<a@b.test>", "C: DATA", "S: 250 ok", "S: 250 ok", "S: 354 go")
	for _, tc := range []struct {
		name   string
		script smtptest.Script
		want   string
	}{
		{"it says why and hangs up", script(start, "READ 1000", "S: 552 5.3.4 too big", "CUT"), "permanent content reply 552 5.3.4"},
		{"it hangs up", script(start, "READ 1000", "CUT"), "temporary content closed - 4.4.2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := options(smtptest.New(t, tc.script), tc.script)
			c, err := smtpclient.Dial(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			res, _ := c.Send(t.Context(), envelope(t, "s@a.test", "a@b.test"), big)
			checkOutcome(t, res.Outcomes[0], tc.want)
		})
	}
}

func TestTranscript(t *testing.T) {
	t.Parallel()
	srv := smtptest.New(t, script(piped, "C: MAIL FROM:<s@a.test>", "C: RCPT TO:<a@b.test>", "C: DATA", "S: 250-2.1.0 gr\xc3\xbc\x1b[0m", "S: 250 2.1.0 ok",
		"S: 250 "+strings.Repeat("y", 1000), "S: 354 go", "DATA", "S: 250 2.0.0 taken"))
	now := clock.NewFake(time.Unix(0, 0))
	o := options(srv, nil)
	o.Transcript = smtpclient.NewTranscript(now.Now)
	c, err := smtpclient.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	now.Advance(1500 * time.Millisecond)
	e := envelope(t, "s@a.test", "a@b.test")
	e.Transcript = o.Transcript
	if _, err := c.Send(t.Context(), e, message); err != nil {
		t.Fatal(err)
	}
	o.Transcript.Note("the \x07end\n")
	want := `0 < 220 mx
0 > EHLO client.test
0 < 250-mx
0 < 250 PIPELINING
1500 > MAIL FROM:<s@a.test>
1500 > RCPT TO:<a@b.test>
1500 > DATA
1500 < 250-2.1.0 gr???[0m
1500 < 250 2.1.0 ok
1500 < 250 ` + strings.Repeat("y", smtpclient.MaxStepText-7) + `...
1500 < 354 go
1500 > (32 octets)
1500 < 250 2.0.0 taken
1500 * the ?end?
`
	if got := o.Transcript.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	steps := o.Transcript.Steps()
	if s := steps[4]; s != (smtpclient.Step{Direction: smtpclient.Sent, Text: "MAIL FROM:<s@a.test>", At: 1500 * time.Millisecond}) {
		t.Errorf("step: %+v", s)
	}
	var none *smtpclient.Transcript
	none.Note("nothing")
	if none.String() != "" || none.Steps() != nil || none.Omitted() != 0 {
		t.Error("a nil transcript has something")
	}
}

func TestLargeAndProtectedContent(t *testing.T) {
	t.Parallel()
	var content [][]byte
	var want bytes.Buffer
	for i := range 3000 {
		line := fmt.Appendf(nil, ".%d %s\r\n", i, strings.Repeat("z", i%300))
		content = append(content, line[:i%len(line)], line[i%len(line):])
		want.WriteString("." + string(line))
	}
	content = append(content, bytes.Repeat([]byte("0123456789\r\n"), 20_000))
	want.Write(content[len(content)-1])
	want.WriteString(".\r\n")
	cert, _ := smtptest.Certificate(t, "mx.test")
	tx := script("C: MAIL FROM:<s@a.test>", "S: 250 ok", "C: RCPT TO:<a@b.test>", "S: 250 ok", "C: DATA", "S: 354 go", "DATA", "S: 250 ok")
	for name, s := range map[string]smtptest.Script{
		"in clear": script(plain, tx, tx),
		"over TLS": script(plain[:2], "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "TLS", "C: EHLO client.test", "S: 250 mx", tx, tx, "C: QUIT", "S: 221 bye"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.New(t, s)
			srv.SetCertificate(cert)
			o := options(srv, nil)
			o.Timeouts = smtpclient.Timeouts{}
			c, err := smtpclient.Dial(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				res, err := c.Send(t.Context(), envelope(t, "s@a.test", "a@b.test"), content)
				if err != nil || res.Outcomes[0].Class != smtpclient.Delivered {
					t.Fatalf("%v, %v", res.Outcomes, err)
				}
			}
			for _, m := range srv.Messages() {
				if !bytes.Equal(m, want.Bytes()) {
					t.Errorf("%d octets arrived, want %d", len(m), want.Len())
				}
			}
			if err := c.Quit(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
