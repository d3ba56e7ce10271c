// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"net"
	"testing"
	"time"

	"sesame/test/harness"
	"sesame/test/traffic"
)

// hang listens, accepts every connection and never says anything. Each connection is
// held until the test ends.
func hang(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	held := make(chan net.Conn, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			held <- conn
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		close(held)
		for conn := range held {
			conn.Close()
		}
	})
	return l.Addr().String()
}

func TestDestinationsThatHangDelayNoOther(t *testing.T) {
	const (
		slots, each = 100, 5 // slots / each destinations that hang would have taken all slots
		first       = 45     // many more than that
		second      = 120    // with these there are more than slots
		messages    = 10     // for each of them
		bound       = 3 * time.Second
	)
	config := harness.ServeConfig(t)
	config.Delivery.MaxConcurrent, config.Delivery.PerDestination = slots, each
	for i := range first + second {
		config.Routes = append(config.Routes, harness.Route{Domain: hanging(i), Hosts: []string{hang(t)}, TLS: "none"})
	}
	s := start(t, config)
	healthy := func(name string) time.Duration {
		t.Helper()
		began := time.Now()
		before := s.book.Outstanding()
		for i := range 20 {
			if err := s.client.SendOne(1000, fmt.Sprintf("u%d@%s", i, name)); err != nil {
				t.Fatal(err)
			}
		}
		harness.Eventually(t, "the mail for "+name, func() bool { return s.book.Outstanding() == before })
		return time.Since(began)
	}
	idle := healthy("before.example.net")
	flood(t, s, 0, first, messages)
	for _, c := range []struct{ name, what string }{
		{"new.example.net", "one that was unknown"},
		{"before.example.net", "one that had answered before"},
	} {
		took := healthy(c.name)
		t.Logf("20 messages for %s took %v beside %d destinations that hang, %v without any", c.what, took, first, idle)
		if took > bound {
			t.Errorf("%s took %v", c.what, took)
		}
	}
	flood(t, s, first, first+second, messages)
	took := healthy("before.example.net")
	t.Logf("20 messages for one that had answered before took %v beside %d destinations that hang, more than there are slots", took, first+second)
	if took > bound {
		t.Errorf("took %v", took)
	}
	began := time.Now()
	s.Stop() // fails the test unless it is clean and in time
	t.Logf("SIGTERM with %d attempts that hang took %v", first+second, time.Since(began))
}

func hanging(i int) string { return fmt.Sprintf("hangs%d.example.net", i) }

// flood sends messages to the destinations that hang. Nobody books them.
func flood(t *testing.T, s *site, from, to, messages int) {
	t.Helper()
	client := traffic.NewClient(t, s.Server, domain, nil)
	session, err := client.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	const most = 45 // recipients of a message
	for range messages {
		for i := from; i < to; i += most {
			var recipients []string
			for j := i; j < min(i+most, to); j++ {
				recipients = append(recipients, "u@"+hanging(j))
			}
			if err := client.Send(session, 1000, recipients...); err != nil {
				t.Fatal(err)
			}
		}
	}
}
