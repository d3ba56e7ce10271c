// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"net"
	"strconv"
	"testing"

	"sesame/test/harness"
)

// TestReplies has Postfix answer as receivers do that are busy, wary or certain.
func TestReplies(t *testing.T) {
	t.Parallel()
	const (
		greylisted = "451 4.7.1 Greylisted, come back later"
		closing    = "421 4.3.2 Try again on another connection"
		unknown    = "550 5.1.1 User unknown"
		barred     = "554 5.7.1 Not wanted here"
	)
	attempts := harness.NewAttempts(map[string][]string{
		"greylisted@example.net": {greylisted},
		"patient@example.net":    {greylisted, "452 4.2.2 Mailbox full", "450 4.2.1 Busy"},
		"closing@example.net":    {closing},
		"unknown@example.net":    {unknown, unknown, unknown, unknown, unknown},
		"barred@example.net":     {barred, barred, barred, barred, barred},
		"last@example.net":       {greylisted, greylisted},
	})
	w := newWorld(t, attempts.Policy)
	w.dns.Add("example.net. 60 IN MX 10 mx.example.net.")
	s := w.serve(t, nil)

	// Those that are refused for good go first, so that any second attempt of theirs
	// would come before the last of the others, which is deferred twice.
	for _, to := range []string{"unknown@example.net", "barred@example.net"} {
		send(t, s, to)
	}
	harness.Eventually(t, "the two that are refused to be tried", func() bool {
		return attempts.Count("unknown@example.net") > 0 && attempts.Count("barred@example.net") > 0
	})
	retried := []struct {
		name, to string
		attempts int
	}{
		{"451 is tried again", "greylisted@example.net", 2},
		{"any 4xx is tried again, until it is taken", "patient@example.net", 4},
		{"421 is tried again on a new connection", "closing@example.net", 2},
		{"a mail behind others is not forgotten", "last@example.net", 3},
	}
	ids := map[string]string{}
	for _, test := range retried {
		ids[test.to] = send(t, s, test.to)
	}
	for _, test := range retried {
		t.Run(test.name, func(t *testing.T) {
			verified(t, w, test.to, ids[test.to])
			if got := attempts.Count(test.to); got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
		})
	}
	for name, to := range map[string]string{"550 is final": "unknown@example.net", "554 is final": "barred@example.net"} {
		t.Run(name, func(t *testing.T) {
			if got := attempts.Count(to); got != 1 {
				t.Errorf("%d attempts, want 1", got)
			}
		})
	}
	t.Run("nothing is delivered twice or after a final refusal", func(t *testing.T) {
		if got := len(w.postfix.Delivered(t)); got != len(retried) {
			t.Errorf("%d mails delivered, want %d", got, len(retried))
		}
	})
}

// TestMX finds the way past hosts that do not work.
func TestMX(t *testing.T) {
	t.Parallel()
	attempts := harness.NewAttempts(nil)
	w := newWorld(t, attempts.Policy)
	busy := refuser(t, w.port, "421 4.3.2 Too busy for you")
	shut := refuser(t, w.port, "554 5.3.2 No mail here")
	w.dns.Add(
		"dead.example.net. 60 IN A 127.0.0.3", // nobody listens there
		"busy.example.net. 60 IN A "+busy.ip,
		"shut.example.net. 60 IN A "+shut.ip,

		"first-dead.example. 60 IN MX 10 dead.example.net.",
		"first-dead.example. 60 IN MX 20 mx.example.net.",
		"first-unknown.example. 60 IN MX 5 no-such-host.example.net.",
		"first-unknown.example. 60 IN MX 20 mx.example.net.",
		"first-busy.example. 60 IN MX 10 busy.example.net.",
		"first-busy.example. 60 IN MX 20 mx.example.net.",
		"first-shut.example. 60 IN MX 10 shut.example.net.",
		"first-shut.example. 60 IN MX 20 mx.example.net.",
		"two-addresses.example. 60 IN MX 10 pair.example.net.",
		"pair.example.net. 60 IN A 127.0.0.3",
		"pair.example.net. 60 IN A 127.0.0.2",
		"no-mx.example. 60 IN A 127.0.0.2",
		"null-mx.example. 60 IN MX 0 .",
		"alias.example. 60 IN CNAME first-dead.example.",
	)
	s := w.serve(t, nil)

	tests := []struct{ name, domain string }{
		{"a dead first host is skipped", "first-dead.example"},
		{"a first host without address is skipped", "first-unknown.example"},
		{"a first host that greets with 421 is skipped", "first-busy.example"},
		{"a first host that greets with 554 is skipped", "first-shut.example"},
		{"the second address of a host is tried", "two-addresses.example"},
		{"a domain without MX is its own host", "no-mx.example"},
		{"an alias leads to the MX of its target", "alias.example"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			to := "reader@" + test.domain
			verified(t, w, to, send(t, s, to))
		})
	}
	t.Run("a domain that takes no mail is not connected to", func(t *testing.T) {
		send(t, s, "reader@null-mx.example")
		send(t, s, "behind@no-mx.example")
		w.postfix.WaitMail(t, "behind@no-mx.example")
		harness.Eventually(t, "the null MX to be looked up", func() bool { return w.dns.Asked("null-mx.example", "MX") > 0 })
		if got := attempts.Count("reader@null-mx.example"); got != 0 {
			t.Errorf("%d attempts, want none", got)
		}
	})
	for _, r := range []*refusing{busy, shut} {
		if r.connections() == 0 {
			t.Errorf("%s was never asked", r.ip)
		}
	}
}

// TestRoute sends everything through one smart host, whatever the DNS says.
func TestRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.serve(t, func(c *harness.Config) {
		c.Routes = []harness.Route{{Domain: "*", Hosts: []string{net.JoinHostPort("127.0.0.2", strconv.Itoa(w.port))}}}
	})
	to := "reader@unknown-to-the-dns.example"
	verified(t, w, to, send(t, s, to))
}

// TestPostgres delivers from a server whose store is PostgreSQL.
func TestPostgres(t *testing.T) {
	t.Parallel()
	attempts := harness.NewAttempts(map[string][]string{"greylisted@example.net": {"451 4.7.1 Come back later"}})
	w := newWorld(t, attempts.Policy)
	w.dns.Add("example.net. 60 IN MX 10 mx.example.net.")
	s := w.serve(t, func(c *harness.Config) { c.Database.URL = harness.Postgres(t) })
	for _, to := range []string{"reader@example.net", "greylisted@example.net"} {
		verified(t, w, to, send(t, s, to))
	}
}

// TestRestart stops the server while a mail waits for its next attempt.
func TestRestart(t *testing.T) {
	t.Parallel()
	attempts := harness.NewAttempts(map[string][]string{"greylisted@example.net": {"451 4.7.1 Come back later"}})
	w := newWorld(t, attempts.Policy)
	w.dns.Add("example.net. 60 IN MX 10 mx.example.net.")
	s := w.serve(t, func(c *harness.Config) { c.Delivery.Retry = []string{"3s"} })
	id := send(t, s, "greylisted@example.net")
	harness.Eventually(t, "the first attempt", func() bool { return attempts.Count("greylisted@example.net") == 1 })
	s.Stop()
	s.Start()
	verified(t, w, "greylisted@example.net", id)
	if got := attempts.Count("greylisted@example.net"); got != 2 {
		t.Errorf("%d attempts, want 2", got)
	}
}
