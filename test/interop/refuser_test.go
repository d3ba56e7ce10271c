// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// refusing is a mail server that greets everybody with a refusal, which a Postfix
// without a flaw in its configuration does not do.
type refusing struct {
	ip    string
	count atomic.Int64
}

// refuser starts one at the world's port, on a loopback address that has it free.
func refuser(t *testing.T, port int, greeting string) *refusing {
	t.Helper()
	for last := 10; last < 250; last++ {
		r := &refusing{ip: fmt.Sprintf("127.0.0.%d", last)}
		l, err := net.Listen("tcp", net.JoinHostPort(r.ip, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		t.Cleanup(func() { l.Close() })
		go r.serve(l, greeting)
		return r
	}
	t.Fatalf("port %d is taken on every loopback address", port)
	return nil
}

func (r *refusing) serve(l net.Listener, greeting string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // the test is over
		}
		r.count.Add(1)
		// The client may be gone already; either way it gets no more.
		_, _ = fmt.Fprintf(conn, "%s\r\n", greeting)
		conn.Close()
	}
}

func (r *refusing) connections() int { return int(r.count.Load()) }
