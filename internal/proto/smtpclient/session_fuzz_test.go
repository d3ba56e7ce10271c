// SPDX-License-Identifier: Apache-2.0

package smtpclient_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/proto/smtpclient"
)

// FuzzSession lets the peer say anything: each recipient must get an outcome, none may
// be delivered without an acceptance, and nothing may panic.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"220 mx\r\n250-mx\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n250 done\r\n221 bye\r\n",
		"220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n250 ok\r\n",
		"220 mx\r\n250-mx\r\n250 PIPELINING\r\n250 ok\r\n550 no\r\n550 no\r\n354 go\r\n554 none\r\n",
		"220 mx\r\n250-mx\r\n250 PIPELINING\r\n550 no\r\n250 ok\r\n250 ok\r\n354 go\r\n554 none\r\n",
		"220 mx\r\n500 what\r\n250 mx\r\n421 bye\r\n",
		"220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n",
		"554 no\r\n", "", "220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n550 no\r\n451 no\r\n250 reset\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n",
	} {
		f.Add([]byte(s))
	}
	to := []address.Address{{Local: "a", Domain: "b.test"}, {Local: "c", Domain: "b.test"}}
	f.Fuzz(func(t *testing.T, said []byte) {
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }() // ends with the pipe
		go func() {
			_, _ = there.Write(said) // the client may have enough before the end
			there.Close()
		}()
		c, err := smtpclient.Dial(t.Context(), smtpclient.Options{
			Addr:     netip.MustParseAddrPort("192.0.2.1:25"),
			Dial:     func(context.Context, string, string) (net.Conn, error) { return here, nil },
			Timeouts: smtpclient.Timeouts{Quit: time.Second},
		})
		if err != nil {
			return
		}
		defer c.Close()
		for range 3 {
			trace := smtpclient.NewTranscript(clock.System)
			res, err := c.Send(t.Context(), smtpclient.Envelope{To: to, Transcript: trace}, [][]byte{[]byte(".x\r\n")})
			if len(res.Outcomes) != len(to) || (err == nil) != c.Usable() {
				t.Fatalf("%d outcomes, %v", len(res.Outcomes), err)
			}
			for _, o := range res.Outcomes {
				if o.Command == "" || o.Cause == "" || o.Class == smtpclient.Delivered && (o.Command != smtpclient.CommandDot || o.Code/100 != 2) {
					t.Fatalf("outcome %+v", o)
				}
			}
		}
	})
}
