// SPDX-License-Identifier: Apache-2.0

package smtptest

import (
	"bufio"
	"bytes"
	"net"
)

// Sink takes and forgets every message that comes to l, as cheaply as it can, until l
// is closed. It is for benchmarks.
func Sink(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go sink(c)
	}
}

func sink(c net.Conn) {
	defer c.Close()
	r, w := bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)
	// A reply waits for as long as there are commands to read (RFC 2920 §3.2).
	say := func(s string) bool {
		w.WriteString(s)
		return r.Buffered() > 0 || w.Flush() == nil
	}
	content := false
	for ok := say("220 sink\r\n"); ok; {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case content && string(line) == ".\r\n":
			content = false
			ok = say("250 2.0.0 Ok: queued as 4XyZ\r\n")
		case content:
		case bytes.HasPrefix(line, []byte("EHLO")):
			ok = say("250-sink\r\n250-PIPELINING\r\n250-SIZE\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n")
		case bytes.HasPrefix(line, []byte("DATA")):
			content = true
			ok = say("354 go\r\n")
		default:
			ok = say("250 2.1.0 Ok\r\n")
		}
	}
}
