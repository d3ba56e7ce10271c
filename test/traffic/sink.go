// SPDX-License-Identifier: Apache-2.0

// Package traffic is both ends of the mail in the proofs of reliability: senders that
// submit message after message over SMTP, and a sink that takes what the server
// delivers. Both write into one ledger. For tests only.
package traffic

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"

	"sesame/test/ledger"
)

// Sink is an SMTP server that takes everything and books each copy before it answers:
// what it has answered 250 to has arrived.
type Sink struct {
	Addr string
	book *ledger.Ledger
	shut atomic.Bool
}

// Shut makes the sink refuse every connection with 421, or take mail again.
func (s *Sink) Shut(shut bool) { s.shut.Store(shut) }

// Listen starts a sink on a free port, until the test ends.
func Listen(t testing.TB, book *ledger.Ledger) *Sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &Sink{Addr: l.Addr().String(), book: book}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn, s.book.Life())
		}
	}()
	return s
}

func (s *Sink) serve(conn net.Conn, life int) {
	defer conn.Close()
	r := textproto.NewReader(bufio.NewReader(conn))
	say := func(format string, args ...any) bool {
		_, err := fmt.Fprintf(conn, format+"\r\n", args...)
		return err == nil
	}
	if s.shut.Load() {
		say("421 later")
		return
	}
	ok := say("220 sink ESMTP")
	var to []string
	for ok {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			ok = say("250-sink\r\n250-PIPELINING\r\n250 8BITMIME")
		case "MAIL", "RSET":
			to = nil
			ok = say("250 ok")
		case "RCPT":
			address := rest[strings.IndexByte(rest, '<')+1:]
			to = append(to, address[:strings.IndexByte(address, '>')])
			ok = say("250 ok")
		case "DATA":
			if !say("354 go on") {
				return
			}
			id, err := messageID(r)
			if err != nil {
				return
			}
			for _, a := range to {
				s.book.Arrive(id, a, life)
			}
			ok = say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			ok = say("502 what?")
		}
	}
}

// messageID reads a whole message and returns the id that its Message-ID field holds.
func messageID(r *textproto.Reader) (string, error) {
	m, err := mail.ReadMessage(r.DotReader())
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, m.Body); err != nil {
		return "", err // the connection broke before the end: nothing arrived
	}
	id, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-ID"), "<> "), "@")
	return id, nil
}
