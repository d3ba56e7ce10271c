// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/core/delivery"
	"sesame/internal/proto/dns/dnstest"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/proto/smtpclient/smtptest"
)

// times repeats a part of a script.
func times(n int, s smtptest.Script) smtptest.Script {
	var out smtptest.Script
	for range n {
		out = append(out, s...)
	}
	return out
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	refuse := script(ask, "S: 250 ok", "S: 550 5.1.1 no", "S: 503 no")
	refusedMail := script(ask, "S: 451 4.7.1 no", "S: 503 no", "S: 503 no")
	reset := smtptest.Script{"C: RSET", "S: 250 ok"}
	tlsHello := script(offered, "C: STARTTLS", "S: 220 go", "TLS", hello[1:])
	for _, tc := range []struct {
		name        string
		scripts     []smtptest.Script
		pool        delivery.PoolOptions
		wait        time.Duration // between messages
		require     string        // for which messages TLS is required, as "-+-"
		want        string        // of each message: class, and + if the connection was used again
		connections int
	}{
		{"message after message", []smtptest.Script{script(hello, times(4, take), quit)}, delivery.PoolOptions{}, 0, "",
			"delivered delivered+ delivered+ delivered+", 1},
		{"after a refused recipient", []smtptest.Script{script(hello, refuse, reset, take, quit)}, delivery.PoolOptions{}, 0, "",
			"permanent delivered+", 1},
		{"after a refused sender", []smtptest.Script{script(hello, refusedMail, take, quit)}, delivery.PoolOptions{}, 0, "",
			"temporary delivered+", 1},
		{"as many messages as one connection may carry", []smtptest.Script{script(hello, times(2, take), quit)}, delivery.PoolOptions{MaxMessages: 2}, 0, "",
			"delivered delivered+ delivered delivered+", 2},
		{"until it has waited too long", []smtptest.Script{script(hello, take, quit)}, delivery.PoolOptions{IdleTimeout: 10 * time.Second}, 10 * time.Second, "",
			"delivered delivered", 2},
		{"not before that", []smtptest.Script{script(hello, times(2, take), quit)}, delivery.PoolOptions{IdleTimeout: 10 * time.Second}, 9 * time.Second, "",
			"delivered delivered+", 1},
		{"until it is too old", []smtptest.Script{script(hello, times(3, take), quit), works}, delivery.PoolOptions{MaxAge: 50 * time.Second}, 20 * time.Second, "",
			"delivered delivered+ delivered+ delivered", 2},
		{"unless none are kept", []smtptest.Script{works}, delivery.PoolOptions{MaxIdle: -1}, 0, "",
			"delivered delivered", 2},
		{"a dead one is replaced in the same attempt", []smtptest.Script{script(hello, take), works}, delivery.PoolOptions{}, 0, "",
			"delivered delivered", 2},
		{"one that was reset too", []smtptest.Script{script(hello, take, ask, "CUT"), works}, delivery.PoolOptions{}, 0, "",
			"delivered delivered", 2},
		{"and one that the peer gives up with 421", []smtptest.Script{script(hello, take, "S: 421 4.4.2 idle"), works}, delivery.PoolOptions{}, 0, "",
			"delivered delivered", 2},
		{"or with 451 4.4.2, as SES does", []smtptest.Script{script(hello, take, ask, "S: 451 4.4.2 Timeout waiting for data from client."), works}, delivery.PoolOptions{}, 0, "",
			"delivered delivered", 2},
		{"a dead one is not replaced twice", []smtptest.Script{script(hello, take), {}}, delivery.PoolOptions{}, 0, "",
			"delivered temporary", 2},
		{"one that is lost in the transaction is not replaced", []smtptest.Script{script(hello, take, ask, "S: 250 ok"), works}, delivery.PoolOptions{}, 0, "",
			"delivered temporary+ delivered", 2},
		{"clear text won't do where TLS is required", []smtptest.Script{works}, delivery.PoolOptions{}, 0, "-+-",
			"delivered temporary delivered+", 2},
		{"TLS will do everywhere", []smtptest.Script{script(tlsHello, times(3, take), quit)}, delivery.PoolOptions{}, 0, "-+-",
			"delivered delivered+ delivered+", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dnstest.Zone{Records: "d.test. IN A 192.0.2.1"})
			if strings.HasPrefix(tc.name, "clear text") {
				tc.scripts = []smtptest.Script{script(hello, times(2, take), quit), hello}
			}
			srv := w.listen("192.0.2.1", tc.scripts...)
			now := clock.NewFake(time.Unix(1_700_000_000, 0))
			tr := w.transport(func(o *delivery.Options) { o.Clock, o.Pool = now.Now, tc.pool })
			var got []string
			for i := range strings.Fields(tc.want) {
				d := delivery1("d.test")
				d.RequireTLS = i < len(tc.require) && tc.require[i] == '+'
				a := tr.Deliver(t.Context(), d)
				s := a.Outcomes[0].Class.String()
				if a.Reused {
					s += "+"
				}
				got = append(got, s)
				now.Advance(tc.wait)
			}
			if s := strings.Join(got, " "); s != tc.want || srv.Accepted() != tc.connections {
				t.Errorf("got %q over %d connections, want %q over %d", s, srv.Accepted(), tc.want, tc.connections)
			}
		})
	}
}

func TestRoutesShareTheirConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dnstest.Zone{})
	srv := w.listen("192.0.2.1", script(hello, times(3, take), quit))
	tr := w.transport(func(o *delivery.Options) { o.Routes = []delivery.Route{{Pattern: "*", Hosts: []string{"192.0.2.1"}}} })
	for _, domain := range []string{"a.test", "b.test", "c.test"} {
		if a := tr.Deliver(t.Context(), delivery1(domain)); describe(a.Outcomes[0]) != delivered {
			t.Errorf("%s: %s", domain, describe(a.Outcomes[0]))
		}
	}
	if s := tr.Stats(); srv.Accepted() != 1 || s.Dials != 1 || s.Reused != 2 || s.Idle != 1 {
		t.Errorf("%d connections, %+v", srv.Accepted(), s)
	}
}

// deliverAtOnce delivers to several domains at the same time.
func deliverAtOnce(t *testing.T, tr *delivery.Transport, domains ...string) {
	t.Helper()
	var wg sync.WaitGroup
	for _, domain := range domains {
		wg.Go(func() {
			if a := tr.Deliver(t.Context(), delivery1(domain)); describe(a.Outcomes[0]) != delivered {
				t.Errorf("%s: %s\n%s", domain, describe(a.Outcomes[0]), a.TranscriptText())
			}
		})
	}
	wg.Wait()
}

func TestIdleConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	var zone strings.Builder
	for i := range 8 {
		fmt.Fprintf(&zone, "d%d.test. IN A 192.0.2.%d\n", i, i)
	}
	w := newWorld(t, dnstest.Zone{Records: zone.String()})
	var servers []*smtptest.Server
	for i := range 8 {
		servers = append(servers, w.listen(fmt.Sprintf("192.0.2.%d", i), works))
	}
	tr := w.transport(func(o *delivery.Options) { o.Pool = delivery.PoolOptions{MaxIdle: 5, MaxIdlePerDest: 2} })
	for i := range 8 {
		deliverAtOnce(t, tr, fmt.Sprintf("d%d.test", i))
		if n := tr.Stats().Idle; n != min(i+1, 5) {
			t.Errorf("%d idle after %d destinations", n, i+1)
		}
	}
	if err := tr.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for i, srv := range servers {
		if srv.Close(); srv.Finished() != 1 {
			t.Errorf("no QUIT for destination %d", i)
		}
	}
	if n := tr.Stats().Idle; n != 0 {
		t.Errorf("%d idle after Close", n)
	}
}

func TestIdleConnectionsOfADestinationAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dnstest.Zone{Records: "d.test. IN A 192.0.2.1"})
	const n = 6
	gate := newGate(n)
	srv := w.listen("192.0.2.1", works)
	tr := w.transport(func(o *delivery.Options) {
		o.Pool.MaxIdlePerDest = 2
		dial := o.Dial
		o.Dial = gate.pass(dial)
	})
	deliverAtOnce(t, tr, "d.test", "d.test", "d.test", "d.test", "d.test", "d.test")
	if s := tr.Stats(); srv.Accepted() != n || s.Idle != 2 {
		t.Errorf("%d connections, %d idle", srv.Accepted(), s.Idle)
	}
	if err := tr.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if srv.Close(); srv.Finished() != n {
		t.Errorf("%d of %d ended with QUIT", srv.Finished(), n)
	}
}

func TestCloseDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dnstest.Zone{Records: "d.test. IN A 192.0.2.1"})
	w.listen("192.0.2.1", script(hello, take, "HANG"))
	tr := w.transport(func(o *delivery.Options) { o.Timeouts = smtpclient.Timeouts{Quit: time.Hour} })
	deliverAtOnce(t, tr, "d.test")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := tr.Close(ctx); err == nil {
		t.Error("a peer that doesn't answer QUIT went unnoticed")
	}
}

func TestNothingIsKeptAfterClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dnstest.Zone{Records: "d.test. IN A 192.0.2.1"})
	srv := w.listen("192.0.2.1", works)
	tr := w.transport(nil)
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	deliverAtOnce(t, tr, "d.test")
	if n := tr.Stats().Idle; n != 0 {
		t.Errorf("%d idle", n)
	}
	if srv.Close(); srv.Finished() != 1 {
		t.Error("no QUIT")
	}
}

// gate holds connections back until a number of them are wanted at the same time.
type gate struct{ arrived sync.WaitGroup }

func newGate(n int) *gate {
	g := &gate{}
	g.arrived.Add(n)
	return g
}

func (g *gate) pass(dial smtpclient.DialFunc) smtpclient.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		g.arrived.Done()
		g.arrived.Wait()
		return dial(ctx, network, addr)
	}
}
